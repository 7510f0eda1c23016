//! What a publisher sends, as the forwarder sees it: tracks, their layers, and single packets.

use core::ops::Range;

use crate::ids::TrackId;
use crate::packet::codec::Codec;
use crate::packet::extensions::ExtensionKind;
use crate::time::Instant;

/// Audio or video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Forwarded from any packet on.
    Audio,
    /// Forwarded from a keyframe on.
    Video,
}

/// One negotiated payload type of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodecSpec {
    /// RTP payload type of the media.
    pub payload_type: u8,
    /// What it carries.
    pub codec: Codec,
    /// RTP clock rate in Hz.
    pub clock_rate: u32,
    /// Payload type of its retransmissions (RFC 4588 `apt`), if negotiated.
    pub rtx_payload_type: Option<u8>,
}

/// What a publisher's m-section says about one track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackSpec {
    /// Audio or video.
    pub kind: Kind,
    /// `a=mid`, if the offer has one.
    pub mid: Option<String>,
    /// Every negotiated payload type.
    pub codecs: Vec<CodecSpec>,
    /// `(ssrc, rtx ssrc)` per layer, lowest first, where the offer names them.
    pub ssrcs: Vec<(u32, Option<u32>)>,
    /// `a=rid` per layer, lowest first, where the offer names them.
    pub rids: Vec<String>,
    /// Generic NACK (RFC 4585, 6.2.1) was negotiated.
    pub nack: bool,
    /// Picture loss indication (RFC 4585, 6.3.1) was negotiated.
    pub pli: bool,
    /// Full intra request (RFC 5104, 4.3.1) was negotiated.
    pub fir: bool,
    /// Transport-wide congestion control feedback was negotiated.
    pub twcc: bool,
    /// Receiver estimated maximum bitrate was negotiated.
    pub remb: bool,
}

impl TrackSpec {
    /// At least one; a layer is a simulcast encoding.
    pub fn layer_count(&self) -> usize {
        self.rids.len().max(self.ssrcs.len()).clamp(1, MAX_LAYERS)
    }

    /// The codec whose media or retransmissions this payload type carries.
    pub fn codec(&self, payload_type: u8) -> Option<&CodecSpec> {
        self.codecs
            .iter()
            .find(|codec| codec.payload_type == payload_type || codec.rtx_payload_type == Some(payload_type))
    }
}

/// Simulcast layers one track may have; more are never created.
pub const MAX_LAYERS: usize = 8;

/// Some layers of one track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerSet(u8);

const _: () = assert!(MAX_LAYERS <= u8::BITS as usize);

impl LayerSet {
    /// Whether this layer is one of them.
    pub fn contains(self, layer: u8) -> bool {
        usize::from(layer) < MAX_LAYERS && self.0 >> layer & 1 == 1
    }

    /// Lowest first.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..MAX_LAYERS as u8).filter(move |layer| self.contains(*layer))
    }
}

impl Extend<u8> for LayerSet {
    /// A layer that no track can have is left out.
    fn extend<T: IntoIterator<Item = u8>>(&mut self, layers: T) {
        for layer in layers.into_iter().filter(|layer| usize::from(*layer) < MAX_LAYERS) {
            self.0 |= 1 << layer;
        }
    }
}

impl FromIterator<u8> for LayerSet {
    fn from_iter<T: IntoIterator<Item = u8>>(layers: T) -> Self {
        let mut set = Self::default();
        set.extend(layers);
        set
    }
}

/// One stream towards a viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressSpec {
    /// Audio or video.
    pub kind: Kind,
    /// The viewer's `a=mid`, if its offer has one.
    pub mid: Option<String>,
    /// Our SSRC for the media.
    pub ssrc: u32,
    /// Our SSRC for retransmissions (RFC 4588), if the viewer takes them.
    pub rtx_ssrc: Option<u32>,
    /// Our CNAME: streams with the same one are played in sync (RFC 3550, 6.5.1).
    pub cname: String,
    /// The viewer negotiated generic NACK.
    pub nack: bool,
}

/// A received RTP stream, i.e. one SSRC of one layer. A layer whose SSRC changes becomes a new source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SourceId(pub u32);

/// One decrypted media packet, shared by everyone it is forwarded to.
#[derive(Debug)]
pub struct MediaPacket {
    /// The track it belongs to.
    pub track: TrackId,
    /// Index of the layer within the track.
    pub layer: u8,
    /// The stream within the layer.
    pub source: SourceId,
    /// Extended sequence number (ROC and SEQ).
    pub sequence: u64,
    /// RTP timestamp as sent by the publisher.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// The publisher's payload type of the media (never that of RTX).
    pub payload_type: u8,
    /// What it carries.
    pub codec: Codec,
    /// RTP clock rate in Hz.
    pub clock_rate: u32,
    /// A viewer can start here: the first packet of a picture that needs no other, with none of the rest gone by.
    pub keyframe: bool,
    /// Header extensions that are copied through: kind and place in `bytes`.
    pub extensions: ExtensionRefs,
    /// The plaintext packet.
    pub bytes: Box<[u8]>,
    /// The media payload within `bytes`, without padding; empty if the packet was all padding.
    pub payload: Range<usize>,
}

/// Header extensions of one packet that are worth keeping, at most eight.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExtensionRefs {
    entries: [Option<(ExtensionKind, u16, u8)>; 8],
    len: usize,
}

impl ExtensionRefs {
    /// Remember `kind` at `offset..offset + len` of the packet; a ninth is left out.
    pub fn push(&mut self, kind: ExtensionKind, offset: usize, len: usize) {
        let (Ok(offset), Ok(len)) = (u16::try_from(offset), u8::try_from(len)) else { return };
        if let Some(slot) = self.entries.get_mut(self.len) {
            *slot = Some((kind, offset, len));
            self.len += 1;
        }
    }

    /// Kind and value of each.
    pub fn iter<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = (ExtensionKind, &'a [u8])> {
        self.entries.iter().flatten().filter_map(|&(kind, offset, len)| {
            bytes.get(usize::from(offset)..usize::from(offset) + usize::from(len)).map(|value| (kind, value))
        })
    }
}

/// What a publisher's sender report says of one source: its RTP clock against its wall clock (RFC 3550, 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceClock {
    /// NTP timestamp, 32.32 fixed point, of the publisher.
    pub ntp: u64,
    /// RTP timestamp at that moment.
    pub rtp: u32,
    /// When the report arrived.
    pub at: Instant,
    /// RTP clock rate in Hz.
    pub clock_rate: u32,
}

impl SourceClock {
    /// The publisher's `(ntp, rtp)` now, carried forward by our clock.
    pub fn at(&self, now: Instant) -> (u64, u32) {
        let micros = now.since(self.at).as_micros().min(u128::from(u32::MAX));
        let ntp = (micros << 32) / 1_000_000;
        let ticks = micros * u128::from(self.clock_rate) / 1_000_000;
        // Both wrap on the wire as well: the low bits are what counts.
        (self.ntp.wrapping_add(ntp as u64), self.rtp.wrapping_add(ticks as u32))
    }

    /// The RTP timestamp of *this* source at the moment `other` shows `rtp`, by the publisher's wall clock.
    pub fn translate(&self, other: &SourceClock, rtp: u32) -> Option<u32> {
        if self.clock_rate == 0 || other.clock_rate == 0 {
            return None;
        }
        // Signed distances: a packet may be older or newer than the report.
        let ticks = i128::from(rtp.wrapping_sub(other.rtp) as i32);
        let ntp = i128::from(other.ntp.wrapping_sub(self.ntp) as i64) + (ticks << 32) / i128::from(other.clock_rate);
        // To the nearest tick: what is cut off would add up from switch to switch.
        let here = (ntp * i128::from(self.clock_rate) + (1 << 31)) >> 32;
        Some(self.rtp.wrapping_add(here as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    fn clock(ntp_seconds: u64, rtp: u32) -> SourceClock {
        SourceClock { ntp: ntp_seconds << 32, rtp, at: Instant::from_micros(0), clock_rate: 90_000 }
    }

    #[test]
    fn a_clock_runs_on_between_reports() {
        let now = Instant::from_micros(0) + Duration::from_millis(1500);
        assert_eq!(clock(100, 7).at(now), ((100 << 32) + (3 << 31), 7 + 135_000));
    }

    #[test]
    fn layers_with_different_offsets_meet_on_the_wall_clock() {
        let low = clock(100, 1_000);
        let high = clock(101, u32::MAX - 10);
        // One second after the low layer's report the high layer stood at its own report.
        assert_eq!(low.translate(&high, u32::MAX - 10), Some(1_000 + 90_000));
        // Half a second earlier still translates, across the wrap.
        assert_eq!(low.translate(&high, (u32::MAX - 10).wrapping_sub(45_000)), Some(1_000 + 45_000));
    }
}
