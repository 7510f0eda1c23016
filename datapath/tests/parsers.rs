//! Every parser accepts any bytes, and reads back what its writer wrote.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use proptest::prelude::*;
use sluice_datapath::packet::codec::{self, Codec, PictureIds};
use sluice_datapath::packet::rtcp::{self, Packet, ReportBlock};
use sluice_datapath::packet::{classify, rtp, stun, Class};

const CODECS: [Codec; 11] = [
    Codec::Opus,
    Codec::Red,
    Codec::Vp8,
    Codec::Vp9,
    Codec::H264,
    Codec::H265,
    Codec::Av1,
    Codec::Pcmu,
    Codec::Pcma,
    Codec::G722,
    Codec::Other,
];

/// The packets of a compound, all of which must be well-formed.
fn packets(compound: &[u8]) -> Vec<Packet<'_>> {
    rtcp::parse(compound).collect::<Result<_, _>>().unwrap()
}

/// Walks whatever iterators a packet has; how many items they gave.
fn walk(packet: &Packet<'_>) -> usize {
    match packet.clone() {
        Packet::SenderReport { reports, .. } | Packet::ReceiverReport { reports, .. } => reports.count(),
        Packet::Bye { ssrcs } | Packet::Remb { ssrcs, .. } => ssrcs.count(),
        Packet::Nack { lost, .. } => lost.count(),
        Packet::Fir { targets } => targets.count(),
        Packet::TransportFeedback(feedback) => feedback.arrivals().count(),
        Packet::SourceDescription | Packet::Pli { .. } | Packet::Other { .. } => 0,
    }
}

#[test]
fn a_compound_is_read_packet_by_packet() {
    let mut out = Vec::new();
    rtcp::write_sender_report(&mut out, 1, 0x0123_4567_89ab_cdef, 2, 3, 4);
    rtcp::write_cname(&mut out, 1, "cname");
    rtcp::write_pli(&mut out, 1, 9);
    rtcp::write_fir(&mut out, 1, 9, 5);
    rtcp::write_bye(&mut out, 1);
    match packets(&out).as_slice() {
        [Packet::SenderReport { ssrc: 1, ntp, rtp: 2, packets: 3, octets: 4, reports }, Packet::SourceDescription, Packet::Pli { media: 9 }, Packet::Fir { targets }, Packet::Bye { ssrcs }] =>
        {
            assert_eq!(*ntp, 0x0123_4567_89ab_cdef);
            assert_eq!(reports.clone().count(), 0);
            assert_eq!(targets.clone().collect::<Vec<_>>(), [9]);
            assert_eq!(ssrcs.clone().collect::<Vec<_>>(), [1]);
        }
        other => panic!("read {other:?}"),
    }
}

#[test]
fn a_cname_is_framed_whatever_its_length() {
    for len in 0..300 {
        let mut out = Vec::new();
        rtcp::write_cname(&mut out, 7, &"ä".repeat(len));
        assert_eq!(out.len() % 4, 0);
        assert_eq!(out.last(), Some(&0), "the items end with a zero");
        let item = &out[8..];
        let text = core::str::from_utf8(&item[2..2 + usize::from(item[1])]).unwrap();
        assert_eq!(text, "ä".repeat(len.min(127)));
        assert!(matches!(packets(&out)[..], [Packet::SourceDescription]));
    }
}

#[test]
fn padding_is_cut_off_and_must_be_possible() {
    let padded = |len: u8| {
        let mut out = Vec::new();
        rtcp::write_bye(&mut out, 7);
        out[0] |= 0x20;
        out[3] += 1;
        out.extend([0, 0, 0, len]);
        out
    };
    assert_eq!(walk(&packets(&padded(4))[0]), 1);
    // Transport-wide feedback is padded by one to three bytes.
    assert!(rtcp::parse(&padded(1)).all(|packet| packet.is_ok()));
    for impossible in [0, 12, 255] {
        assert!(rtcp::parse(&padded(impossible)).any(|packet| packet.is_err()), "padding of {impossible}");
    }
    assert!(rtcp::parse(&padded(8)).next().unwrap().is_err(), "padding over the only source");
}

#[test]
fn iteration_ends_with_the_first_malformed_packet() {
    let mut out = Vec::new();
    rtcp::write_pli(&mut out, 1, 2);
    out.extend([0x40, 206, 0, 0]);
    rtcp::write_pli(&mut out, 1, 2);
    let results: Vec<bool> = rtcp::parse(&out).map(|packet| packet.is_ok()).collect();
    assert_eq!(results, [true, false]);
    assert_eq!(rtcp::parse(&out[..11]).map(|packet| packet.is_ok()).collect::<Vec<_>>(), [false]);
    assert_eq!(rtcp::parse(&[]).count(), 0);
}

#[test]
fn counts_beyond_the_packet_are_malformed() {
    let mut out = Vec::new();
    rtcp::write_receiver_report(&mut out, 1, &[ReportBlock::default(); 2]);
    out[0] += 1;
    assert!(rtcp::parse(&out).next().unwrap().is_err(), "three blocks announced, two there");
    let mut out = Vec::new();
    rtcp::write_remb(&mut out, 1, 1_000_000, &[1, 2]);
    out[16] = 3;
    assert!(rtcp::parse(&out).next().unwrap().is_err(), "three sources announced, two there");
}

#[test]
fn long_lists_are_cut_to_what_a_packet_holds() {
    let mut out = Vec::new();
    rtcp::write_receiver_report(&mut out, 1, &[ReportBlock::default(); 40]);
    assert_eq!(walk(&packets(&out)[0]), rtcp::MAX_REPORTS);
    let mut out = Vec::new();
    let lost: Vec<u16> = (0..1_000).map(|item| item * 40).collect();
    rtcp::write_nack(&mut out, 1, 2, &lost);
    assert_eq!(walk(&packets(&out)[0]), rtcp::MAX_NACK_ITEMS);
    let mut out = Vec::new();
    rtcp::write_nack(&mut out, 1, 2, &[]);
    assert!(out.is_empty());
    rtcp::write_remb(&mut out, 1, 2, &[9; 300]);
    assert_eq!(walk(&packets(&out)[0]), 255);
}

#[test]
fn nack_packs_seventeen_into_one_item() {
    let mut out = Vec::new();
    let lost: Vec<u16> = (0..17).map(|step| 0xfff8u16.wrapping_add(step)).collect();
    rtcp::write_nack(&mut out, 1, 2, &lost);
    assert_eq!(out.len(), 16);
    assert_eq!(out[12..], [0xff, 0xf8, 0xff, 0xff]);
}

#[test]
fn names_of_codecs() {
    for (name, codec) in [("VP8", Codec::Vp8), ("opus", Codec::Opus), ("H264", Codec::H264), ("av1", Codec::Av1)] {
        assert_eq!(Codec::from_name(name), Some(codec));
    }
    assert_eq!(Codec::from_name("telephone-event"), None);
    assert_eq!(CODECS.into_iter().filter(|codec| codec.is_video()).count(), 5);
}

proptest! {
    #[test]
    fn arbitrary_datagrams_never_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..300), first in prop_oneof![Just(None), any::<u8>().prop_map(Some)],
    ) {
        if let (Some(first), Some(byte)) = (first, bytes.first_mut()) {
            *byte = first;
        }
        let _ = classify(&bytes);
        if let Ok(message) = stun::Message::parse(&bytes) {
            prop_assert_eq!(classify(&bytes), Class::Stun);
            prop_assert!(!message.integrity_valid(b"key"));
        }
        if let Ok(header) = rtp::Header::parse(&bytes) {
            prop_assert!(matches!(classify(&bytes), Class::Rtp | Class::Rtcp));
            let _ = (header.extensions(&bytes).count(), rtp::padding_len(&bytes, &header));
        }
    }

    #[test]
    fn arbitrary_rtcp_never_panics_and_is_bounded(
        parts in prop::collection::vec((
            0u8..32, any::<bool>(), 200u8..208, prop::collection::vec(any::<u8>(), 0..60), 0u16..16,
        ), 1..4),
        honest: bool,
    ) {
        let mut compound = Vec::new();
        for (count, padding, packet_type, mut body, words) in parts {
            body.truncate(body.len() / 4 * 4);
            let words = if honest { u16::try_from(body.len() / 4).unwrap() } else { words };
            compound.extend([0x80 | u8::from(padding) << 5 | count, packet_type]);
            compound.extend(words.to_be_bytes());
            compound.extend(body);
        }
        for packet in rtcp::parse(&compound).flatten() {
            prop_assert!(walk(&packet) <= 65_535);
        }
    }

    #[test]
    fn receiver_reports_are_read_back(
        sender: u32,
        blocks in prop::collection::vec(any::<(u32, u8, i32, u32, u32, u32, u32)>(), 0..=31),
    ) {
        let blocks: Vec<ReportBlock> = blocks
            .into_iter()
            .map(|(ssrc, fraction_lost, lost, highest_sequence, jitter, last_sr, delay_since_last_sr)| ReportBlock {
                ssrc, fraction_lost, cumulative_lost: lost >> 8, highest_sequence, jitter, last_sr, delay_since_last_sr,
            })
            .collect();
        let mut out = Vec::new();
        rtcp::write_receiver_report(&mut out, sender, &blocks);
        match &packets(&out)[..] {
            [Packet::ReceiverReport { ssrc, reports }] => {
                prop_assert_eq!(*ssrc, sender);
                prop_assert_eq!(reports.clone().collect::<Vec<_>>(), blocks);
            }
            other => prop_assert!(false, "read {:?}", other),
        }
    }

    #[test]
    fn cumulative_loss_saturates(lost: i32) {
        let mut out = Vec::new();
        rtcp::write_receiver_report(&mut out, 1, &[ReportBlock { cumulative_lost: lost, ..Default::default() }]);
        let [Packet::ReceiverReport { reports, .. }] = &packets(&out)[..] else { panic!("not one report") };
        let expected = lost.clamp(-(1 << 23), (1 << 23) - 1);
        prop_assert_eq!(reports.clone().next().unwrap().cumulative_lost, expected);
    }

    #[test]
    fn nacks_are_read_back(first: u16, steps in prop::collection::vec(1u16..40, 0..200)) {
        let mut lost = vec![first];
        lost.extend(steps.iter().scan(first, |sequence, step| {
            *sequence = sequence.wrapping_add(*step);
            Some(*sequence)
        }));
        let mut out = Vec::new();
        rtcp::write_nack(&mut out, 11, 12, &lost);
        let [Packet::Nack { sender: 11, media: 12, lost: read }] = &packets(&out)[..] else { panic!("not one NACK") };
        prop_assert_eq!(read.clone().collect::<Vec<_>>(), lost);
    }

    #[test]
    fn bitrates_are_read_back_within_the_mantissa(bitrate: u64, shift in 0u32..64, ssrcs in prop::collection::vec(any::<u32>(), 0..9)) {
        let bitrate = bitrate >> shift;
        let mut out = Vec::new();
        rtcp::write_remb(&mut out, 1, bitrate, &ssrcs);
        let [Packet::Remb { bitrate: read, ssrcs: named }] = &packets(&out)[..] else { panic!("not one REMB") };
        prop_assert!(*read <= bitrate && bitrate - *read <= bitrate >> 17, "{} became {}", bitrate, read);
        prop_assert_eq!(named.clone().collect::<Vec<_>>(), ssrcs);
    }

    #[test]
    fn arbitrary_payloads_never_panic(payload in prop::collection::vec(any::<u8>(), 0..60)) {
        for codec in CODECS {
            let keyframe = codec::starts_keyframe(codec, &payload);
            prop_assert!(codec.is_video() || !keyframe);
            let mut rewritten = payload.clone();
            if let Some(ids) = codec::picture_ids(codec, &payload) {
                codec::write_picture_ids(codec, &mut rewritten, &ids);
                prop_assert_eq!(&rewritten, &payload, "writing what was read changes nothing");
            }
            let any = PictureIds { picture_id: Some((u16::MAX, 15)), tl0_pic_idx: Some(255), key_idx: Some(255) };
            codec::write_picture_ids(codec, &mut rewritten, &any);
            prop_assert_eq!(codec::starts_keyframe(codec, &rewritten), keyframe);
        }
    }

    #[test]
    fn picture_ids_keep_presence_and_width(
        payload in prop::collection::vec(any::<u8>(), 4..20), picture_id: u16, tl0_pic_idx: u8, key_idx: u8,
    ) {
        for codec in [Codec::Vp8, Codec::Vp9] {
            let Some(before) = codec::picture_ids(codec, &payload) else { continue };
            let mut rewritten = payload.clone();
            let ids = PictureIds {
                picture_id: Some((picture_id, 15)), tl0_pic_idx: Some(tl0_pic_idx), key_idx: Some(key_idx),
            };
            codec::write_picture_ids(codec, &mut rewritten, &ids);
            let expected = PictureIds {
                picture_id: before.picture_id.map(|(_, bits)| (picture_id & ((1 << bits) - 1), bits)),
                tl0_pic_idx: before.tl0_pic_idx.map(|_| tl0_pic_idx),
                key_idx: before.key_idx.map(|_| key_idx & 0x1f),
            };
            prop_assert_eq!(codec::picture_ids(codec, &rewritten), Some(expected));
        }
    }
}
