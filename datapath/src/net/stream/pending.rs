//! A connection of which nobody knows yet what it carries.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use super::census::Seat;
use super::line::Line;
use super::messages::Parts;
use crate::net::proxy;
use crate::net::tls;
use crate::packet::framing::Framing;
use crate::time::Instant;

/// Bytes a proxy's header has at most, all its fields included.
const MAX_HEADER: usize = 2048;

/// From accepting a connection until its first bytes have told what it is.
#[derive(Debug)]
pub struct Pending {
    line: Line,
    local: SocketAddr,
    remote: SocketAddr,
    seat: Seat,
    since: Instant,
    /// What has come of the proxy's header, if one is still to come.
    header: Option<Vec<u8>>,
    /// Decrypted and not used yet.
    rest: Vec<u8>,
}

/// What a connection turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Messages.
    Messages(Framing),
    /// HTTP.
    Http,
}

/// What a connection has, once it is known what it carries.
#[derive(Debug)]
pub struct Known {
    /// When it was accepted.
    pub since: Instant,
    /// Our address.
    pub local: SocketAddr,
    /// The client's.
    pub remote: SocketAddr,
    /// All else.
    pub parts: Parts,
}

impl Pending {
    /// A connection that was just accepted. `proxied`: its proxy says first whom it speaks for.
    pub fn new(now: Instant, line: Line, local: SocketAddr, remote: SocketAddr, seat: Seat, proxied: bool) -> Self {
        let header = proxied.then(Vec::new);
        Self { line, local, remote, seat, since: now, header, rest: Vec::new() }
    }

    /// When it was accepted.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Its bytes.
    pub fn line(&mut self) -> &mut Line {
        &mut self.line
    }

    /// It is ready: reads once, and says what it is if that is clear now.
    ///
    /// # Errors
    /// It is over, or nothing we speak.
    pub fn handle_ready(&mut self, now: Instant, scratch: &mut [u8]) -> io::Result<Option<Kind>> {
        self.line.flush(now)?;
        let len = self.line.read_raw(scratch)?;
        if self.line.has_ended() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        match self.header.take() {
            None => self.line.take_in(now, &scratch[..len], &mut self.rest)?,
            Some(mut header) => {
                header.extend_from_slice(&scratch[..len]);
                let Some(end) = self.read_header(&header)? else {
                    self.header = Some(header);
                    return Ok(None);
                };
                self.line.take_in(now, &header[end..], &mut self.rest)?;
            }
        }
        self.kind()
    }

    /// Its TLS handshake is not done.
    pub fn is_handshaking(&self) -> bool {
        self.line.session().is_some_and(|session| session.is_handshaking())
    }

    /// What it has, for what it turned out to be.
    pub fn become_known(self) -> Known {
        let Self { line, local, remote, seat, since, rest, .. } = self;
        Known { since, local, remote, parts: Parts { line, rest, seat } }
    }

    /// Where the header ends, if it is complete.
    fn read_header(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let Some(header) = proxy::parse(bytes).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))? else {
            let too_long = bytes.len() > MAX_HEADER;
            return if too_long { Err(ErrorKind::InvalidData.into()) } else { Ok(None) };
        };
        if let Some((remote, local)) = header.addresses {
            (self.local, self.remote) = (local, remote);
        }
        self.seat.name(self.remote.ip()).map_err(|_| io::Error::from(ErrorKind::QuotaExceeded))?;
        Ok(Some(header.len))
    }

    fn kind(&self) -> io::Result<Option<Kind>> {
        match self.line.session() {
            None => {
                let framing = Framing::detect(&self.rest);
                let framing = framing.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
                Ok(framing.map(Kind::Messages))
            }
            Some(session) => tls::kind(session, &self.rest),
        }
    }
}
