//! Calls against real sockets: their lines, their answers, and every way to get none.

mod ways;

use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use super::http;
use crate::time::Clock;
use crate::transport::tests::{flush, receive, request, server, until_gone};
use crate::transport::{Connection, NetworkConfig, Traffic};
use crate::wire::{Answer, Call, CloseReason, Frame, Method, Opening, Response};

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

async fn connection(url: &str, config: NetworkConfig) -> Connection {
    let transport = http(vec![Url::parse(url).unwrap()], config).unwrap();
    let connected = transport.connect(0, &Opening::default(), &Clock::real()).await.unwrap();
    assert!(connected.stages.is_empty());
    connected.connection
}

fn get(path: &str, reference: u64) -> Call {
    Call {
        method: Method::Get,
        opening: Opening { path: path.to_owned(), ..Opening::default() },
        body: None,
        reference,
        waits: true,
    }
}

/// Makes one call and waits for what becomes of it.
async fn made(connection: &mut Connection, call: Call) -> Result<Response, CloseReason> {
    let reference = call.reference;
    assert_eq!(connection.start_send(Frame::Call(Box::new(call))), Ok(true));
    flush(connection).await.unwrap();
    let Frame::Answer(answer) = receive(connection).await.unwrap().frame else { panic!("no answer") };
    let Answer { reference: answered, outcome } = *answer;
    assert_eq!(answered, reference);
    outcome
}

async fn body(connection: &mut Connection, call: Call) -> String {
    String::from_utf8(made(connection, call).await.unwrap().body.to_vec()).unwrap()
}

/// What `answer` makes a call to `address` come to, with a token that must not be told.
async fn unanswered(address: SocketAddr, config: NetworkConfig) -> CloseReason {
    let mut connection = connection(&format!("http://u:s3cret@{address}"), config).await;
    let call = Call {
        method: Method::Get,
        opening: Opening { path: "/poll".to_owned(), query: vec![pair("token", "s3cret")], ..Opening::default() },
        body: None,
        reference: 1,
        waits: true,
    };
    let reason = made(&mut connection, call).await.unwrap_err();
    assert!(!format!("{reason:?}{connection:?}").contains("s3cret"), "{reason:?}");
    reason
}

/// Answers each request with its first line, host and what stands in `Authorization`; and how many lines came about.
async fn echo() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let lines = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lines);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                while stream.peek(&mut [0]).await.is_ok_and(|more| more > 0) {
                    let head = request(&mut stream).await;
                    stream.write_all(&echoed(&head)).await.unwrap();
                }
            });
        }
    });
    (address, lines)
}

fn echoed(head: &str) -> Vec<u8> {
    let wanted =
        |line: &&str| ["host", "authorization", "x-a"].iter().any(|name| line.to_lowercase().starts_with(name));
    let mut lines: Vec<_> = head.lines().skip(1).filter(wanted).map(str::to_lowercase).collect();
    lines.sort_unstable();
    let body = format!("{}|{}", head.lines().next().unwrap(), lines.join("|"));
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[tokio::test]
async fn calls_of_one_client_share_a_line_and_nobody_elses() {
    let (address, lines) = echo().await;
    let url = format!("http://u:p@{address}/base?v=1");
    let config = || NetworkConfig { headers: vec![pair("X-A", "scenario")], ..NetworkConfig::default() };
    let mut first = connection(&url, config()).await;
    assert_eq!(lines.load(Ordering::Relaxed), 0, "connecting makes no request");
    let expected = format!("GET /poll?v=1 HTTP/1.1|authorization: basic dtpw|host: {address}|x-a: scenario");
    for reference in 0..3 {
        assert_eq!(body(&mut first, get("/poll", reference)).await, expected);
    }
    assert_eq!(lines.load(Ordering::Relaxed), 1);
    let mut second = connection(&url, config()).await;
    assert!(body(&mut second, get("", 1)).await.starts_with("GET /base?v=1 "));
    assert_eq!(lines.load(Ordering::Relaxed), 2);
    let one = expected.len() as u64;
    assert_eq!(first.take_traffic(), Traffic { read: 3 * one, written: 0, reads: 3, writes: 3 });
}

#[tokio::test]
async fn an_answer_in_pieces_is_given_whole_with_the_moment_of_its_end() {
    let address = server(async |mut stream| {
        request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 503 X\r\nRetry-After: 2\r\nContent-Length: 6\r\n\r\nabc").await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        stream.write_all(b"def").await.unwrap();
    })
    .await;
    let clock = Clock::real();
    let mut connection = connection(&format!("http://{address}"), NetworkConfig::default()).await;
    let start = clock.now();
    let response = made(&mut connection, get("/poll", 1)).await.unwrap();
    let retry_after = Some(Duration::from_secs(2));
    assert_eq!(response, Response { status: 503, body: Bytes::from_static(b"abcdef"), retry_after });
    assert!(connection.last_heard() - start >= Duration::from_millis(40));
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let told = format!("http://{address}/poll: connection refused; is the server running, is the port right?");
    assert_eq!(unanswered(address, NetworkConfig::default()).await, CloseReason::Io(told));
}

#[tokio::test]
async fn the_peer_goes_away() {
    let before = server(async |mut stream| {
        request(&mut stream).await;
    })
    .await;
    assert_eq!(unanswered(before, NetworkConfig::default()).await, CloseReason::Eof);
    let during = server(async |mut stream| {
        request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc").await.unwrap();
    })
    .await;
    assert_eq!(unanswered(during, NetworkConfig::default()).await, CloseReason::Eof);
    let reset = server(async |mut stream| {
        request(&mut stream).await;
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    assert_eq!(unanswered(reset, NetworkConfig::default()).await, CloseReason::Reset);
}

#[tokio::test]
async fn what_is_no_answer_or_too_much_of_one() {
    let address = server(async |mut stream| {
        request(&mut stream).await;
        stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await.unwrap();
    })
    .await;
    let reason = unanswered(address, NetworkConfig::default()).await;
    assert!(matches!(reason, CloseReason::Protocol(_)), "{reason:?}");
    let address = server(async |mut stream| {
        request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n0123456789a").await.unwrap();
        until_gone(&mut stream).await;
    })
    .await;
    let small = NetworkConfig { max_message: 10, ..NetworkConfig::default() };
    let told = "an answer is larger than 10 bytes".to_owned();
    assert_eq!(unanswered(address, small).await, CloseReason::Protocol(told));
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let (asked, heard) = tokio::sync::oneshot::channel();
    let address = server(async move |mut stream| {
        request(&mut stream).await;
        asked.send(()).unwrap();
        until_gone(&mut stream).await;
    })
    .await;
    let mut connection = connection(&format!("http://{address}"), NetworkConfig::default()).await;
    assert_eq!(connection.start_send(Frame::Call(Box::new(get("/poll", 1)))), Ok(true));
    flush(&mut connection).await.unwrap();
    let received = tokio::select! {
        _ = async { heard.await.unwrap(); tokio::time::pause(); std::future::pending::<()>().await } => unreachable!(),
        received = std::future::poll_fn(|cx| connection.poll_receive(cx)) => received.unwrap(),
    };
    let Frame::Answer(answer) = received.frame else { panic!("no answer") };
    assert_eq!(answer.outcome, Err(CloseReason::Io(format!("http://{address}/poll: not answered within 90s"))));
}

#[tokio::test]
async fn leaving_gives_the_poll_up_and_ends_cleanly() {
    let (gone, hung_up) = tokio::sync::oneshot::channel();
    let address = server(async move |mut stream| {
        request(&mut stream).await;
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
        gone.send(()).unwrap();
    })
    .await;
    let mut connection = connection(&format!("http://{address}"), NetworkConfig::default()).await;
    assert_eq!(connection.start_send(Frame::Call(Box::new(get("/poll", 1)))), Ok(true));
    flush(&mut connection).await.unwrap();
    let nothing = tokio::time::timeout(Duration::from_millis(100), receive(&mut connection)).await;
    assert!(nothing.is_err());
    connection.start_close(1000);
    let clean = CloseReason::Code(1000, String::new());
    assert_eq!(receive(&mut connection).await.unwrap_err(), clean);
    assert_eq!(connection.start_send(Frame::Call(Box::new(get("/poll", 2)))), Err(clean));
    tokio::time::timeout(Duration::from_secs(5), hung_up).await.unwrap().unwrap();
}
