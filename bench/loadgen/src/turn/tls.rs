//! TURN over TLS: one record per message, as browsers write them, and messages told apart by their length.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::cipher_suite::{TLS13_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256};
use rustls::crypto::{ring, CryptoProvider};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};

/// Bytes asked of the connection at a time.
const CHUNK: usize = 64 << 10;

/// A connection that never waits.
pub struct Stream {
    socket: TcpStream,
    session: ClientConnection,
    inbox: Vec<u8>,
}

impl Stream {
    /// Connect. The handshake goes on with every call below, and what is sent meanwhile waits for it.
    pub fn connect(server: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect(server)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let session = ClientConnection::new(configuration()?, ServerName::from(server.ip()));
        let mut stream = Self { socket, session: session.map_err(io::Error::other)?, inbox: Vec::new() };
        stream.flush()?;
        Ok(stream)
    }

    /// Send messages, each in a record of its own, padded to four bytes (RFC 8656 section 12.5).
    pub fn send(&mut self, messages: &[Vec<u8>]) -> io::Result<()> {
        for message in messages {
            let mut padded = message.clone();
            padded.resize(message.len().next_multiple_of(4), 0);
            self.session.writer().write_all(&padded)?;
        }
        self.flush()
    }

    /// Hand over every message that has come whole.
    pub fn receive(&mut self, mut take: impl FnMut(&mut [u8])) -> io::Result<()> {
        loop {
            match self.session.read_tls(&mut self.socket) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
            self.session.process_new_packets().map_err(io::Error::other)?;
            self.read_plaintext()?;
        }
        self.flush()?;
        let mut start = 0;
        while let Some((message, space)) = extent(&self.inbox[start..]) {
            take(&mut self.inbox[start..start + message]);
            start += space;
        }
        self.inbox.drain(..start);
        Ok(())
    }

    fn read_plaintext(&mut self) -> io::Result<()> {
        loop {
            let end = self.inbox.len();
            self.inbox.resize(end + CHUNK, 0);
            let outcome = self.session.reader().read(&mut self.inbox[end..]);
            self.inbox.truncate(end + outcome.as_ref().map_or(0, |length| *length));
            match outcome {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// Length of the first message, and of the space it takes; None while it is not whole.
fn extent(bytes: &[u8]) -> Option<(usize, usize)> {
    let length = usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?));
    let message = if bytes[0] < 4 { 20 + length } else { 4 + length };
    let space = message.next_multiple_of(4);
    (bytes.len() >= space).then_some((message, space))
}

/// TLS 1.3 and 1.2 with the cipher that browsers name first, so that all servers are asked for the same work.
fn configuration() -> io::Result<Arc<ClientConfig>> {
    let suites = [TLS13_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256];
    let provider = Arc::new(CryptoProvider { cipher_suites: suites.into(), ..ring::default_provider() });
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_protocol_versions(rustls::ALL_VERSIONS).map_err(io::Error::other)?;
    let verifier = Arc::new(Unverified(provider));
    Ok(Arc::new(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
}

/// Takes any certificate: whoever answers was started by us.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
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
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart_by_their_length() {
        let channel_data = [0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0];
        assert_eq!(extent(&channel_data), Some((9, 12)));
        for length in 0..channel_data.len() {
            assert_eq!(extent(&channel_data[..length]), None);
        }
        let mut response = vec![0x01, 0x03, 0, 8];
        response.resize(100, 0);
        assert_eq!(extent(&response), Some((28, 28)));
    }
}
