//! Streams that do not come about, and the ways they travel: TLS, proxies, redirects to elsewhere.

use bytes::Bytes;
use std::time::Duration;
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::{Answering, OPEN, connect_with, url};
use crate::observe::{TransportKind, Word};
use crate::transport::tests::secure::Secure;
use crate::transport::tests::{receive_text, request, server, until_gone};
use crate::transport::{ConnectError, NetworkConfig, TlsConfig};
use crate::wire::Opening;

const ENGINES: [TransportKind; 2] = [TransportKind::Sse, TransportKind::EventsourceClient];

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

async fn refusal(kind: TransportKind, url: Url) -> ConnectError {
    let opening = Opening { query: vec![pair("token", "s3cret")], ..Opening::default() };
    let config = NetworkConfig { connect_timeout: Duration::from_millis(300), ..NetworkConfig::default() };
    let error = connect_with(kind, url, config, opening).await.err().unwrap();
    assert!(!format!("{error:?} {error}").contains("s3cret"), "{error:?}");
    error
}

async fn refused_with(kind: TransportKind, answer: &str) -> (ConnectError, String) {
    let server = Answering::start(vec![Bytes::from(answer.to_owned())]).await;
    let error = refusal(kind, url(server.address)).await;
    let detail = error.detail.replace(&server.address.to_string(), "SERVER");
    (error, detail)
}

#[tokio::test]
async fn refusals_are_told_in_words() {
    let answer = "HTTP/1.1 503 X\r\nServer: envoy\r\nRetry-After: 7\r\nContent-Length: 11\r\n\r\nno\nupstream";
    for kind in ENGINES {
        let (error, detail) = refused_with(kind, answer).await;
        let expected = "http://SERVER/stream: answered 503 Service Unavailable from envoy: \"no\\nupstream\"";
        assert_eq!(detail, expected, "{}", kind.name());
        assert_eq!((error.stage, error.kind), (Word::UPGRADE, Word::http(503)));
        assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
    }
    for (answer, expected) in [
        ("HTTP/1.1 204 X\r\n\r\n", "answered 204 No Content, by which a server tells clients to stay away"),
        (
            "HTTP/1.1 200 X\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 3\r\n\r\n<p>",
            "answered 200 OK, which is no event stream but text/html; is the path right?: \"<p>\"",
        ),
        (
            "HTTP/1.1 200 X\r\n\r\n",
            "answered 200 OK, which is no event stream, having no content type; is the path right?",
        ),
        ("HTTP/1.1 301 X\r\n\r\n", "answered 301 Moved Permanently"),
        ("HTTP/1.1 301 X\r\nLocation: mailto:s3cret\r\n\r\n", "redirected to what is no http or https URL"),
        ("SSH-2.0\r\n\r\n", "the answer is not HTTP"),
    ] {
        let (_, detail) = refused_with(TransportKind::Sse, answer).await;
        assert_eq!(detail, format!("http://SERVER/stream: {expected}"));
    }
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    for kind in ENGINES {
        let head = format!("HTTP/1.1 200 OK\r\nX-A: {}", "a".repeat(100 << 10));
        let (error, detail) = refused_with(kind, &head).await;
        assert_eq!(error.kind, Word::PROTOCOL);
        assert_eq!(detail, "http://SERVER/stream: the answer's head is too long");
    }
}

#[tokio::test]
async fn nobody_listens_or_nobody_answers() {
    for kind in ENGINES {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let error = refusal(kind, url(address)).await;
        assert_eq!((error.stage, error.kind), (Word::UPGRADE, Word::TIMEOUT));
        assert_eq!(error.detail, format!("http://{address}/stream: the upgrade was not answered within 300ms"));
        drop(listener);
        let error = refusal(kind, url(address)).await;
        assert_eq!((error.stage, error.kind), (Word::TCP, Word::CONNECTION_REFUSED));
        let error = refusal(kind, Url::parse("http://no-such-host.invalid/").unwrap()).await;
        assert_eq!((error.stage, error.kind), (Word::DNS, Word::NO_ADDRESS));
    }
}

#[tokio::test]
async fn a_circle_of_redirects_is_left() {
    for (kind, most) in [(TransportKind::Sse, 20), (TransportKind::EventsourceClient, 16)] {
        let answer = Bytes::from_static(b"HTTP/1.1 301 X\r\nLocation: http://SERVER/stream\r\n\r\n");
        let server = Answering::start(vec![answer; 30]).await;
        let error = refusal(kind, url(server.address)).await;
        assert_eq!((error.stage, error.kind), (Word::UPGRADE, Word::PROTOCOL), "{error}");
        assert_eq!(server.heads().len(), most + 1);
    }
}

#[tokio::test]
async fn another_origin_gets_no_credentials() {
    let there = Answering::start(vec![Bytes::from(format!("{OPEN}data: there\n\n"))]).await;
    let location = format!("HTTP/1.1 302 X\r\nLocation: http://{}/there\r\n\r\n", there.address);
    let here = Answering::start(vec![Bytes::from(location)]).await;
    let headers = vec![pair("Authorization", "Bearer s3cret"), pair("Cookie", "k=s3cret"), pair("Host", "a.example")];
    let config = NetworkConfig { headers, ..NetworkConfig::default() };
    let opening = Opening { headers: vec![pair("Last-Event-ID", "7")], ..Opening::default() };
    let opened = connect_with(TransportKind::Sse, url(here.address), config, opening).await.unwrap();
    let stages: Vec<_> = opened.stages.iter().map(|(stage, _)| *stage).collect();
    assert_eq!(stages, [Word::TCP, Word::UPGRADE, Word::TCP, Word::UPGRADE]);
    let (first, second) = (here.heads().remove(0), there.heads().remove(0));
    assert!(first.contains("Bearer s3cret") && first.contains("k=s3cret") && first.contains("host: a.example"));
    assert!(!second.contains("s3cret") && second.contains("last-event-id: 7"), "{second}");
    assert!(second.contains(&format!("host: {}", there.address)), "{second}");
}

#[tokio::test]
async fn the_crate_shows_its_credentials_to_other_origins_too() {
    let there = Answering::start(vec![Bytes::from(format!("{OPEN}data: there\n\n"))]).await;
    let location = format!("HTTP/1.1 301 X\r\nLocation: http://{}/there\r\n\r\n", there.address);
    let here = Answering::start(vec![Bytes::from(location)]).await;
    let config = NetworkConfig { headers: vec![pair("Authorization", "Bearer T")], ..NetworkConfig::default() };
    let kind = TransportKind::EventsourceClient;
    let opened = connect_with(kind, url(here.address), config, Opening::default()).await;
    assert!(opened.is_ok() && there.heads()[0].contains("Bearer T"));
}

#[tokio::test]
async fn over_tls() {
    for kind in ENGINES {
        let secure = Secure::serving(false, async |mut stream| {
            request(&mut stream).await;
            stream.write_all(format!("{OPEN}data: secret\n\n").as_bytes()).await.unwrap();
            until_gone(&mut stream).await;
        })
        .await;
        let target = Url::parse(&format!("https://localhost:{}/stream", secure.address.port())).unwrap();
        let tls = TlsConfig { ca: secure.file("cert.pem"), ..TlsConfig::default() };
        let connect_to = vec![pair(":", &secure.address.to_string())];
        let config = NetworkConfig { tls, connect_to, ..NetworkConfig::default() };
        let mut opened = connect_with(kind, target, config, Opening::default()).await.unwrap();
        let stages: Vec<_> = opened.stages.iter().map(|(stage, _)| *stage).collect();
        assert_eq!(stages, [Word::TCP, Word::TLS, Word::UPGRADE]);
        assert_eq!(receive_text(&mut opened.connection).await, "secret");
        let secure = Secure::serving(false, async |_| {}).await;
        let config =
            NetworkConfig { connect_to: vec![pair(":", &secure.address.to_string())], ..NetworkConfig::default() };
        let target = Url::parse("https://localhost/stream").unwrap();
        let error = connect_with(kind, target, config, Opening::default()).await.err().unwrap();
        assert_eq!((error.stage, error.kind), (Word::TLS, Word::CERTIFICATE));
        assert!(error.detail.contains("--cacert FILE"), "{error}");
    }
}

#[tokio::test]
async fn tls_that_no_url_spoke_of_is_not_gone_on_to() {
    let answer = "HTTP/1.1 301 X\r\nLocation: https://SERVER/stream\r\n\r\n";
    let (error, detail) = refused_with(TransportKind::Sse, answer).await;
    assert_eq!(error.stage, Word::TLS);
    assert!(detail.contains("give the https:// address itself"), "{detail}");
}

#[tokio::test]
async fn through_a_proxy() {
    for kind in ENGINES {
        let target = Answering::start(vec![Bytes::from(format!("{OPEN}data: from behind\n\n"))]).await;
        let onward = target.address;
        let proxy = server(async move |mut stream| {
            let head = request(&mut stream).await;
            assert!(head.starts_with("CONNECT chat.invalid:80 "), "{head}");
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let mut onward = TcpStream::connect(onward).await.unwrap();
            copy_bidirectional(&mut stream, &mut onward).await.ok();
        })
        .await;
        let proxy = Some(Url::parse(&format!("http://{proxy}")).unwrap());
        let config = NetworkConfig { proxy, ..NetworkConfig::default() };
        let url = Url::parse("http://chat.invalid/stream").unwrap();
        let mut opened = connect_with(kind, url, config, Opening::default()).await.unwrap();
        assert_eq!(receive_text(&mut opened.connection).await, "from behind");
    }
}
