//! What all workers' connections have in common: who may come in, and where to find them.

use core::time::Duration;
use std::sync::Arc;

use super::census::Census;
use super::doors::Visitor;
use super::line::{Line, Socket};
use super::pending::Pending;
use super::table::StreamTable;
use crate::net::network::Network;
use crate::net::tls::Certificates;
use crate::time::Instant;

/// What connections may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Connections at most.
    pub total: usize,
    /// Of these, from one source: an IPv4 address or an IPv6 /56.
    pub per_source: usize,
    /// From accepting a connection to its first message, proxy header and TLS handshake included.
    pub opening: Duration,
    /// Without a message, unless it has an allocation.
    pub idle: Duration,
    /// Without taking anything of what waits for it.
    pub stuck: Duration,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            total: 4096,
            per_source: 512,
            opening: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            stuck: Duration::from_secs(10),
        }
    }
}

/// Shared by all workers.
#[derive(Debug)]
pub struct Reception {
    /// Connections that carry messages.
    pub table: StreamTable,
    /// What new TLS sessions show.
    pub certificates: Certificates,
    /// What connections may use.
    pub limits: StreamLimits,
    census: Arc<Census>,
    proxies: Vec<Network>,
}

/// Why somebody is sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentAway {
    /// There are as many as may be, in all or from there.
    Full,
    /// There is nothing to show who we are.
    NoCertificate,
}

impl Reception {
    /// Nobody is here. Whoever connects from one of `proxies` has to say first whom it speaks for.
    pub fn new(workers: u16, limits: StreamLimits, proxies: Vec<Network>) -> Self {
        let census = Census::new(limits.total, limits.per_source);
        Self { table: StreamTable::new(workers), certificates: Certificates::default(), limits, census, proxies }
    }

    /// Lets somebody in.
    ///
    /// # Errors
    /// [`SentAway`].
    pub fn welcome(&self, now: Instant, visitor: Visitor) -> Result<Pending, SentAway> {
        let Visitor { socket, local, remote, tls } = visitor;
        let proxied = self.proxies.iter().any(|network| network.contains(remote.ip()));
        // Whoever is behind a proxy counts as soon as that has told who it is.
        let seat = self.census.admit((!proxied).then_some(remote.ip())).map_err(|_| SentAway::Full)?;
        let session = match tls {
            true => Some(self.certificates.session().ok_or(SentAway::NoCertificate)?),
            false => None,
        };
        Ok(Pending::new(now, Line::new(Socket::Tcp(socket), session), local, remote, seat, proxied))
    }
}
