//! Writing RTCP packets. All writers append one packet, so that calls in a row make a compound.

use super::{format, packet_type, ReportBlock, PADDING_BIT, REMB_NAME, VERSION};

/// Report blocks in one packet: all its five-bit count can say.
pub const MAX_REPORTS: usize = 31;
/// Four-byte items in one NACK, so that it fits a datagram with room for a report.
pub const MAX_NACK_ITEMS: usize = 256;
const MAX_CNAME_LEN: usize = 255;
const MAX_REMB_SSRCS: usize = 255;
const CNAME_ITEM: u8 = 1;

/// Appends a sender report without report blocks (RFC 3550 section 6.4.1).
pub fn write_sender_report(out: &mut Vec<u8>, ssrc: u32, ntp: u64, rtp: u32, packets: u32, octets: u32) {
    let start = start(out, packet_type::SENDER_REPORT, 0);
    put_words(out, &[ssrc, (ntp >> 32) as u32, ntp as u32, rtp, packets, octets]);
    finish(out, start);
}

/// Appends a receiver report of the first [`MAX_REPORTS`] blocks (RFC 3550 section 6.4.2).
pub fn write_receiver_report(out: &mut Vec<u8>, sender_ssrc: u32, reports: &[ReportBlock]) {
    let reports = &reports[..reports.len().min(MAX_REPORTS)];
    let start = start(out, packet_type::RECEIVER_REPORT, reports.len() as u8);
    put_words(out, &[sender_ssrc]);
    for report in reports {
        report.write(out);
    }
    finish(out, start);
}

/// Appends a source description with one CNAME (RFC 3550 section 6.5.1), cut to 255 bytes.
pub fn write_cname(out: &mut Vec<u8>, ssrc: u32, cname: &str) {
    let mut len = cname.len().min(MAX_CNAME_LEN);
    while !cname.is_char_boundary(len) {
        len -= 1;
    }
    let start = start(out, packet_type::SOURCE_DESCRIPTION, 1);
    put_words(out, &[ssrc]);
    out.extend([CNAME_ITEM, len as u8]);
    out.extend(&cname.as_bytes()[..len]);
    // At least one zero ends the items, then zeros up to the word.
    let padding = 4 - (out.len() - start) % 4;
    out.resize(out.len() + padding, 0);
    finish(out, start);
}

/// Appends a generic NACK (RFC 4585 section 6.2.1) for `lost`, in order of sequence number; nothing if it is empty.
///
/// What does not fit [`MAX_NACK_ITEMS`] is left out: it stays lost and is asked for again.
pub fn write_nack(out: &mut Vec<u8>, sender_ssrc: u32, media_ssrc: u32, lost: &[u16]) {
    let Some((&first, rest)) = lost.split_first() else { return };
    let start = start(out, packet_type::TRANSPORT_FEEDBACK, format::NACK);
    put_words(out, &[sender_ssrc, media_ssrc]);
    let (mut packet_id, mut mask, mut items) = (first, 0u16, 1);
    for &sequence in rest {
        match sequence.wrapping_sub(packet_id) {
            0 => {}
            offset @ 1..=16 => mask |= 1 << (offset - 1),
            _ if items == MAX_NACK_ITEMS => break,
            _ => {
                put_words(out, &[nack_item(packet_id, mask)]);
                (packet_id, mask, items) = (sequence, 0, items + 1);
            }
        }
    }
    put_words(out, &[nack_item(packet_id, mask)]);
    finish(out, start);
}

fn nack_item(packet_id: u16, mask: u16) -> u32 {
    u32::from(packet_id) << 16 | u32::from(mask)
}

/// Appends a picture loss indication (RFC 4585 section 6.3.1).
pub fn write_pli(out: &mut Vec<u8>, sender: u32, media: u32) {
    let start = start(out, packet_type::PAYLOAD_FEEDBACK, format::PLI);
    put_words(out, &[sender, media]);
    finish(out, start);
}

/// Appends a full intra request (RFC 5104 section 4.3.1.1). `sequence` counts the requests, not their repetitions.
pub fn write_fir(out: &mut Vec<u8>, sender: u32, media: u32, sequence: u8) {
    let start = start(out, packet_type::PAYLOAD_FEEDBACK, format::FIR);
    // "SSRC of media source" is unused and zero; the entry names the stream.
    put_words(out, &[sender, 0, media, u32::from(sequence) << 24]);
    finish(out, start);
}

/// Appends a receiver estimated maximum bitrate of `bitrate` bit/s for the first 255 of `ssrcs`
/// (draft-alvestrand-rmcat-remb-03). The 18-bit mantissa rounds down.
pub fn write_remb(out: &mut Vec<u8>, sender: u32, bitrate: u64, ssrcs: &[u32]) {
    let ssrcs = &ssrcs[..ssrcs.len().min(MAX_REMB_SSRCS)];
    let exponent = (u64::BITS - 18).saturating_sub(bitrate.leading_zeros());
    let mantissa = (bitrate >> exponent) as u32; // below 2^18
    let start = start(out, packet_type::PAYLOAD_FEEDBACK, format::APPLICATION);
    put_words(out, &[sender, 0, REMB_NAME, (ssrcs.len() as u32) << 24 | exponent << 18 | mantissa]);
    put_words(out, ssrcs);
    finish(out, start);
}

/// Appends a BYE for one source (RFC 3550 section 6.6).
pub fn write_bye(out: &mut Vec<u8>, ssrc: u32) {
    let start = start(out, packet_type::BYE, 1);
    put_words(out, &[ssrc]);
    finish(out, start);
}

fn start(out: &mut Vec<u8>, packet_type: u8, count: u8) -> usize {
    let start = out.len();
    debug_assert!(count < PADDING_BIT);
    out.extend([VERSION << 6 | count, packet_type, 0, 0]);
    start
}

fn put_words(out: &mut Vec<u8>, words: &[u32]) {
    out.extend(words.iter().flat_map(|word| word.to_be_bytes()));
}

/// Sets the length field, in words less one. Every writer's packet is whole words and far below 256 KiB.
fn finish(out: &mut [u8], start: usize) {
    let words = ((out.len() - start) / 4 - 1) as u16;
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}
