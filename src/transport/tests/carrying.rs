//! Frames over an open connection, and how it ends.

use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::{connect, connect_with, flush, receive, receive_text, send, server, url};
use crate::observe::Word;
use crate::time::Clock;
use crate::transport::{Connection, NetworkConfig};
use crate::wire::{CloseReason, Frame, Opening};

async fn echo(stream: TcpStream) {
    let mut peer = accept_async(stream).await.unwrap();
    while let Some(Ok(message)) = peer.next().await {
        if message.is_text() || message.is_binary() {
            peer.send(message).await.unwrap();
        }
    }
}

/// A peer that accepts, does `act` and goes.
async fn peer<F: Future<Output = ()> + Send + 'static>(
    act: impl FnOnce(WebSocketStream<TcpStream>) -> F + Send + 'static,
) -> Connection {
    let address = server(async move |stream| act(accept_async(stream).await.unwrap()).await).await;
    connect(address).await
}

fn reset(stream: TcpStream) {
    let stream = stream.into_std().unwrap();
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

#[tokio::test]
async fn frames_come_back_with_stamps_and_stages() {
    let address = server(echo).await;
    let clock = Clock::real();
    let before = clock.now();
    let opened = connect_with(url(address), NetworkConfig::default(), Opening::default()).await.unwrap();
    let stages: Vec<_> = opened.stages.iter().map(|(stage, _)| *stage).collect();
    assert_eq!(stages, [Word::TCP, Word::UPGRADE]);
    assert!(opened.headers.iter().any(|(name, _)| name == "sec-websocket-accept"));
    let mut connection = opened.connection;
    send(&mut connection, "hello").await;
    let received = receive(&mut connection).await.unwrap();
    assert_eq!(received.frame, Frame::text("hello"));
    assert!(before < received.at && received.at <= clock.now());
    assert_eq!(connection.last_heard(), received.at);
    let binary = Frame::Binary(vec![0, 255].into());
    assert_eq!(connection.start_send(binary.clone()), Ok(true));
    flush(&mut connection).await.unwrap();
    assert_eq!(receive(&mut connection).await.unwrap().frame, binary);
}

#[tokio::test]
async fn several_sends_leave_in_one_write_and_several_frames_arrive_in_one_read() {
    let address = server(async |stream| {
        let mut peer = accept_async(stream).await.unwrap();
        for _ in 0..10 {
            let message = peer.next().await.unwrap().unwrap();
            peer.feed(message).await.unwrap();
        }
        peer.flush().await.unwrap();
        peer.next().await;
    })
    .await;
    let mut connection = connect(address).await;
    connection.take_traffic();
    for n in 0..10 {
        assert_eq!(connection.start_send(Frame::text(format!("message {n}"))), Ok(true));
    }
    flush(&mut connection).await.unwrap();
    let mut stamps = Vec::new();
    for n in 0..10 {
        let received = receive(&mut connection).await.unwrap();
        assert_eq!(received.frame, Frame::text(format!("message {n}")));
        stamps.push(received.at);
    }
    stamps.dedup();
    assert_eq!(stamps.len(), 1);
    let passed = connection.take_traffic();
    assert_eq!((passed.writes, passed.reads), (1, 1));
    assert_eq!(passed.written, 10 * (2 + 4 + 9));
    assert_eq!(passed.read, 10 * (2 + 9));
}

#[tokio::test]
async fn what_the_server_says_with_its_answer_is_not_lost() {
    let address = server(async |mut stream| {
        let mut request = vec![0; 4096];
        let got = stream.read(&mut request).await.unwrap();
        let request = String::from_utf8_lossy(&request[..got]).into_owned();
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
        let mut answer = format!(
            "HTTP/1.1 101 OK\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .into_bytes();
        answer.extend(b"\x81\x07welcome\x81\x04mo");
        stream.write_all(&answer).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        stream.write_all(b"re\x81\x03end").await.unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    })
    .await;
    let mut connection = connect(address).await;
    for expected in ["welcome", "more", "end"] {
        assert_eq!(receive_text(&mut connection).await, expected);
    }
}

#[tokio::test]
async fn a_ping_is_answered_though_nothing_is_sent() {
    let mut connection = peer(async |mut peer| {
        peer.send(Message::Ping("are you there".into())).await.unwrap();
        assert_eq!(peer.next().await.unwrap().unwrap(), Message::Pong("are you there".into()));
        peer.send(Message::Text("good".into())).await.unwrap();
        peer.next().await;
    })
    .await;
    assert_eq!(receive_text(&mut connection).await, "good");
}

#[tokio::test]
async fn a_close_code_is_reported_and_answered() {
    let (done, answered) = tokio::sync::oneshot::channel();
    let mut connection = peer(async |mut peer| {
        let frame = CloseFrame { code: 4202.into(), reason: "slow consumer".into() };
        peer.close(Some(frame)).await.unwrap();
        done.send(peer.next().await.unwrap().unwrap()).unwrap();
    })
    .await;
    let end = CloseReason::Code(4202, "slow consumer".to_owned());
    assert_eq!(receive(&mut connection).await.unwrap_err(), end);
    assert_eq!(connection.start_send(Frame::text("late")), Err(end.clone()));
    assert_eq!(receive(&mut connection).await.unwrap_err(), end);
    assert!(answered.await.unwrap().is_close());
}

#[tokio::test]
async fn our_own_close_hears_the_rest_first() {
    let mut connection = peer(async |mut peer| {
        let Message::Close(Some(frame)) = peer.next().await.unwrap().unwrap() else { panic!("no close") };
        assert_eq!(u16::from(frame.code), 1000);
        assert!(peer.next().await.is_none());
    })
    .await;
    connection.start_close(1000);
    assert_eq!(connection.start_send(Frame::text("too late")), Ok(false));
    assert_eq!(receive(&mut connection).await.unwrap_err(), CloseReason::Code(1000, String::new()));
}

#[tokio::test]
async fn ends_without_a_close_frame_are_told_apart() {
    let mut connection = peer(async |peer| drop(peer)).await;
    assert_eq!(receive(&mut connection).await.unwrap_err(), CloseReason::Eof);
    let mut connection = peer(async |peer| reset(peer.into_inner())).await;
    assert_eq!(receive(&mut connection).await.unwrap_err(), CloseReason::Reset);
    let mut connection = peer(async |peer| peer.into_inner().write_all(b"\xf1\x00").await.unwrap()).await;
    let CloseReason::Protocol(what) = receive(&mut connection).await.unwrap_err() else { panic!() };
    assert!(what.contains("eserved"), "{what}");
    let mut connection = peer(async |mut peer| peer.close(None).await.unwrap()).await;
    assert_eq!(receive(&mut connection).await.unwrap_err(), CloseReason::Code(1005, String::new()));
}

#[tokio::test]
async fn the_close_code_is_known_although_a_write_failed_first() {
    let mut connection = peer(async |mut peer| {
        peer.feed(Message::Text("last words".into())).await.unwrap();
        peer.feed(Message::Close(Some(CloseFrame { code: 4101.into(), reason: "".into() }))).await.unwrap();
        peer.flush().await.unwrap();
        reset(peer.into_inner());
    })
    .await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    send(&mut connection, "into the void").await;
    match receive(&mut connection).await {
        Ok(received) => {
            assert_eq!(received.frame, Frame::text("last words"));
            assert_eq!(receive(&mut connection).await.unwrap_err(), CloseReason::Code(4101, String::new()));
        }
        // The kernel may drop what was not read yet.
        Err(end) => assert_eq!(end, CloseReason::Reset),
    }
}

#[tokio::test]
async fn a_peer_that_takes_no_bytes_makes_sends_refuse_and_nothing_wait() {
    let (go, wait) = tokio::sync::oneshot::channel::<()>();
    let mut connection = peer(async |mut peer| {
        wait.await.unwrap();
        while let Some(Ok(_)) = peer.next().await {}
    })
    .await;
    let text = "x".repeat(32 << 10);
    let mut taken = 0;
    while connection.start_send(Frame::text(text.clone())).unwrap() {
        taken += 1;
        assert!(taken < 10_000, "the queue has no end");
    }
    assert!(taken >= 8, "a quarter of a mebibyte is queued at least");
    assert_eq!(connection.start_send(Frame::text(text.clone())), Ok(false));
    go.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(10), flush(&mut connection)).await.unwrap().unwrap();
    assert_eq!(connection.start_send(Frame::text(text)), Ok(true));
}

#[tokio::test]
async fn a_message_larger_than_allowed_ends_the_connection() {
    let address = server(async |stream| {
        let mut peer = accept_async(stream).await.unwrap();
        peer.send(Message::Text("x".repeat(2000).into())).await.unwrap();
        peer.next().await;
    })
    .await;
    let config = NetworkConfig { max_message: 1000, ..NetworkConfig::default() };
    let mut connection = connect_with(url(address), config, Opening::default()).await.unwrap().connection;
    let end = receive(&mut connection).await.unwrap_err();
    assert_eq!(end, CloseReason::Protocol("Message too long: 2000 > 1000".to_owned()));
}

#[test]
fn an_open_connection_is_small() {
    // Beside the codec's read buffer of half a kilobyte this is most of what an idle client costs.
    assert!(size_of::<crate::transport::websocket::WebSocket>() <= 512);
}
