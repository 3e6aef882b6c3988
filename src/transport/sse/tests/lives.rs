//! An open stream from its first event to its end.

use bytes::Bytes;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Answering, OPEN, connect, connect_with, url};
use crate::observe::{TransportKind, Word};
use crate::time::Clock;
use crate::transport::tests::{receive, receive_text, request, server, until_gone};
use crate::transport::{Connection, NetworkConfig, Traffic};
use crate::wire::{CloseReason, Opening};

const ENGINES: [TransportKind; 2] = [TransportKind::Sse, TransportKind::EventsourceClient];

/// A server that opens a stream and goes on as `then` says.
async fn streaming<F: Future<Output = ()> + Send + 'static>(
    then: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    server(async move |mut stream| {
        request(&mut stream).await;
        stream.write_all(OPEN.as_bytes()).await.unwrap();
        then(stream).await;
    })
    .await
}

async fn opened(kind: TransportKind, address: SocketAddr, limit: usize) -> Connection {
    let config = NetworkConfig { max_message: limit, ..NetworkConfig::default() };
    connect_with(kind, url(address), config, Opening::default()).await.unwrap().connection
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[tokio::test]
async fn stages_headers_and_what_is_asked_for() {
    for kind in ENGINES {
        let answer = format!("{}X-Pod: pod-1\r\n\r\ndata: a\n\n", OPEN.trim_end_matches("\r\n").to_owned() + "\r\n");
        let server = Answering::start(vec![Bytes::from(answer)]).await;
        let opening = Opening {
            path: "/api/rooms/a%3Ab/events".to_owned(),
            query: vec![pair("token", "a&b")],
            headers: vec![pair("Last-Event-ID", "k3f9:7"), pair("X-A", "dialect")],
            ..Opening::default()
        };
        let config = NetworkConfig {
            headers: vec![pair("Origin", "https://app.example"), pair("x-a", "scenario")],
            connect_to: vec![pair("chat.example:80", &server.address.to_string())],
            ..NetworkConfig::default()
        };
        let target = url::Url::parse("ws://user:p%40ss@chat.example/ws?v=1").unwrap();
        let opened = connect_with(kind, target, config, opening).await.unwrap();
        let stages: Vec<_> = opened.stages.iter().map(|(stage, _)| *stage).collect();
        assert_eq!(stages, [Word::TCP, Word::UPGRADE]);
        assert!(opened.headers.contains(&pair("x-pod", "pod-1")));
        let head = server.heads().remove(0).to_lowercase();
        let mut lines: Vec<_> = head.lines().filter(|line| !line.is_empty()).collect();
        lines[1..].sort_unstable();
        let expected = [
            "get /api/rooms/a%3ab/events?v=1&token=a%26b http/1.1",
            "accept: text/event-stream",
            "authorization: basic dxnlcjpwqhnz",
            "cache-control: no-cache",
            "host: chat.example",
            "last-event-id: k3f9:7",
            "origin: https://app.example",
            "x-a: scenario",
        ];
        assert_eq!(lines, expected, "{}", kind.name());
    }
}

#[tokio::test]
async fn events_of_one_read_share_its_stamp_and_comments_are_signs_of_life() {
    for kind in ENGINES {
        let address = streaming(async |mut stream| {
            stream.write_all(b"data: 1\n\ndata: 2\n\ndata: 3").await.unwrap();
            tokio::time::sleep(Duration::from_millis(30)).await;
            stream.write_all(b"\n\n").await.unwrap();
            tokio::time::sleep(Duration::from_millis(30)).await;
            stream.write_all(b": still here\n\n").await.unwrap();
            assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
        })
        .await;
        let clock = Clock::real();
        let before = clock.now();
        let mut connection = opened(kind, address, 1 << 20).await;
        let mut at = Vec::new();
        for expected in ["1", "2", "3"] {
            let received = receive(&mut connection).await.unwrap();
            assert_eq!(received.frame.bytes(), expected.as_bytes());
            at.push(received.at);
        }
        assert!(before < at[0] && at[0] == at[1], "{at:?}");
        assert!(at[2] - at[1] >= Duration::from_millis(20) && at[2] <= clock.now());
        assert_eq!(connection.last_heard(), at[2]);
        let more = tokio::time::timeout(Duration::from_millis(200), receive(&mut connection)).await;
        assert!(more.is_err(), "a comment is no event");
        assert!(connection.last_heard() - at[2] >= Duration::from_millis(20));
    }
}

#[tokio::test]
async fn waiting_time_and_last_event_id_outlive_the_stream() {
    for kind in ENGINES {
        let address = streaming(async |mut stream| {
            stream.write_all(b"retry: 250\nid: k:1\ndata: a\n\ndata: b\n\n").await.unwrap();
        })
        .await;
        let mut connection = opened(kind, address, 1 << 20).await;
        assert_eq!((connection.retry(), connection.last_event_id()), (None, ""));
        assert_eq!(receive_text(&mut connection).await, "a");
        assert_eq!(receive_text(&mut connection).await, "b");
        assert_eq!(receive(&mut connection).await.unwrap_err(), CloseReason::Eof);
        assert_eq!(connection.retry(), Some(Duration::from_millis(250)));
        assert_eq!(connection.last_event_id(), "k:1");
        assert_eq!(receive(&mut connection).await.unwrap_err(), CloseReason::Eof, "and goes on saying so");
    }
}

#[tokio::test]
async fn ends_are_told_apart() {
    for kind in ENGINES {
        let reset = streaming(async |stream| {
            tokio::time::sleep(Duration::from_millis(20)).await;
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        })
        .await;
        let mut connection = opened(kind, reset, 1 << 20).await;
        assert_eq!(receive(&mut connection).await.unwrap_err(), CloseReason::Reset);
        let head = OPEN.trim_end_matches("\r\n").to_owned() + "\r\nTransfer-Encoding: chunked\r\n\r\n";
        let nonsense = Answering::start(vec![Bytes::from(head + "x\r\ndata: a\n\n")]).await;
        let mut connection = opened(kind, nonsense.address, 1 << 20).await;
        let reason = receive(&mut connection).await.unwrap_err();
        assert!(matches!(reason, CloseReason::Protocol(_)), "{reason:?}");
    }
}

#[tokio::test]
async fn no_event_is_larger_than_agreed() {
    for (kind, size) in [(TransportKind::Sse, 2_000), (TransportKind::EventsourceClient, 200_000)] {
        let address = streaming(async move |mut stream| {
            stream.write_all(b"data: fits\n\ndata: ").await.unwrap();
            // It may hang up before all of it is out.
            stream.write_all(&vec![b'x'; size]).await.ok();
            until_gone(&mut stream).await;
        })
        .await;
        let mut connection = opened(kind, address, 1_000).await;
        assert_eq!(receive_text(&mut connection).await, "fits");
        let reason = receive(&mut connection).await.unwrap_err();
        assert_eq!(reason, CloseReason::Protocol("an event is larger than 1000 bytes".to_owned()));
    }
}

#[tokio::test]
async fn closing_hangs_up_and_ends_cleanly() {
    for kind in ENGINES {
        let (gone, hung_up) = tokio::sync::oneshot::channel();
        let address = streaming(async move |mut stream| {
            stream.write_all(b"id: 7\ndata: a\n\n").await.unwrap();
            assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
            gone.send(()).unwrap();
        })
        .await;
        let mut connection = opened(kind, address, 1 << 20).await;
        assert_eq!(receive_text(&mut connection).await, "a");
        let heard = connection.last_heard();
        connection.start_close(1000);
        tokio::time::timeout(Duration::from_secs(5), hung_up).await.unwrap().unwrap();
        assert_eq!(receive(&mut connection).await.unwrap_err(), CloseReason::Code(1000, String::new()));
        assert_eq!((connection.last_heard(), connection.last_event_id()), (heard, "7"));
    }
}

#[tokio::test]
async fn what_is_read_at_once_wakes_the_task_once() {
    const READS: usize = 10;
    let address = streaming(async |mut stream| {
        for _ in 0..READS {
            tokio::time::sleep(Duration::from_millis(10)).await;
            stream.write_all(b"data: a\n\ndata: b\n\n").await.unwrap();
        }
        until_gone(&mut stream).await;
    })
    .await;
    let mut connection = connect(address).await;
    let (mut polls, mut events) = (0, 0);
    std::future::poll_fn(|cx| {
        polls += 1;
        while connection.poll_receive(cx).is_ready() {
            events += 1;
        }
        if events == 2 * READS { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    // One more to begin with, and one for a read that came in two.
    assert!(polls <= READS + 2, "{polls} polls");
}

#[tokio::test]
async fn traffic_is_counted_under_http() {
    let server = Answering::start(vec![Bytes::from(format!("{OPEN}data: a\n\n"))]).await;
    let mut connection = connect(server.address).await;
    assert_eq!(receive_text(&mut connection).await, "a");
    let asked = server.heads().remove(0).len() as u64;
    let Traffic { read, written, reads, writes } = connection.take_traffic();
    assert_eq!((read, written), ((OPEN.len() + "data: a\n\n".len()) as u64, asked));
    assert!(reads >= 1 && writes >= 1);
    assert_eq!(connection.take_traffic(), Traffic::default());
}

#[tokio::test]
async fn a_slow_reader_leaves_most_of_it_with_the_server() {
    const BLOCK: usize = 64 << 10;
    let (done, taken) = tokio::sync::oneshot::channel();
    let address = streaming(async move |mut stream| {
        // What the two kernels hold does not depend on the reader unless its buffer is small.
        socket2::SockRef::from(&stream).set_send_buffer_size(BLOCK).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let mut taken = 0;
        while let Ok(Ok(more)) = tokio::time::timeout(Duration::from_millis(300), stream.write(&[b':'; BLOCK])).await {
            taken += more;
        }
        done.send(taken).unwrap();
    })
    .await;
    let connection = connect(address).await;
    connection.take_little();
    let taken = taken.await.unwrap();
    assert!(taken < 4 * BLOCK, "{taken} bytes");
}
