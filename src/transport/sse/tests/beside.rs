//! What a stream's client says: requests beside the stream.

use bytes::Bytes;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{OPEN, connect};
use crate::transport::tests::{flush, receive, receive_text, request};
use crate::wire::{Answer, Call, CloseReason, Frame, Method, Opening, Received, Response};

/// What a request is answered with, by its head and body; `None` is no answer.
type Answerer = fn(&str, &str) -> Option<String>;

/// A server whose streams stay open and whose other requests get their answer after a while.
async fn room(answer: Answerer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, answer));
        }
    });
    address
}

async fn serve(mut stream: TcpStream, answer: Answerer) {
    while stream.peek(&mut [0]).await.is_ok_and(|more| more > 0) {
        let head = request(&mut stream).await;
        if head.starts_with("GET /stream ") {
            stream.write_all(format!("{OPEN}data: open\n\n").as_bytes()).await.unwrap();
            continue;
        }
        let length = head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        if let Some(answer) = answer(&head, std::str::from_utf8(&body).unwrap()) {
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }
}

fn call(path: &str, body: Option<&'static str>, reference: u64) -> Frame {
    let opening = Opening { path: path.to_owned(), ..Opening::default() };
    Frame::Call(Box::new(Call {
        method: if body.is_some() { Method::Post } else { Method::Get },
        opening,
        body: body.map(|body| Bytes::from_static(body.as_bytes())),
        reference,
        waits: body.is_none(),
    }))
}

fn answer(received: &Received) -> &Answer {
    let Frame::Answer(answer) = &received.frame else { panic!("{received:?}") };
    answer
}

#[tokio::test]
async fn what_is_said_is_answered_between_events() {
    let address = room(|head, body| {
        assert!(head.to_lowercase().contains("content-type: application/json"));
        Some(format!("HTTP/1.1 429 X\r\nRetry-After: 3\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    })
    .await;
    let mut connection = connect(address).await;
    assert_eq!(receive_text(&mut connection).await, "open");
    assert_eq!(connection.start_send(call("/say", Some("\"hi\""), 7)), Ok(true));
    flush(&mut connection).await.unwrap();
    let received = receive(&mut connection).await.unwrap();
    let body = Bytes::from_static(b"\"hi\"");
    let response = Response { status: 429, body, retry_after: Some(Duration::from_secs(3)) };
    assert_eq!(answer(&received), &Answer { reference: 7, outcome: Ok(response) });
    assert!(connection.last_heard() < received.at, "it says nothing about the stream");
    assert_eq!(connection.start_send(Frame::text("a stream takes none")), Ok(false));
}

#[tokio::test]
async fn too_many_under_way_are_refused() {
    let address = room(|_, _| None).await;
    let mut connection = connect(address).await;
    let taken = (0..100).take_while(|n| connection.start_send(call("/wait", Some("1"), *n)) == Ok(true)).count();
    assert_eq!(taken, 64);
}

#[tokio::test]
async fn closing_sees_through_what_was_said_and_gives_polls_up() {
    let said = |head: &str, _: &str| head.starts_with("POST").then(|| "HTTP/1.1 204 X\r\n\r\n".to_owned());
    let address = room(said).await;
    let mut connection = connect(address).await;
    assert_eq!(connection.start_send(call("/poll", None, 1)), Ok(true));
    assert_eq!(connection.start_send(call("/say", Some("1"), 2)), Ok(true));
    flush(&mut connection).await.unwrap();
    connection.start_close(1000);
    assert_eq!(connection.start_send(call("/say", Some("1"), 3)), Ok(false));
    let received = receive(&mut connection).await.unwrap();
    assert_eq!((answer(&received).reference, answer(&received).outcome.is_ok()), (2, true));
    assert_eq!(receive(&mut connection).await.unwrap_err(), CloseReason::Code(1000, String::new()));
}
