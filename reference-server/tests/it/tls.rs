//! TLS on the clients' listener: WebSocket over HTTP/1.1, everything else over HTTP/2 for those who want it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use reference_server::{BrokerChoice, Config, Error, Instance, Secret};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer},
};
use tokio_util::sync::CancellationToken;

use crate::support::{
    Client, Server,
    server::{get, memory, token},
    soon,
};

/// A certificate for `localhost` and those who trust it.
struct Authority {
    _directory: tempfile::TempDir,
    certificate: PathBuf,
    key: PathBuf,
    trusted: CertificateDer<'static>,
}

impl Authority {
    fn new() -> Self {
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (certificate, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
        std::fs::write(&certificate, signed.cert.pem()).unwrap();
        std::fs::write(&key, signed.signing_key.serialize_pem()).unwrap();
        Self { certificate, key, trusted: signed.cert.der().clone(), _directory: directory }
    }

    fn config(&self) -> Config {
        let (tls_cert, tls_key) = (Some(self.certificate.clone()), Some(self.key.clone()));
        Config { tls_cert, tls_key, faults: true, ..Config::default() }
    }

    async fn connect(&self, server: &Server, protocols: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.trusted.clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(server.address).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
    }
}

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
async fn piece(body: &mut h2::RecvStream, wanted: &str) -> String {
    loop {
        let bytes = soon(wanted, body.data()).await.unwrap().unwrap();
        body.flow_control().release_capacity(bytes.len()).unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        if text.contains(wanted) {
            return text;
        }
    }
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
        let request = http::Request::get(format!("https://localhost/api/rooms/{room}/events"));
        let request = request.header("authorization", format!("Bearer {}", token("alice"))).body(()).unwrap();
        let answer = soon(room, requests.send_request(request, true).unwrap().0).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        streams.push(answer.into_body());
        piece(streams.last_mut().unwrap(), "joined").await;
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
