//! What Python asks of a core. Rare; never per packet.

use core::net::{IpAddr, SocketAddr};

use crate::ice::Credentials;
use crate::ids::{EgressId, RelayId, TrackId, TransportId, WorkerId};
use crate::media::{EgressSpec, TrackSpec};
use crate::packet::extensions::ExtensionMap;
use crate::path::{Carrier, Path};
use crate::srtp::Profile;

/// The publisher's payload type, and the viewer's for the same media and its retransmissions.
pub type PayloadTypeMap = Vec<(u8, (u8, Option<u8>))>;

/// One change. A command that names something already gone is ignored and counted.
#[derive(Debug)]
pub enum Command {
    /// A new transport that waits for checks.
    AddTransport {
        /// Its id.
        id: TransportId,
        /// ICE credentials of both sides.
        credentials: Credentials,
        /// Header extensions negotiated for the BUNDLE group.
        extensions: Box<ExtensionMap>,
    },
    /// A later offer of the same connection agreed on more header extensions.
    SetExtensions {
        /// The transport.
        id: TransportId,
        /// All that are agreed on now; what was agreed on before stays as it is.
        extensions: Box<ExtensionMap>,
    },
    /// How much DTLS the transport may pass to Python.
    SetDtlsRate {
        /// The transport.
        id: TransportId,
        /// Datagrams, and as many at once.
        per_second: u32,
    },
    /// New ICE credentials; the old ones serve until the first valid check with the new.
    RestartIce {
        /// The transport.
        id: TransportId,
        /// The new credentials.
        credentials: Credentials,
    },
    /// Forget a transport, its tracks and egresses.
    RemoveTransport {
        /// The transport.
        id: TransportId,
    },
    /// One DTLS datagram to the transport's peer.
    SendDtls {
        /// The transport.
        id: TransportId,
        /// The datagram.
        data: Vec<u8>,
    },
    /// Start SRTP.
    InstallKeys {
        /// The transport.
        id: TransportId,
        /// The DTLS-SRTP protection profile.
        profile: Profile,
        /// Master key and salt of what we receive.
        receive: Vec<u8>,
        /// Master key and salt of what we send.
        send: Vec<u8>,
    },
    /// The transport publishes a track.
    Publish {
        /// The publisher.
        transport: TransportId,
        /// The track's id.
        id: TrackId,
        /// What was negotiated.
        spec: TrackSpec,
    },
    /// The track ends.
    Unpublish {
        /// The track.
        id: TrackId,
    },
    /// Viewers of the track without a choice of their own move to this layer at its next keyframe.
    ForwardLayer {
        /// The track.
        track: TrackId,
        /// The layer's index.
        layer: u8,
    },
    /// The transport can be sent a stream.
    Subscribe {
        /// The viewer.
        transport: TransportId,
        /// The egress's id.
        id: EgressId,
        /// What was negotiated.
        spec: EgressSpec,
    },
    /// Feed an egress from a track, or from nothing.
    SetSource {
        /// The egress.
        egress: EgressId,
        /// The track.
        track: Option<TrackId>,
        /// How payload types translate.
        payload_types: PayloadTypeMap,
        /// The layer this viewer is to have; None: what all have.
        layer: Option<u8>,
    },
    /// The viewer moves to this layer of its track at its next keyframe.
    ChooseLayer {
        /// The egress.
        egress: EgressId,
        /// The layer's index; None: what all have.
        layer: Option<u8>,
    },
    /// The stream ends.
    Unsubscribe {
        /// The egress.
        id: EgressId,
    },
    /// Ask the track's publisher for a keyframe of every layer that viewers see.
    RequestKeyframe {
        /// The track.
        track: TrackId,
    },
    /// One STUN message to a client.
    SendStun {
        /// On a path of the media port or of a connection.
        path: Path,
        /// The message.
        data: Vec<u8>,
    },
}

/// One change to the table of TURN allocations. Every worker has the whole table, so that whichever a packet reaches can
/// take it out of its wrapping or put it in.
#[derive(Clone, Debug)]
pub enum RelayChange {
    /// A new allocation.
    Add {
        /// Its id.
        id: RelayId,
        /// Its client's 5-tuple.
        client: Path,
        /// At most one address per family.
        relayed: Vec<RelayedAddress>,
        /// Bytes per second in each direction; 0 is no limit.
        max_bytes_per_second: u64,
    },
    /// Its client has another 5-tuple (RFC 8016).
    Move {
        /// The allocation.
        id: RelayId,
        /// The new 5-tuple.
        client: Path,
    },
    /// The allocation ends.
    Remove {
        /// The allocation.
        id: RelayId,
    },
    /// Packets from and to this address pass.
    Permit {
        /// The allocation.
        id: RelayId,
        /// The peer's address.
        peer: IpAddr,
        /// Where the peers of that address may be.
        reach: Reach,
    },
    /// They no longer do.
    Forbid {
        /// The allocation.
        id: RelayId,
        /// The peer's address.
        peer: IpAddr,
    },
    /// The channel stands for the peer.
    BindChannel {
        /// The allocation.
        id: RelayId,
        /// 0x4000 to 0x7fff.
        channel: u16,
        /// The peer.
        peer: SocketAddr,
    },
    /// It no longer does.
    UnbindChannel {
        /// The allocation.
        id: RelayId,
        /// The channel.
        channel: u16,
    },
    /// What peers call our media port: packets from a relay to one of these stay inside.
    OwnAddresses(Vec<SocketAddr>),
}

/// How far a permission goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To our own media port and to other allocations. A permission is for every port of an address, and what else
    /// listens at ours is nobody's business.
    Inside,
    /// Also by the allocation's socket.
    Anywhere,
}

/// A relayed transport address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayedAddress {
    /// As the client is told.
    pub address: SocketAddr,
    /// A socket is bound for it; else only the hop inside and other allocations reach it.
    pub has_socket: bool,
}

impl Command {
    /// The worker whose core must have it.
    pub fn home(&self, workers: u16) -> WorkerId {
        match self {
            Self::AddTransport { id, .. }
            | Self::SetExtensions { id, .. }
            | Self::SetDtlsRate { id, .. }
            | Self::RestartIce { id, .. }
            | Self::RemoveTransport { id }
            | Self::SendDtls { id, .. }
            | Self::InstallKeys { id, .. } => id.home(workers),
            Self::Publish { id, .. } | Self::Unpublish { id } => id.home(workers),
            Self::ForwardLayer { track, .. } | Self::RequestKeyframe { track } => track.home(workers),
            Self::Subscribe { id, .. } | Self::Unsubscribe { id } => id.home(workers),
            Self::SetSource { egress, .. } | Self::ChooseLayer { egress, .. } => egress.home(workers),
            Self::SendStun { path, .. } => match path.carrier {
                Carrier::Tcp(id) | Carrier::Tls(id) => id.home(workers),
                Carrier::Relay(id) | Carrier::RelaySocket(id) => id.home(workers),
                // Any of them: they share the port.
                Carrier::Udp => WorkerId(path.remote.port() % workers.max(1)),
            },
        }
    }
}
