//! What Python asks of a core. Rare; never per packet.

use crate::ice::Credentials;
use crate::ids::{EgressId, TrackId, TransportId, WorkerId};
use crate::media::{EgressSpec, TrackSpec};
use crate::packet::extensions::ExtensionMap;
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
    /// Viewers of the track move to this layer at its next keyframe.
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
    },
    /// The stream ends.
    Unsubscribe {
        /// The egress.
        id: EgressId,
    },
    /// Ask the track's publisher for a keyframe.
    RequestKeyframe {
        /// The track.
        track: TrackId,
    },
}

impl Command {
    /// The worker whose core must have it.
    pub fn home(&self, workers: u16) -> WorkerId {
        match self {
            Self::AddTransport { id, .. }
            | Self::RestartIce { id, .. }
            | Self::RemoveTransport { id }
            | Self::SendDtls { id, .. }
            | Self::InstallKeys { id, .. } => id.home(workers),
            Self::Publish { id, .. } | Self::Unpublish { id } => id.home(workers),
            Self::ForwardLayer { track, .. } | Self::RequestKeyframe { track } => track.home(workers),
            Self::Subscribe { id, .. } | Self::Unsubscribe { id } => id.home(workers),
            Self::SetSource { egress, .. } => egress.home(workers),
        }
    }
}
