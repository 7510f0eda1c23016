//! One packet on its way to one viewer: header, payload and seal.

use core::time::Duration;
use std::sync::Arc;

use crate::batch::SendBatch;
use crate::media::MediaPacket;
use crate::packet::codec::{self, PictureIds};
use crate::packet::extensions::{ExtensionKind, ExtensionMap};
use crate::packet::rtp::{self, HeaderFields};
use crate::packet::Malformed;
use crate::relay::Way;
use crate::srtp::Sealer;
use crate::time::Instant;

/// Room for the fixed header and every extension below in its largest form.
const MAX_HEADER: usize = 512;
const MAX_EXTENSIONS: usize = 11;
/// The largest of any profile: an AES-GCM tag (RFC 7714, 13.2).
const MAX_RTP_OVERHEAD: usize = 16;

/// How to reach a viewer: borrowed from its transport for the time of a send.
pub struct Outlet<'a> {
    /// Seals what it is sent.
    pub sealer: &'a Sealer,
    /// Where to, and how.
    pub way: Way<'a>,
    /// Header extension ids of its BUNDLE group.
    pub extensions: &'a ExtensionMap,
    /// Its transport-wide sequence number, one per packet on the wire.
    pub transport_sequence: &'a mut u16,
    /// Round trip to it.
    pub rtt: Duration,
}

/// One packet as this viewer got it: enough to write it again, bit for bit.
#[derive(Clone, Debug)]
pub(super) struct Forwarded {
    pub packet: Arc<MediaPacket>,
    pub timestamp: u32,
    pub payload_type: u8,
    pub rtx_payload_type: Option<u8>,
    /// The payload type inside RED blocks, or for media taken out of RED.
    pub red: RedTreatment,
    pub pictures: Option<PictureIds>,
    pub send_time: u32,
    pub transport_sequence: u16,
    /// State of the viewer's extension map: what was added since is in no resend of it.
    pub extensions_edition: u8,
}

/// What becomes of a RED payload (RFC 2198).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RedTreatment {
    /// Not RED.
    None,
    /// Forwarded as RED; its blocks are renamed to this payload type.
    Rename(u8),
    /// The viewer has no RED: only the primary block is sent.
    Unwrap,
}

/// Where a packet goes in what the viewer receives: in the stream of the media, or in that of retransmissions.
pub(super) struct Place<'a> {
    pub ssrc: u32,
    pub payload_type: u8,
    /// Extended sequence number: the low bits go into the header, the rest is the roll-over counter.
    pub index: u64,
    /// In a retransmission, the sequence number of what is repeated (RFC 4588, 4).
    pub original: Option<u16>,
    /// The viewer's `a=mid`.
    pub mid: Option<&'a str>,
}

impl Forwarded {
    /// Write it at the end of the batch; the bytes it took, 0 if it could not be written.
    pub fn write(&self, place: &Place<'_>, outlet: &mut Outlet<'_>, batch: &mut SendBatch) -> usize {
        let mut header = [0u8; MAX_HEADER];
        let Ok(header_len) = self.write_header(&mut header, place, outlet.extensions) else { return 0 };
        let mut sent = 0;
        let Outlet { way, sealer, .. } = outlet;
        way.write(batch, |bytes| {
            let start = bytes.len();
            bytes.extend_from_slice(&header[..header_len]);
            bytes
                .extend_from_slice(place.original.map(u16::to_be_bytes).as_ref().map_or(&[], |original| &original[..]));
            let payload_start = bytes.len();
            if !self.append_payload(bytes) {
                return false;
            }
            if let Some(ids) = &self.pictures {
                codec::write_picture_ids(self.packet.codec, &mut bytes[payload_start..], ids);
            }
            let len = bytes.len() - start;
            bytes.resize(bytes.len() + MAX_RTP_OVERHEAD, 0);
            let roc = (place.index >> 16) as u32;
            sent = sealer.seal_rtp(&mut bytes[start..], len, header_len, roc).unwrap_or(0);
            bytes.truncate(start + sent);
            sent > 0
        });
        sent
    }

    fn write_header(&self, buffer: &mut [u8], place: &Place<'_>, map: &ExtensionMap) -> Result<usize, Malformed> {
        let fields = HeaderFields {
            marker: self.packet.marker,
            payload_type: place.payload_type,
            sequence: place.index as u16,
            timestamp: self.timestamp,
            ssrc: place.ssrc,
        };
        let send_time = self.send_time.to_be_bytes();
        let transport_sequence = self.transport_sequence.to_be_bytes();
        let mut list: [(u8, &[u8]); MAX_EXTENSIONS] = [(0, &[]); MAX_EXTENSIONS];
        let mut count = 0;
        let mut push = |kind: ExtensionKind, value| {
            if let (Some(id), Some(slot)) = (map.id_in(kind, self.extensions_edition), list.get_mut(count)) {
                *slot = (id, value);
                count += 1;
            }
        };
        if let Some(mid) = place.mid {
            push(ExtensionKind::Mid, mid.as_bytes());
        }
        push(ExtensionKind::AbsSendTime, &send_time[1..]);
        // Where these are agreed on, be it for what the same client publishes, it answers with feedback on arrivals. That
        // does no harm: the numbers are this transport's own, one per packet, and the feedback is read past.
        push(ExtensionKind::TransportWideCc, &transport_sequence);
        for (kind, value) in self.packet.extensions.iter(&self.packet.bytes) {
            push(kind, value);
        }
        rtp::write_header(buffer, &fields, &list[..count])
    }

    /// False if the payload is not the RED it should be.
    fn append_payload(&self, bytes: &mut Vec<u8>) -> bool {
        let payload = &self.packet.bytes[self.packet.payload.clone()];
        match self.red {
            RedTreatment::None => bytes.extend_from_slice(payload),
            RedTreatment::Rename(payload_type) => {
                let start = bytes.len();
                bytes.extend_from_slice(payload);
                return codec::red::rewrite_payload_types(&mut bytes[start..], payload_type).is_ok();
            }
            RedTreatment::Unwrap => match codec::red::primary(payload) {
                Ok((_, range)) => bytes.extend_from_slice(&payload[range]),
                Err(_) => return false,
            },
        }
        true
    }
}

/// Seconds in 6.18 fixed point, 24 bits, as the abs-send-time extension has them.
pub(super) fn abs_send_time(now: Instant) -> u32 {
    // 64 s wrap: the high bits are cut on purpose.
    (((u128::from(now.as_micros()) << 18) / 1_000_000) & 0x00ff_ffff) as u32
}
