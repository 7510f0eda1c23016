//! RTCP: reports (RFC 3550 section 6), feedback (RFC 4585, RFC 5104), REMB and transport-wide feedback.

mod feedback;
mod reports;
mod transport_feedback;
mod write;

use super::{u16_at, u32_at, u64_at, Malformed};

pub use feedback::{FirTargets, NackList};
pub use reports::{ReportBlock, ReportBlocks, Ssrcs};
pub use transport_feedback::{Arrivals, TransportFeedback};
pub use write::{
    write_bye, write_cname, write_fir, write_nack, write_pli, write_receiver_report, write_remb, write_sender_report,
    MAX_NACK_ITEMS, MAX_REPORTS,
};

/// Packet types (RFC 3550 section 12.1, RFC 4585 section 6.1).
mod packet_type {
    pub const SENDER_REPORT: u8 = 200;
    pub const RECEIVER_REPORT: u8 = 201;
    pub const SOURCE_DESCRIPTION: u8 = 202;
    pub const BYE: u8 = 203;
    pub const TRANSPORT_FEEDBACK: u8 = 205;
    pub const PAYLOAD_FEEDBACK: u8 = 206;
}

/// Feedback message types, by their packet type.
mod format {
    /// RTPFB: generic NACK (RFC 4585 section 6.2.1).
    pub const NACK: u8 = 1;
    /// RTPFB: draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1.
    pub const TRANSPORT_WIDE_CC: u8 = 15;
    /// PSFB: picture loss indication (RFC 4585 section 6.3.1).
    pub const PLI: u8 = 1;
    /// PSFB: full intra request (RFC 5104 section 4.3.1).
    pub const FIR: u8 = 4;
    /// PSFB: application layer feedback (RFC 4585 section 6.4), which REMB is.
    pub const APPLICATION: u8 = 15;
}

const VERSION: u8 = 2;
const PADDING_BIT: u8 = 1 << 5;
const COUNT_MASK: u8 = 0x1f;
const HEADER_LEN: usize = 4;
/// The unique identifier of draft-alvestrand-rmcat-remb-03 section 2.2.
const REMB_NAME: u32 = u32::from_be_bytes(*b"REMB");

/// One packet of a compound.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields bear the names of the RFC sections cited per variant")]
pub enum Packet<'a> {
    /// RFC 3550 section 6.4.1; `ntp` is 32.32 fixed-point seconds, `rtp` the same moment on the media clock.
    SenderReport { ssrc: u32, ntp: u64, rtp: u32, packets: u32, octets: u32, reports: ReportBlocks<'a> },
    /// RFC 3550 section 6.4.2.
    ReceiverReport { ssrc: u32, reports: ReportBlocks<'a> },
    /// RFC 3550 section 6.5; its items are not read.
    SourceDescription,
    /// RFC 3550 section 6.6.
    Bye { ssrcs: Ssrcs<'a> },
    /// RFC 4585 section 6.2.1.
    Nack { sender: u32, media: u32, lost: NackList<'a> },
    /// RFC 4585 section 6.3.1.
    Pli { media: u32 },
    /// RFC 5104 section 4.3.1.
    Fir { targets: FirTargets<'a> },
    /// draft-alvestrand-rmcat-remb-03; `bitrate` in bit/s.
    Remb { bitrate: u64, ssrcs: Ssrcs<'a> },
    /// draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1.
    TransportFeedback(TransportFeedback<'a>),
    /// Well-framed, but of a kind the data path has no use for.
    Other { packet_type: u8 },
}

/// Iterates over the packets of a decrypted compound, which may be of reduced size (RFC 5506).
///
/// Ends after the first [`Malformed`], because what follows has no reliable framing.
pub fn parse(compound: &[u8]) -> Compound<'_> {
    Compound { rest: compound }
}

/// The packets of a compound; see [`parse`]. Every step consumes at least four bytes.
#[derive(Clone, Debug)]
pub struct Compound<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Compound<'a> {
    type Item = Result<Packet<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let packet = split_packet(self.rest).and_then(|(packet, rest)| {
            self.rest = rest;
            parse_packet(packet)
        });
        if packet.is_err() {
            self.rest = &[];
        }
        Some(packet)
    }
}

/// Cuts the first packet off, as its length field says (RFC 3550 section 6.4.1).
fn split_packet(compound: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let words = usize::from(u16_at(compound, 2)?);
    compound.split_at_checked(HEADER_LEN + 4 * words).ok_or(Malformed)
}

fn parse_packet(packet: &[u8]) -> Result<Packet<'_>, Malformed> {
    let [first, packet_type, _, _, body @ ..] = packet else { return Err(Malformed) };
    if first >> 6 != VERSION {
        return Err(Malformed);
    }
    let body = if first & PADDING_BIT == 0 { body } else { without_padding(body)? };
    let count = first & COUNT_MASK; // or the feedback message type
    match *packet_type {
        packet_type::SENDER_REPORT => Ok(Packet::SenderReport {
            ssrc: u32_at(body, 0)?,
            ntp: u64_at(body, 4)?,
            rtp: u32_at(body, 12)?,
            packets: u32_at(body, 16)?,
            octets: u32_at(body, 20)?,
            reports: ReportBlocks::parse(body, 24, count)?,
        }),
        packet_type::RECEIVER_REPORT => {
            Ok(Packet::ReceiverReport { ssrc: u32_at(body, 0)?, reports: ReportBlocks::parse(body, 4, count)? })
        }
        packet_type::SOURCE_DESCRIPTION => Ok(Packet::SourceDescription),
        packet_type::BYE => Ok(Packet::Bye { ssrcs: Ssrcs::parse(body, 0, count)? }),
        packet_type::TRANSPORT_FEEDBACK => parse_transport_feedback(count, body),
        packet_type::PAYLOAD_FEEDBACK => parse_payload_feedback(count, body),
        packet_type => Ok(Packet::Other { packet_type }),
    }
}

/// RFC 3550 section 6.4.1: the last byte counts the padding, itself included. The RFC wants a multiple of four, but
/// transport-wide feedback, as everyone writes it, is padded by one to three bytes.
fn without_padding(body: &[u8]) -> Result<&[u8], Malformed> {
    match body.last().copied().map(usize::from) {
        Some(len) if len != 0 && len <= body.len() => Ok(&body[..body.len() - len]),
        _ => Err(Malformed),
    }
}

fn parse_transport_feedback(format: u8, body: &[u8]) -> Result<Packet<'_>, Malformed> {
    let (sender, media) = (u32_at(body, 0)?, u32_at(body, 4)?);
    match format {
        format::NACK => Ok(Packet::Nack { sender, media, lost: NackList::parse(&body[8..])? }),
        format::TRANSPORT_WIDE_CC => TransportFeedback::parse(body).map(Packet::TransportFeedback),
        _ => Ok(Packet::Other { packet_type: packet_type::TRANSPORT_FEEDBACK }),
    }
}

fn parse_payload_feedback(format: u8, body: &[u8]) -> Result<Packet<'_>, Malformed> {
    let media = u32_at(body, 4)?;
    match format {
        format::PLI => Ok(Packet::Pli { media }),
        format::FIR => Ok(Packet::Fir { targets: FirTargets::parse(&body[8..])? }),
        format::APPLICATION if u32_at(body, 8) == Ok(REMB_NAME) => {
            let rate = u32_at(body, 12)?;
            let (count, exponent, mantissa) = ((rate >> 24) as u8, rate >> 18 & 0x3f, u64::from(rate & 0x3_ffff));
            let bitrate = mantissa.saturating_mul(1u64 << exponent);
            Ok(Packet::Remb { bitrate, ssrcs: Ssrcs::parse(body, 16, count)? })
        }
        _ => Ok(Packet::Other { packet_type: packet_type::PAYLOAD_FEEDBACK }),
    }
}
