//! HTTP/2: everything but WebSocket, many streams over one connection, each with an end of its own.

use bytes::Bytes;
use h2::{Reason, RecvStream, client::SendRequest};
use reference_server::{Config, config::Outbound};
use serde_json::json;

use crate::support::{Authority, Client, Server, server::token, soon, until};

#[tokio::test]
async fn http_2_is_spoken_with_those_who_want_it() {
    let authority = Authority::new();
    let server = Server::alone(authority.config()).await;
    let stream = authority.connect(&server, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut requests, connection) = soon("the preface", h2::client::handshake(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    for (path, status) in [
        ("/nowhere", 404),
        ("/ws/rooms/a%20b", 400),
        ("/ws?token=x.y.z", 401),
        (&*format!("/ws?token={}", token("a")), 426),
        ("/conformance/echo", 426),
    ] {
        let request = http::Request::get(format!("https://localhost{path}")).body(()).unwrap();
        let (answer, _) = requests.send_request(request, true).unwrap();
        let answer = soon(path, answer).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (status, http::Version::HTTP_2), "{path}");
    }
    drop(requests);
    soon("the connection closes", connection).await.unwrap().unwrap();
}

/// The next piece of a stream of events that holds this.
async fn piece(body: &mut RecvStream, wanted: &str) -> String {
    loop {
        let bytes = soon(wanted, body.data()).await.unwrap().unwrap();
        body.flow_control().release_capacity(bytes.len()).unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        if text.contains(wanted) {
            return text;
        }
    }
}

/// A user's view of a room, past `joined`.
async fn view(requests: &mut SendRequest<Bytes>, room: &str, user: &str) -> RecvStream {
    let request = http::Request::get(format!("https://localhost/api/rooms/{room}/events"));
    let request = request.header("authorization", format!("Bearer {}", token(user))).body(()).unwrap();
    let answer = soon(room, requests.send_request(request, true).unwrap().0).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut body = answer.into_body();
    piece(&mut body, "joined").await;
    body
}

#[tokio::test]
async fn streams_of_events_share_a_connection_over_http_2() {
    let authority = Authority::new();
    let server = Server::alone(authority.config()).await;
    let stream = authority.connect(&server, &["h2"]).await.unwrap();
    let (mut requests, connection) = soon("the preface", h2::client::handshake(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut streams = Vec::new();
    for room in ["r0", "r1", "r2"] {
        streams.push(view(&mut requests, room, "alice").await);
    }
    let socket = authority.connect(&server, &[]).await.unwrap();
    let mut talker = Client::over(socket, &format!("/ws?token={}", token("talker"))).await;
    for (n, body) in streams.iter_mut().enumerate() {
        talker.join(&format!("r{n}")).await;
        talker.send(&format!(r#"{{"type":"message","room":"r{n}","content":"for {n}"}}"#)).await;
        let text = piece(body, "\"type\":\"message\"").await;
        assert!(text.contains(&format!(r#""content":"for {n}""#)), "{text}");
    }
    talker.leave().await;
    drop((streams, requests));
    soon("the connection closes", connection).await.unwrap().unwrap();
    server.empty().await;
}

/// Reads to the end of a stream that is reset, and says why it was.
async fn reset(mut body: RecvStream) -> Option<Reason> {
    loop {
        match soon("a reset", body.data()).await {
            Some(Ok(bytes)) => body.flow_control().release_capacity(bytes.len()).unwrap(),
            Some(Err(error)) => return error.reason(),
            None => return None,
        }
    }
}

#[tokio::test]
async fn a_slow_stream_is_reset_and_no_other_on_the_connection() {
    let authority = Authority::new();
    let outbound = Outbound { frames: 64, bytes: 256 * 1024, ..Outbound::default() };
    let mut config = Config { outbound, ..authority.config() };
    (config.limits.frames_per_second, config.limits.frames_burst) = (100_000, 100_000);
    let server = Server::alone(config).await;
    let stream = authority.connect(&server, &["h2"]).await.unwrap();
    // So much that what one stream leaves unread does not hold up the others.
    let mut client = h2::client::Builder::new();
    client.initial_connection_window_size(64 * 1024 * 1024).initial_window_size(128 * 1024);
    let (mut requests, connection) = soon("the preface", client.handshake(stream)).await.unwrap();
    let _connection = tokio::spawn(connection);
    let slow = view(&mut requests, "r", "slow").await;
    let mut quick = view(&mut requests, "r", "quick").await;
    let socket = authority.connect(&server, &[]).await.unwrap();
    let mut talker = Client::over(socket, &format!("/ws/rooms/r?token={}", token("talker"))).await;
    talker.expect("joined").await;
    let large = format!("\"{}\"", "x".repeat(32_000));
    for said in 1.. {
        talker.say(&large).await;
        talker.expect("message").await;
        piece(&mut quick, "\n\n").await;
        if server.metric("slow_consumers_total").await == 1.0 {
            break;
        }
        assert!(said < 2_000, "the queue is bounded");
    }
    until("only the slow one has gone", async || server.metric("connections").await == 2.0).await;
    assert_eq!(reset(slow).await, Some(Reason::CANCEL));
    talker.say("\"after\"").await;
    piece(&mut quick, "after").await;
}

#[tokio::test]
async fn a_stream_that_is_cut_takes_no_other_along() {
    let authority = Authority::new();
    let server = Server::alone(authority.config()).await;
    let stream = authority.connect(&server, &["h2"]).await.unwrap();
    let (mut requests, connection) = soon("the preface", h2::client::handshake(stream)).await.unwrap();
    let _connection = tokio::spawn(connection);
    let mut other = view(&mut requests, "r", "other").await;
    for (how, seen) in [("rst", Some(Reason::CANCEL)), ("fin", Some(Reason::CANCEL)), ("close:4000", None)] {
        let victim = view(&mut requests, "r", "victim").await;
        let answer = server.post("/admin/disconnect", &json!({"users": ["victim"], "how": how})).await;
        assert!(answer.body.contains(r#""chosen":1"#) && answer.body.contains("at_us"), "{answer:?}");
        assert_eq!(reset(victim).await, seen, "{how}");
        until("it has gone", async || server.metric("connections").await == 1.0).await;
    }
    let socket = authority.connect(&server, &[]).await.unwrap();
    let mut talker = Client::over(socket, &format!("/ws/rooms/r?token={}", token("talker"))).await;
    talker.expect("joined").await;
    talker.say("\"after\"").await;
    piece(&mut other, "after").await;
}
