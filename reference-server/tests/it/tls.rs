//! TLS on the clients' listener. What is spoken over HTTP/2 behind it is in `http2`.

use std::time::Duration;

use reference_server::{BrokerChoice, Config, Error, Instance, Secret};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

use crate::support::{
    Authority, Client, Server,
    server::{get, memory, token},
    soon,
};

#[tokio::test]
async fn websockets_work_over_tls() {
    let authority = Authority::new();
    let server = Server::alone(authority.config()).await;
    for protocols in [&[][..], &["http/1.1"]] {
        let path = |user| format!("/ws/rooms/r?token={}", token(user));
        let mut alice = Client::over(authority.connect(&server, protocols).await.unwrap(), &path("alice")).await;
        let mut bob = Client::over(authority.connect(&server, protocols).await.unwrap(), &path("bob")).await;
        alice.expect("joined").await;
        bob.expect("joined").await;
        let content = format!("\"{}\"", "x".repeat(60_000));
        for _ in 0..5 {
            // Several records per message, several messages at once.
            alice.say(&content).await;
            alice.say("1").await;
        }
        for _ in 0..5 {
            assert_eq!(bob.expect("message").await["content"].as_str().map(str::len), Some(60_000));
            assert_eq!(bob.expect("message").await["content"], 1);
        }
        alice.send_binary(&[0; 10]).await;
        assert_eq!(alice.expect("error").await["code"], "malformed");
        alice.leave().await;
        bob.leave().await;
        server.empty().await;
    }
}

#[tokio::test]
async fn faults_reach_through_tls() {
    let authority = Authority::new();
    let server = Server::alone(authority.config()).await;
    for how in ["rst", "fin"] {
        let stream = authority.connect(&server, &[]).await.unwrap();
        let mut client = Client::over(stream, &format!("/ws?token={}", token("alice"))).await;
        client.expect("welcome").await;
        let order = serde_json::json!({"users": ["alice"], "how": how});
        assert!(server.post("/admin/disconnect", &order).await.body.contains("\"chosen\":1"));
        let ended = soon("the end", futures_util::StreamExt::next(&mut client.socket)).await;
        assert!(!matches!(ended, Some(Ok(_))), "{how}: {ended:?}");
        server.empty().await;
    }
}

#[tokio::test]
async fn who_does_not_speak_tls_is_let_go() {
    let authority = Authority::new();
    let mut config = authority.config();
    config.limits.header_timeout = Duration::from_millis(200);
    let server = Server::alone(config).await;
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    plain.write_all(b"GET /ws HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut rest = Vec::new();
    // An alert or a reset, but an end.
    let _reset = soon("the plain one is let go", plain.read_to_end(&mut rest)).await;
    assert!(!rest.starts_with(b"HTTP"));
    rest.clear();
    let _reset = soon("the silent one is let go", silent.read_to_end(&mut rest)).await;
    assert_eq!(get(server.admin, "/livez", "").await.status, 200, "the admin listener stays plain");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_said_at_the_start() {
    let (authority, other) = (Authority::new(), Authority::new());
    let start = async |config| {
        let listen = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let instance = Instance {
            name: "a".into(),
            listener: listen(),
            admin: listen(),
            config,
            broker: BrokerChoice::Memory(memory()),
            secret: Secret::new("s"),
        };
        reference_server::run(instance, |_| (), CancellationToken::new()).await
    };
    let mixed = Config { tls_key: Some(other.key.clone()), ..authority.config() };
    assert!(matches!(start(mixed).await, Err(Error::Tls(why)) if why.contains("key.pem")));
    let half = Config { tls_key: None, ..authority.config() };
    assert!(matches!(start(half).await, Err(Error::Config(why)) if why.contains("tls_key")));
}
