//! What a core tells Python. Rare; never per packet.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::ids::{ConnectionId, RelayId, StreamId, TrackId, TransportId};
use crate::levels::Loudness;
use crate::path::Path;
use crate::stats::PathStats;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A DTLS datagram from a validated 5-tuple.
    DtlsReceived {
        /// Whose.
        transport: TransportId,
        /// The datagram.
        data: Vec<u8>,
    },
    /// A valid check selected this 5-tuple, for the first time or anew.
    IceConnected {
        /// Whose.
        transport: TransportId,
        /// Our address and the peer's.
        path: Path,
    },
    /// The core dropped a transport on its own.
    TransportClosed {
        /// Which.
        transport: TransportId,
        /// Why.
        reason: CloseReason,
        /// Where its client had tried to reach it.
        paths: Vec<PathStats>,
    },
    /// A layer began or stopped arriving.
    LayerChanged {
        /// The track.
        track: TrackId,
        /// The layer's index, lowest first.
        layer: u8,
        /// Its `a=rid`.
        rid: Option<String>,
        /// Whether packets arrive.
        active: bool,
    },
    /// Tracks of one worker that were louder than silence in the last window.
    AudioLevels {
        /// Which, and how loud.
        levels: Vec<(TrackId, Loudness)>,
    },
    /// A STUN message that is neither an ICE check nor data to relay.
    StunReceived {
        /// Whence.
        path: Path,
        /// The message; its header is sound.
        data: Vec<u8>,
    },
    /// A connection that carried such messages has ended.
    StreamClosed {
        /// Which.
        stream: StreamId,
    },
    /// A connection to a peer is there (RFC 6062, 5.2).
    PeerConnected {
        /// The allocation.
        relay: RelayId,
        /// The connection.
        connection: ConnectionId,
        /// The peer.
        peer: SocketAddr,
    },
    /// A connection to a peer could not be made, or ended before anybody joined it.
    PeerFailed {
        /// The allocation.
        relay: RelayId,
        /// The connection.
        connection: ConnectionId,
    },
    /// A peer with permission has connected to the allocation (RFC 6062, 5.3).
    PeerArrived {
        /// The allocation.
        relay: RelayId,
        /// The connection.
        connection: ConnectionId,
        /// The peer.
        peer: SocketAddr,
    },
    /// What came over TLS is HTTP.
    HttpAccepted {
        /// Our address.
        local: SocketAddr,
        /// The client's.
        remote: SocketAddr,
        /// The other end carries the decrypted bytes.
        end: StreamEnd,
    },
}

/// One end of a local pair of sockets. The last to drop it closes it.
#[derive(Clone, Debug)]
pub struct StreamEnd(pub Arc<OwnedFd>);

impl PartialEq for StreamEnd {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for StreamEnd {}

/// Why a core dropped a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// No valid check for 30 s (RFC 7675, 5.1).
    ConsentExpired,
    /// A bug: handling one of its packets panicked.
    InternalError,
}

impl CloseReason {
    /// A stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConsentExpired => "consent-expired",
            Self::InternalError => "internal-error",
        }
    }
}
