//! Where a datagram comes from or goes to: two addresses, and what carries it between them.

use core::net::SocketAddr;

use crate::ids::{RelayId, StreamId};

/// A 5-tuple, or what stands for one inside a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// Our address; inside a relay, the address by which its client means us.
    pub local: SocketAddr,
    /// The other side's address; inside a relay, the relayed transport address of its client.
    pub remote: SocketAddr,
    /// How datagrams travel.
    pub carrier: Carrier,
}

/// How datagrams travel between the two addresses of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// UDP, through the sockets of the media port.
    Udp,
    /// Frames within a TCP connection that we accepted (RFC 4571 for ICE, RFC 8656 section 12.6 for TURN).
    Tcp(StreamId),
    /// The same within TLS.
    Tls(StreamId),
    /// Within an allocation of our own relay: the hop inside, without a socket.
    Relay(RelayId),
    /// UDP, through the socket of an allocation: between a relayed transport address and a peer.
    RelaySocket(RelayId),
}

impl Path {
    /// A path by UDP.
    pub const fn udp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self { local, remote, carrier: Carrier::Udp }
    }
}

impl Carrier {
    /// The connection, if it is one.
    pub const fn stream(self) -> Option<StreamId> {
        match self {
            Self::Tcp(id) | Self::Tls(id) => Some(id),
            Self::Udp | Self::Relay(_) | Self::RelaySocket(_) => None,
        }
    }

    /// The connection's or the relay's id; 0 for UDP.
    pub const fn id(self) -> u32 {
        match self {
            Self::Udp => 0,
            Self::Tcp(id) | Self::Tls(id) => id.0,
            Self::Relay(id) | Self::RelaySocket(id) => id.0,
        }
    }

    /// A stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp(_) => "tcp",
            Self::Tls(_) => "tls",
            Self::Relay(_) => "relay",
            Self::RelaySocket(_) => "relay-socket",
        }
    }
}
