//! The ways calls travel: targets elsewhere, local addresses, TLS, proxies.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use url::Url;

use super::{body, connection, echo, echoed, get, made, pair};
use crate::time::Clock;
use crate::transport::http::http;
use crate::transport::tests::secure::Secure;
use crate::transport::tests::{flush, receive, request, server, until_gone};
use crate::transport::{NetworkConfig, TlsConfig};
use crate::wire::{CloseReason, Frame, Opening};

#[tokio::test]
async fn a_target_may_be_somewhere_else() {
    let (address, _) = echo().await;
    let to =
        |from: &str| NetworkConfig { connect_to: vec![pair(from, &address.to_string())], ..NetworkConfig::default() };
    let mut named = connection("http://chat.example:8080", to("chat.example:8080")).await;
    assert_eq!(body(&mut named, get("/x", 1)).await, "GET /x HTTP/1.1|host: chat.example:8080");
    let mut by_default = connection("ws://chat.example", to(":")).await;
    assert_eq!(body(&mut by_default, get("/x", 1)).await, "GET /x HTTP/1.1|host: chat.example");
    let mut numbered = connection("http://192.0.2.1:81", to("192.0.2.1:81")).await;
    assert_eq!(body(&mut numbered, get("/x", 1)).await, "GET /x HTTP/1.1|host: 192.0.2.1:81");
}

#[tokio::test]
async fn local_addresses_come_in_turn() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let source_ips = vec!["127.0.0.3".parse().unwrap(), "127.0.0.4".parse().unwrap()];
    let config = NetworkConfig { source_ips, ..NetworkConfig::default() };
    let transport = http(vec![Url::parse(&format!("http://{address}")).unwrap()], config).unwrap();
    for expected in ["127.0.0.3", "127.0.0.4"] {
        let connected = transport.connect(0, &Opening::default(), &Clock::real()).await.unwrap();
        let mut connection = connected.connection;
        assert_eq!(connection.start_send(Frame::Call(Box::new(get("/poll", 1)))), Ok(true));
        flush(&mut connection).await.unwrap();
        let receiving = tokio::spawn(async move { receive(&mut connection).await });
        let (_, from) = listener.accept().await.unwrap();
        assert_eq!(from.ip().to_string(), expected);
        receiving.abort();
    }
}

#[tokio::test]
async fn a_certificate_is_verified_by_the_name_that_was_given() {
    for (host, server_name) in [("localhost", None), ("chat.example", Some("localhost".to_owned()))] {
        let secure = Secure::serving(false, async |mut stream| {
            let head = request(&mut stream).await;
            stream.write_all(&echoed(&head)).await.unwrap();
            until_gone(&mut stream).await;
        })
        .await;
        let tls = TlsConfig { ca: secure.file("cert.pem"), server_name, ..TlsConfig::default() };
        let connect_to = vec![pair(":", &secure.address.to_string())];
        let config = NetworkConfig { tls, connect_to, ..NetworkConfig::default() };
        let mut connection = connection(&format!("https://{host}:8443"), config).await;
        assert_eq!(body(&mut connection, get("/x", 1)).await, format!("GET /x HTTP/1.1|host: {host}:8443"));
    }
    let secure = Secure::serving(false, async |_| {}).await;
    let connect_to = vec![pair(":", &secure.address.to_string())];
    let mut distrusting =
        connection("https://localhost", NetworkConfig { connect_to, ..NetworkConfig::default() }).await;
    let reason = made(&mut distrusting, get("/x", 1)).await.unwrap_err();
    let CloseReason::Io(told) = &reason else { panic!("{reason:?}") };
    assert!(told.contains("the certificate is self-signed") && told.contains("--cacert FILE"), "{told}");
}

#[tokio::test]
async fn a_proxy_forwards_plain_calls() {
    let proxy = server(async |mut stream| {
        let head = request(&mut stream).await;
        assert!(head.to_lowercase().contains("proxy-authorization: basic bwu6chc="), "{head}");
        stream.write_all(&echoed(&head)).await.unwrap();
        until_gone(&mut stream).await;
    })
    .await;
    let config = NetworkConfig {
        proxy: Some(Url::parse(&format!("http://me:pw@{proxy}")).unwrap()),
        ..NetworkConfig::default()
    };
    let mut connection = connection("http://chat.invalid", config).await;
    let expected = "GET http://chat.invalid/x HTTP/1.1|host: chat.invalid";
    assert_eq!(body(&mut connection, get("/x", 1)).await, expected);
}
