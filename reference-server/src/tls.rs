//! What the instance shows to clients that want TLS: certificate, key, and the protocols it speaks inside.

use std::{path::Path, sync::Arc};

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// HTTP/2, as [`TlsAcceptor`]s negotiate it.
pub(crate) const H2: &[u8] = b"h2";

/// Reads a certificate chain and its key (PEM). What is wrong with them, in words without a secret.
pub(crate) fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, String> {
    let file = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| file(certificate, &error))?;
    if chain.is_empty() {
        return Err(file(certificate, &"no certificate in it"));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| file(key, &error))?;
    // The provider is named: a process in which two are compiled in has no default.
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, secret))
        .map_err(|error| file(key, &error))?;
    config.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_names_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let (missing, empty) = (directory.path().join("missing.pem"), directory.path().join("empty.pem"));
        std::fs::write(&empty, "").unwrap();
        for (certificate, culprit) in [(&missing, "missing.pem"), (&empty, "empty.pem")] {
            let Err(why) = acceptor(certificate, &missing) else { panic!("accepted") };
            assert!(why.contains(culprit), "{why}");
        }
    }
}
