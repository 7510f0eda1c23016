//! Snapshots and counters, as plain values.

use core::time::Duration;
use std::net::SocketAddr;

use crate::ice::attempts::Refusals;
use crate::ids::{EgressId, RelayId, TrackId, TransportId};
use crate::media::Kind;
use crate::path::Path;

/// One received RTP stream of a track, with what its RTX stream repaired.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names are those of sfu/stats.py, which documents them")]
pub struct LayerStats {
    pub layer: u8,
    pub rid: Option<String>,
    pub ssrc: u32,
    pub payload_type: u8,
    pub active: bool,
    pub packets: u64,
    pub bytes: u64,
    pub bitrate_bps: u64,
    pub frames: u64,
    pub frame_rate: f64,
    pub keyframes: u64,
    pub lost: i64,
    pub repaired: u64,
    pub duplicates: u64,
    pub jitter_ms: f64,
    pub nacks_sent: u64,
    pub plis_sent: u64,
}

/// One published track.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names are those of sfu/stats.py, which documents them")]
pub struct TrackStats {
    pub track: TrackId,
    pub kind: Kind,
    pub forwarded_layer: u8,
    pub layers: Vec<LayerStats>,
}

/// One stream forwarded to one viewer.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names are those of sfu/stats.py, which documents them")]
pub struct EgressStats {
    pub egress: EgressId,
    pub source: Option<TrackId>,
    pub layer: Option<u8>,
    pub packets: u64,
    pub bytes: u64,
    pub bitrate_bps: u64,
    pub retransmitted: u64,
    pub nacks_received: u64,
    pub plis_received: u64,
    pub unmapped: u64,
    pub loss_fraction: f64,
    pub lost: i64,
    pub jitter_ms: f64,
}

/// One 5-tuple on which a client tried to reach its transport.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of sfu/stats.py, which documents them")]
pub struct PathStats {
    pub path: Path,
    pub via: Option<Path>,
    pub checks: u64,
    pub refused: Refusals,
    pub nominations: u64,
    pub validated: bool,
    pub selected: bool,
    pub dtls: u64,
    pub media: u64,
    pub media_dropped: u64,
    pub age: Duration,
    pub idle: Duration,
}

/// One transport.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names are those of sfu/stats.py, which documents them")]
pub struct TransportStats {
    pub transport: TransportId,
    pub connected: bool,
    pub encrypted: bool,
    pub remote: Option<SocketAddr>,
    pub idle: Duration,
    pub rtt: Option<Duration>,
    pub packets_received: u64,
    pub bytes_received: u64,
    pub packets_sent: u64,
    pub bytes_sent: u64,
    pub remb_bps: Option<u64>,
    pub paths: Vec<PathStats>,
    pub tracks: Vec<TrackStats>,
    pub egresses: Vec<EgressStats>,
}

/// One TURN allocation: payloads between its client and the peers, as far as one core has seen them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of sfu/stats.py, which documents them")]
pub struct RelayStats {
    pub relay: RelayId,
    pub packets_received: u64,
    pub bytes_received: u64,
    pub packets_sent: u64,
    pub bytes_sent: u64,
    pub dropped: u64,
}

impl RelayStats {
    /// Add what another core has seen of the same allocation.
    pub fn add(&mut self, other: &Self) {
        self.packets_received += other.packets_received;
        self.bytes_received += other.bytes_received;
        self.packets_sent += other.packets_sent;
        self.bytes_sent += other.bytes_sent;
        self.dropped += other.dropped;
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Totals since start: what came, what left, and every reason a packet was dropped.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// Stable name and value of each.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }

            /// Add another core's.
            pub fn add(&mut self, other: &Self) {
                $(self.$name = self.$name.wrapping_add(other.$name);)*
            }
        }
    };
}

counters! {
    /// Datagrams handed to the core.
    datagrams_received,
    /// Bytes in them.
    bytes_received,
    /// RTP packets that were authentic.
    rtp_received,
    /// RTCP compounds that were authentic.
    rtcp_received,
    /// Valid ICE checks.
    checks_answered,
    /// DTLS datagrams passed to Python.
    dtls_received,
    /// RTP packets forwarded, first sends only.
    rtp_forwarded,
    /// RTP packets sent again.
    rtp_retransmitted,
    /// RTCP compounds sent.
    rtcp_sent,
    /// Keyframe requests sent to publishers.
    keyframe_requests_sent,
    /// STUN messages passed to Python.
    stun_received,
    /// Packets taken from clients of allocations and passed on.
    relayed_from_clients,
    /// Packets of peers, ours among them, passed on to clients of allocations.
    relayed_to_clients,
    /// ChannelData or a Send indication that does not parse.
    dropped_relay_malformed,
    /// ChannelData, a Send indication or a request of TURN from inside a relay.
    dropped_relay_nested,
    /// From a 5-tuple without an allocation, or for an allocation that is gone.
    dropped_relay_unknown,
    /// ChannelData on a channel that is not bound.
    dropped_relay_unbound_channel,
    /// From or to a peer that is not permitted.
    dropped_relay_not_permitted,
    /// To a peer the allocation has no way to.
    dropped_relay_unreachable,
    /// More than an allocation may have in a second.
    dropped_relay_over_limit,
    /// ICMP errors of a kind that clients are not told.
    dropped_relay_icmp,
    /// STUN for Python beyond what may come from one prefix of addresses in a second.
    dropped_stun_flood,
    /// Empty, or a first byte no protocol of ours has (RFC 7983).
    dropped_unknown_protocol,
    /// STUN that does not parse, or is neither a request nor an indication for us.
    dropped_stun_malformed,
    /// A check for an ICE user we do not have.
    dropped_stun_unknown_user,
    /// A check whose integrity, fingerprint or remote user is wrong.
    dropped_stun_forged,
    /// DTLS or SRTP from a 5-tuple no check has validated.
    dropped_unknown_path,
    /// DTLS beyond what one transport may send in a second, or too long.
    dropped_dtls_flood,
    /// DTLS with nowhere to go yet.
    dropped_dtls_no_path,
    /// SRTP or SRTCP before the keys.
    dropped_no_keys,
    /// RTP or RTCP that does not parse.
    dropped_malformed,
    /// SRTP or SRTCP that fails authentication.
    dropped_forged,
    /// SRTP or SRTCP seen before, or too old to tell.
    dropped_replayed,
    /// More SSRCs than one transport may have.
    dropped_too_many_sources,
    /// RTP that belongs to no published track.
    dropped_unknown_stream,
    /// RTP with a payload type that was not negotiated.
    dropped_unknown_payload_type,
    /// Media that had arrived already (by retransmission or twice).
    dropped_duplicate,
    /// Padding without media.
    dropped_padding,
    /// Media a viewer has no payload type for.
    dropped_unmapped,
    /// Media older than a viewer's switch to the present source.
    dropped_before_switch,
    /// Commands and messages for something already gone.
    ignored_stale,
}
