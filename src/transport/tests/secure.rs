//! TLS: trusted, distrusted, and what is said about it.

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::accept_async;
use url::Url;

use super::{connect_with, receive_text, send, server};
use crate::observe::Word;
use crate::transport::connect::websocket;
use crate::transport::{ConnectError, Connected, NetworkConfig, TlsConfig};
use crate::wire::Opening;

pub(in crate::transport) struct Secure {
    pub(in crate::transport) address: SocketAddr,
    directory: tempfile::TempDir,
}

impl Secure {
    /// An echo; with `mutual`, only for who shows the same certificate.
    async fn start(mutual: bool) -> Self {
        Self::serving(mutual, async |stream| {
            use futures_util::{SinkExt, StreamExt};
            let mut peer = accept_async(stream).await.unwrap();
            while let Some(Ok(message)) = peer.next().await {
                if message.is_text() {
                    peer.send(message).await.unwrap();
                }
            }
        })
        .await
    }

    /// What `serve` does behind a self-signed certificate for localhost.
    pub(in crate::transport) async fn serving<F: Future<Output = ()> + Send + 'static>(
        mutual: bool,
        serve: impl FnOnce(TlsStream<TcpStream>) -> F + Send + 'static,
    ) -> Self {
        let CertifiedKey { cert, signing_key }: CertifiedKey<KeyPair> =
            generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("cert.pem"), cert.pem()).unwrap();
        std::fs::write(directory.path().join("key.pem"), signing_key.serialize_pem()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let builder = if mutual {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(cert.der().clone()).unwrap();
            let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = builder.with_single_cert(vec![cert.der().clone()], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let address = server(async move |stream| {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            serve(stream).await;
        })
        .await;
        Self { address, directory }
    }

    pub(in crate::transport) fn file(&self, name: &str) -> Option<PathBuf> {
        Some(self.directory.path().join(name))
    }

    async fn connect(&self, host: &str, tls: TlsConfig) -> Result<Connected, ConnectError> {
        let url = Url::parse(&format!("wss://{host}:{}/ws", self.address.port())).unwrap();
        let connect_to = vec![(":".to_owned(), self.address.to_string())];
        connect_with(url, NetworkConfig { tls, connect_to, ..NetworkConfig::default() }, Opening::default()).await
    }
}

async fn works(connected: Result<Connected, ConnectError>) {
    let Connected { mut connection, stages, .. } = connected.unwrap();
    let stages: Vec<_> = stages.iter().map(|(stage, _)| *stage).collect();
    assert_eq!(stages, [Word::TCP, Word::TLS, Word::UPGRADE]);
    send(&mut connection, "secret").await;
    assert_eq!(receive_text(&mut connection).await, "secret");
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused_with_the_remedy() {
    let secure = Secure::start(false).await;
    let error = secure.connect("localhost", TlsConfig::default()).await.err().unwrap();
    assert_eq!((error.stage, error.kind), (Word::TLS, Word::CERTIFICATE));
    for part in ["localhost: the certificate is self-signed", "--cacert FILE", "-k"] {
        assert!(error.detail.contains(part), "{error}");
    }
}

#[tokio::test]
async fn its_own_certificate_as_root_makes_it_trusted() {
    let secure = Secure::start(false).await;
    works(secure.connect("localhost", TlsConfig { ca: secure.file("cert.pem"), ..TlsConfig::default() }).await).await;
}

#[tokio::test]
async fn another_name_is_refused_unless_it_is_the_one_to_verify() {
    let secure = Secure::start(false).await;
    let tls = TlsConfig { ca: secure.file("cert.pem"), ..TlsConfig::default() };
    let error = secure.connect("chat.example", tls).await.err().unwrap();
    assert_eq!((error.stage, error.kind), (Word::TLS, Word::CERTIFICATE));
    assert!(error.detail.contains("for another name") && error.detail.contains("server_name"), "{error}");
    let secure = Secure::start(false).await;
    let server_name = Some("localhost".to_owned());
    works(
        secure
            .connect("chat.example", TlsConfig { ca: secure.file("cert.pem"), server_name, ..TlsConfig::default() })
            .await,
    )
    .await;
}

#[tokio::test]
async fn insecure_verifies_nothing() {
    let secure = Secure::start(false).await;
    works(secure.connect("127.0.0.1", TlsConfig { insecure: true, ..TlsConfig::default() }).await).await;
}

#[tokio::test]
async fn a_client_certificate_is_shown() {
    let secure = Secure::start(true).await;
    let ca = secure.file("cert.pem");
    let tls = TlsConfig { ca: ca.clone(), cert: ca, key: secure.file("key.pem"), ..TlsConfig::default() };
    works(secure.connect("localhost", tls).await).await;
    let secure = Secure::start(true).await;
    let refused = secure.connect("localhost", TlsConfig { ca: secure.file("cert.pem"), ..TlsConfig::default() }).await;
    let error = refused.err().unwrap();
    assert!(error.detail.contains("ertificate"), "{error:?}");
}

#[tokio::test]
async fn a_peer_that_speaks_no_tls_is_recognised() {
    let address = super::server(async |mut stream| {
        use tokio::io::AsyncWriteExt;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream.shutdown().await.unwrap();
    })
    .await;
    let url = Url::parse(&format!("wss://localhost:{}", address.port())).unwrap();
    let tls = TlsConfig { insecure: true, ..TlsConfig::default() };
    let config =
        NetworkConfig { tls, connect_to: vec![(":".to_owned(), address.to_string())], ..NetworkConfig::default() };
    let error = connect_with(url, config, Opening::default()).await.err().unwrap();
    assert_eq!((error.stage, error.kind), (Word::TLS, Word::PROTOCOL));
    assert!(error.detail.contains("ws:// rather than wss://"), "{error}");
}

#[test]
fn files_that_are_no_use_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| Some(directory.path().join(name));
    std::fs::write(directory.path().join("empty.pem"), "").unwrap();
    let refusal = |tls: TlsConfig| {
        let url = Url::parse("wss://localhost").unwrap();
        let error = websocket(vec![url], NetworkConfig { tls, ..NetworkConfig::default() }).err().unwrap();
        error.to_string().replace(&format!("{}/", directory.path().display()), "")
    };
    let tls = TlsConfig::default;
    assert_eq!(
        refusal(TlsConfig { ca: path("none.pem"), ..tls() }),
        "none.pem: No such file or directory (os error 2)"
    );
    assert_eq!(refusal(TlsConfig { ca: path("empty.pem"), ..tls() }), "empty.pem: holds no certificate in PEM form");
    let half = refusal(TlsConfig { cert: path("empty.pem"), ..tls() });
    assert_eq!(half, "tls: cert and key belong together; only one of them is given");
    let name = refusal(TlsConfig { server_name: Some("a b".to_owned()), ..tls() });
    assert_eq!(name, "tls: server_name \"a b\" is not a name");
}
