//! TLS: the certificate, which may be exchanged at any time, and what a session carries.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ServerConnection;
use rustls::ServerConfig;

use super::stream::pending::Kind;
use crate::packet::framing::Framing;

/// Protocols by name (RFC 7301), the most wanted first: TURN (RFC 7443) and HTTP.
const TURN: &[u8] = b"stun.turn";
const HTTP: &[u8] = b"http/1.1";

/// The certificate that new sessions show.
#[derive(Debug, Default)]
pub struct Certificates {
    config: RwLock<Option<Arc<ServerConfig>>>,
}

/// Why a certificate cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCertificate(String);

impl Certificates {
    /// New sessions show this certificate; those there are go on. Both in PEM, the certificate with those that lead to
    /// its root behind it.
    ///
    /// # Errors
    /// [`BadCertificate`]: which is wrong, and how. The one so far stays.
    pub fn exchange(&self, certificate: &[u8], key: &[u8]) -> Result<(), BadCertificate> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<_, _>>()
            .map_err(|error| BadCertificate(format!("certificate: not PEM: {error}")))?;
        if chain.is_empty() {
            return Err(BadCertificate("certificate: no CERTIFICATE section in it".into()));
        }
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| BadCertificate(format!("key: no private key in PEM: {error}")))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_no_client_auth())
            .and_then(|builder| builder.with_single_cert(chain, key));
        let mut config = config.map_err(|error| BadCertificate(format!("certificate and key: {error}")))?;
        config.alpn_protocols = vec![TURN.to_vec(), HTTP.to_vec()];
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(config));
        Ok(())
    }

    /// A session that waits for a client. None: there is no certificate yet.
    pub fn session(&self) -> Option<Box<ServerConnection>> {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        ServerConnection::new(config).ok().map(Box::new)
    }
}

/// What a session carries that has brought `plain` so far; None: not known yet. A client that names no protocol shows
/// by its first byte: HTTP begins with a letter, and TURN with a request, as nothing is bound to a channel yet.
///
/// # Errors
/// Nothing we speak.
pub fn kind(session: &ServerConnection, plain: &[u8]) -> io::Result<Option<Kind>> {
    let Some(first) = plain.first().filter(|_| !session.is_handshaking()) else { return Ok(None) };
    let turn = Kind::Messages(Framing::Turn);
    match (session.alpn_protocol(), first) {
        (Some(TURN), _) | (None, 0..=3) => Ok(Some(turn)),
        (Some(HTTP), _) | (None, b'a'..=b'z' | b'A'..=b'Z') => Ok(Some(Kind::Http)),
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

impl fmt::Display for BadCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadCertificate {}
