//! TLS: a certificate and its key from two files, read again when the server is told to.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::{Error, Result};

/// A server's certificate.
pub(super) struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    acceptor: RwLock<TlsAcceptor>,
}

impl Tls {
    /// Reads a chain of certificates, the server's own first, and its private key, both PEM.
    ///
    /// # Errors
    /// [`Error::Config`] that names the file; [`Error::Input`].
    pub(super) fn load(certificate: &Path, key: &Path) -> Result<Self> {
        let acceptor = RwLock::new(acceptor(certificate, key)?);
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), acceptor })
    }

    /// Reads both files again. Where that fails, the certificate stays that which was.
    ///
    /// # Errors
    /// Those of [`Tls::load`].
    pub(super) fn reload(&self) -> Result<()> {
        let new = acceptor(&self.certificate, &self.key)?;
        *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// What takes connections.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor> {
    let failed = |path: &Path, message: String| Error::Config { path: path.to_owned(), message };
    // What the file system says comes from `fs_err`, which names the path.
    let chain = fs_err::read(certificate).map_err(Error::Input)?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&chain)
        .collect::<Result<_, pem::Error>>()
        .map_err(|error| failed(certificate, not_pem(&error)))?;
    if chain.is_empty() {
        return Err(failed(certificate, "it holds no `BEGIN CERTIFICATE`".to_owned()));
    }
    let private = fs_err::read(key).map_err(Error::Input)?;
    let private = PrivateKeyDer::from_pem_slice(&private).map_err(|error| match error {
        pem::Error::NoItemsFound => failed(key, "it holds no `BEGIN PRIVATE KEY`".to_owned()),
        error => failed(key, not_pem(&error)),
    })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|error| failed(key, format!("it does not go with {}: {error}", certificate.display())))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn not_pem(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section of it has no end".to_owned(),
        error => format!("it is not PEM: {error}"),
    }
}
