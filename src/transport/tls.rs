//! TLS over a connected socket: whom to trust, who we are, and certificate errors with their remedy.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::ConnectError;
use super::failure::{failure, io_failure};
use super::network::{SetupError, TlsConfig};
use crate::observe::Word;

/// Turns sockets into TLS streams.
pub(super) struct Tls {
    connector: TlsConnector,
    name: Option<ServerName<'static>>,
}

impl Tls {
    /// Reads the files of `config`.
    pub(super) fn new(config: &TlsConfig) -> Result<Self, SetupError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = verifier(config, &provider)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| SetupError::Tls(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut client = match (&config.cert, &config.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(cert), Some(key)) => {
                let chain = certificates(cert)?;
                let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| pem_problem(key, &error))?;
                builder.with_client_auth_cert(chain, secret).map_err(|error| file(cert, error.to_string()))?
            }
            _ => return Err(SetupError::Tls("cert and key belong together; only one of them is given".to_owned())),
        };
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Different users share no session: each connect costs the server what it would cost it in earnest.
        client.resumption = Resumption::disabled();
        let name = config.server_name.as_ref().map(|name| {
            ServerName::try_from(name.clone())
                .map_err(|_| SetupError::Tls(format!("server_name {name:?} is not a name")))
        });
        Ok(Self { connector: TlsConnector::from(Arc::new(client)), name: name.transpose()? })
    }

    /// The set-up, for who shakes hands by other means.
    pub(super) fn client(&self) -> ClientConfig {
        self.connector.config().as_ref().clone()
    }

    /// The handshake with the server called `host`.
    pub(super) async fn handshake(&self, stream: TcpStream, host: &str) -> Result<TlsStream<TcpStream>, ConnectError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = match &self.name {
            Some(name) => name.clone(),
            None => ServerName::try_from(bare.to_owned()).map_err(|_| {
                failure(Word::TLS, Word::CERTIFICATE, format!("{host}: no name a certificate could have"))
            })?,
        };
        self.connector.connect(name, stream).await.map_err(|error| tls_failure(host, &error))
    }
}

fn verifier(config: &TlsConfig, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, SetupError> {
    if config.insecure {
        return Ok(Arc::new(Trusting(provider.clone())));
    }
    let Some(ca) = &config.ca else {
        let system = Verifier::new(provider.clone()).map_err(|error| {
            SetupError::Tls(format!("no root certificates on this machine ({error}); give some with --cacert FILE"))
        })?;
        return Ok(Arc::new(system));
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots.add(certificate).map_err(|error| file(ca, error.to_string()))?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
    Ok(verifier.map_err(|error| file(ca, error.to_string()))?)
}

fn certificates(path: &PathBuf) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(file(path, "holds no certificate in PEM form")),
        Ok(found) => Ok(found),
        Err(error) => Err(pem_problem(path, &error)),
    }
}

fn pem_problem(path: &Path, error: &pem::Error) -> SetupError {
    match error {
        pem::Error::Io(error) => file(path, error.to_string()),
        pem::Error::NoItemsFound => file(path, "holds nothing of the kind in PEM form"),
        _ => file(path, "is not valid PEM"),
    }
}

fn file(path: &Path, problem: impl Into<String>) -> SetupError {
    SetupError::File { path: path.to_owned(), problem: problem.into() }
}

fn tls_failure(host: &str, error: &io::Error) -> ConnectError {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                let detail = format!("{host}: the peer closed the connection during the TLS handshake");
                failure(Word::TLS, Word::EOF, detail)
            }
            _ => io_failure(Word::TLS, host, error),
        };
    };
    rustls_failure(host, tls)
}

/// A failure of the handshake itself, or of the certificate, with its remedy.
pub(super) fn rustls_failure(host: &str, error: &rustls::Error) -> ConnectError {
    use rustls::CertificateError as Bad;
    const REMEDY: &str = "trust its issuer with --cacert FILE (tls.ca), or verify nothing with -k";
    match error {
        rustls::Error::InvalidCertificate(bad) => {
            let why = match bad {
                Bad::UnknownIssuer => "is self-signed or issued by somebody unknown".to_owned(),
                Bad::Expired | Bad::ExpiredContext { .. } => "has expired".to_owned(),
                Bad::NotValidYet | Bad::NotValidYetContext { .. } => "is not valid yet".to_owned(),
                Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                    let remedy = "name the one it is for with tls.server_name, or verify nothing with -k";
                    let detail = format!("{host}: the certificate is for another name; {remedy}");
                    return failure(Word::TLS, Word::CERTIFICATE, detail);
                }
                other => format!("is not valid ({other:?})"),
            };
            failure(Word::TLS, Word::CERTIFICATE, format!("{host}: the certificate {why}; {REMEDY}"))
        }
        rustls::Error::InvalidMessage(_) => {
            let detail = format!("{host}: the peer does not speak TLS; is the URL ws:// rather than wss://?");
            failure(Word::TLS, Word::PROTOCOL, detail)
        }
        other => failure(Word::TLS, Word::HANDSHAKE, format!("{host}: {other}")),
    }
}

/// Verifies nothing but that the peer holds the key of the certificate it shows.
#[derive(Debug)]
struct Trusting(Arc<CryptoProvider>);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
