//! A certificate of a test's own, and connections of those who trust it.

use std::{path::PathBuf, sync::Arc};

use reference_server::Config;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer},
};

use super::Server;

/// A certificate for `localhost` and those who trust it.
pub(crate) struct Authority {
    _directory: tempfile::TempDir,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    trusted: CertificateDer<'static>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (certificate, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
        std::fs::write(&certificate, signed.cert.pem()).unwrap();
        std::fs::write(&key, signed.signing_key.serialize_pem()).unwrap();
        Self { certificate, key, trusted: signed.cert.der().clone(), _directory: directory }
    }

    /// An instance that speaks TLS.
    pub(crate) fn config(&self) -> Config {
        let (tls_cert, tls_key) = (Some(self.certificate.clone()), Some(self.key.clone()));
        Config { tls_cert, tls_key, faults: true, ..Config::default() }
    }

    /// A connection by which one of `protocols` is spoken.
    pub(crate) async fn connect(&self, server: &Server, protocols: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
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
