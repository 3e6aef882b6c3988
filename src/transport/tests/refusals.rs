//! Every way a connect can fail, told apart and told with its remedy.

use socket2::SockRef;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use url::Url;

use super::{connect_with, request, server, url};
use crate::observe::Word;
use crate::transport::connect::websocket;
use crate::transport::{ConnectError, NetworkConfig, SetupError};
use crate::wire::Opening;

async fn refusal(address: SocketAddr) -> ConnectError {
    let opening = Opening { query: vec![("token".to_owned(), "s3cret".to_owned())], ..Opening::default() };
    let config = NetworkConfig { connect_timeout: Duration::from_millis(300), ..NetworkConfig::default() };
    let error = connect_with(url(address), config, opening).await.err().unwrap();
    assert!(!format!("{error:?} {error}").contains("s3cret"));
    error
}

/// A peer that reads the request, answers `bytes` and waits for us to go.
async fn answering(bytes: impl AsRef<[u8]> + Send + 'static) -> SocketAddr {
    server(async move |mut stream| {
        request(&mut stream).await;
        stream.write_all(bytes.as_ref()).await.unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    })
    .await
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = refusal(address).await;
    assert_eq!((error.stage, error.kind), (Word::TCP, Word::CONNECTION_REFUSED));
    let expected = format!("tcp: {address}: connection refused; is the server running, is the port right?");
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn the_name_does_not_exist() {
    let url = Url::parse("ws://no-such-host.invalid/ws?token=s3cret").unwrap();
    let error = connect_with(url, NetworkConfig::default(), Opening::default()).await.err().unwrap();
    assert_eq!((error.stage, error.kind), (Word::DNS, Word::NO_ADDRESS));
    assert!(error.detail.starts_with("no-such-host.invalid: "), "{error}");
}

#[tokio::test]
async fn the_upgrade_is_answered_otherwise() {
    for (head, body, kind, detail) in [
        ("401 Unauthorized", "Unauthorized", 401, "answered 401 Unauthorized: \"Unauthorized\""),
        ("403 Forbidden\r\nServer: nginx", "", 403, "answered 403 Forbidden from nginx"),
        ("404 Not Found", "<h1>\x1b[31m", 404, "answered 404 Not Found: \"<h1>\\u{1b}[31m\""),
        (
            "503 Service Unavailable\r\nserver: envoy",
            "no\nupstream",
            503,
            "answered 503 Service Unavailable from envoy: \"no\\nupstream\"",
        ),
        // Some say why in the first line only.
        ("400 only wamp.2.json", "", 400, "answered 400 Bad Request: \"only wamp.2.json\""),
        ("200 OK", "hi", 200, "answered 200 OK, which is no WebSocket; is the path right?: \"hi\""),
        (
            "302 Found\r\nLocation: https://login.example/?next=s3cret",
            "",
            302,
            "answered 302 Found, redirected to https://login.example/",
        ),
    ] {
        let length = body.len();
        let address = answering(format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n{body}")).await;
        let error = refusal(address).await;
        assert_eq!((error.stage, error.kind), (Word::UPGRADE, Word::http(kind)));
        assert_eq!(error.detail, format!("ws://{address}/ws: {detail}"));
    }
}

#[tokio::test]
async fn a_body_that_comes_late_is_shown_and_a_long_one_cut() {
    let address = server(async |mut stream| {
        request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 500 X\r\nContent-Length: 5000\r\n\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        stream.write_all(&[b'x'; 5000]).await.unwrap();
        stream.shutdown().await.unwrap();
    })
    .await;
    let error = refusal(address).await;
    assert!(error.detail.ends_with(&format!("500 Internal Server Error: \"{}…\"", "x".repeat(120))), "{error}");
}

#[tokio::test]
async fn the_upgrade_is_not_one() {
    let base = "HTTP/1.1 101 Switching Protocols\r\n";
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    for (head, kind, detail) in [
        (
            format!("{base}{upgrade}Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"),
            Word::ACCEPT_KEY,
            "answered 101 with a wrong Sec-WebSocket-Accept",
        ),
        (format!("{base}{upgrade}\r\n"), Word::ACCEPT_KEY, "answered 101 without Sec-WebSocket-Accept"),
        (
            format!("{base}\r\n"),
            Word::HANDSHAKE,
            "answered 101, but without \"Upgrade: websocket\" and \"Connection: Upgrade\"",
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), Word::PROTOCOL, "the answer is not HTTP: \"SSH-2.0-OpenSSH_9.2\""),
    ] {
        let address = answering(head).await;
        let error = refusal(address).await;
        assert_eq!((error.stage, error.kind), (Word::UPGRADE, kind));
        assert_eq!(error.detail, format!("ws://{address}/ws: {detail}"));
    }
}

#[tokio::test]
async fn the_peer_goes_away_during_the_handshake() {
    let address = server(async |mut stream| {
        request(&mut stream).await;
    })
    .await;
    let error = refusal(address).await;
    assert_eq!((error.stage, error.kind), (Word::UPGRADE, Word::EOF));
    assert!(error.detail.ends_with("the peer closed the connection without an answer"), "{error}");
    let address = server(async |mut stream| {
        request(&mut stream).await;
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    let error = refusal(address).await;
    assert_eq!((error.stage, error.kind), (Word::UPGRADE, Word::RESET));
}

#[tokio::test]
async fn a_silent_peer_is_given_up_and_the_stage_named() {
    let address = answering("HTTP/1.1 101 Switching").await;
    let error = refusal(address).await;
    assert_eq!((error.stage, error.kind), (Word::UPGRADE, Word::TIMEOUT));
    assert_eq!(error.detail, format!("ws://{address}/ws: the upgrade was not answered within 300ms"));
    let tls = Url::parse(&format!("wss://{}/ws", answering("").await)).unwrap();
    let config = NetworkConfig { connect_timeout: Duration::from_millis(100), ..NetworkConfig::default() };
    let config = NetworkConfig { tls: crate::transport::TlsConfig { insecure: true, ..config.tls }, ..config };
    let error = connect_with(tls, config, Opening::default()).await.err().unwrap();
    assert_eq!((error.stage, error.kind), (Word::TLS, Word::TIMEOUT));
}

#[tokio::test]
async fn a_source_that_is_not_ours_is_told() {
    let address = answering("").await;
    let config = NetworkConfig { source_ips: vec!["192.0.2.1".parse().unwrap()], ..NetworkConfig::default() };
    let error = connect_with(url(address), config, Opening::default()).await.err().unwrap();
    assert_eq!(error.to_string(), "tcp: source_ips: 192.0.2.1 is not an address of this machine");
}

#[tokio::test]
async fn what_is_asked_for() {
    let (done, asked) = tokio::sync::oneshot::channel();
    let address = server(async |mut stream| {
        let head = request(&mut stream).await;
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        let accept = derive_accept_key(key.as_bytes());
        let head = head.replace(key, "KEY");
        let answer = format!(
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: v2\r\nX-Pod: pod-1\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        done.send(head).unwrap();
    })
    .await;
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let opening = Opening {
        path: "/ws".to_owned(),
        query: vec![pair("token", "a&b")],
        headers: vec![pair("Cookie", "token=k"), pair("X-A", "dialect")],
        subprotocols: vec!["v1".to_owned(), "v2".to_owned()],
        ..Opening::default()
    };
    let headers = vec![pair("Origin", "https://app.example"), pair("cookie", "route=1"), pair("x-a", "scenario")];
    let config = NetworkConfig {
        headers,
        connect_to: vec![pair("chat.example:80", &address.to_string())],
        ..NetworkConfig::default()
    };
    let url = Url::parse("ws://user:p%40ss@chat.example/?v=1").unwrap();
    let opened = connect_with(url, config, opening).await.unwrap();
    assert!(opened.headers.contains(&pair("x-pod", "pod-1")));
    let expected = "GET /ws?v=1&token=a%26b HTTP/1.1\r\nHost: chat.example\r\nAuthorization: Basic dXNlcjpwQHNz\r\n\
        Sec-WebSocket-Protocol: v1, v2\r\nCookie: token=k; route=1\r\nX-A: scenario\r\nOrigin: https://app.example\r\n\
        Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: KEY\r\n\r\n";
    assert_eq!(asked.await.unwrap(), expected);
}

#[test]
fn a_set_up_that_cannot_work_is_refused_before_the_first_connect() {
    let url = || vec![Url::parse("ws://127.0.0.1:1").unwrap()];
    let with = |headers: &[(&str, &str)]| {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        websocket(url(), NetworkConfig { headers, ..NetworkConfig::default() }).err().map(|error| error.to_string())
    };
    assert_eq!(with(&[("Origin", "https://a.example")]), None);
    assert_eq!(with(&[("a b", "x")]).as_deref(), Some("header \"a b\": not a header name"));
    let value = "header \"X-A\": its value has characters that a header cannot carry";
    assert_eq!(with(&[("X-A", "s3cret\r\nX-B: 1")]).as_deref(), Some(value));
    let handshake = "header \"upgrade\": belongs to the WebSocket handshake and cannot be set";
    assert_eq!(with(&[("upgrade", "h2c")]).as_deref(), Some(handshake));
    assert_eq!(websocket(Vec::new(), NetworkConfig::default()).err(), Some(SetupError::NoUrl));
}
