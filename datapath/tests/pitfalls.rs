//! What bit other forwarders, where it takes more than one part to be seen: the rest is in the parts' own tests.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod common;

use core::time::Duration;

use common::*;
use sluice_datapath::command::Command;
use sluice_datapath::ids::{EgressId, TrackId};
use sluice_datapath::media::{CodecSpec, EgressSpec, Kind, TrackSpec};
use sluice_datapath::packet::codec::Codec;
use sluice_datapath::packet::rtcp::{self, Packet};
use sluice_datapath::packet::rtp::{Header, HeaderFields};

const TRACK: TrackId = TrackId(0);
const VIEWED: u32 = 0x5000_0002;

fn publisher(node: &mut Node, spec: TrackSpec) -> Peer {
    let peer = Peer::connect(node, 0, extensions());
    node.command(Command::Publish { transport: peer.id, id: TRACK, spec });
    peer
}

fn frame(sequence: u16, key: bool) -> Vec<u8> {
    vp8_packet(0x1000, sequence, u32::from(sequence) * 3000, key, true, sequence & 0x7fff)
}

fn packets<'a>(control: &'a [Vec<u8>]) -> impl Iterator<Item = Packet<'a>> + 'a {
    control.iter().flat_map(|compound| rtcp::parse(compound)).map(Result::unwrap)
}

fn nacked(control: &[Vec<u8>]) -> Vec<(u32, u16)> {
    packets(control)
        .filter_map(|packet| if let Packet::Nack { media, lost, .. } = packet { Some((media, lost)) } else { None })
        .flat_map(|(media, lost)| lost.map(move |number| (media, number)).collect::<Vec<_>>())
        .collect()
}

#[test]
fn a_late_packet_after_padding_keeps_the_number_of_its_place() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node, video_track());
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    source.send(&mut node, &frame(10, true), 0);
    let fields = HeaderFields { marker: false, payload_type: 96, sequence: 12, timestamp: 0, ssrc: 0x1000 };
    let mut padding = rtp_packet(fields, &[], &[0, 0, 0, 4]);
    padding[0] |= 0x20;
    source.send(&mut node, &padding, 0);
    source.send(&mut node, &frame(13, false), 0);
    source.send(&mut node, &frame(11, false), 0);
    let numbers = sequences(&watcher.received(&mut node).0, VIEWED);
    let first = numbers[0];
    assert_eq!(numbers, [first, first + 2, first + 1]);
}

#[test]
fn a_viewer_does_not_start_on_a_keyframe_that_has_partly_gone_by() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node, video_track());
    source.send(&mut node, &frame(8, false), 0);
    node.advance(Duration::from_millis(1));
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    node.advance(Duration::from_millis(1));
    assert_eq!(plis(&source.received(&mut node).1), 1);
    // The first packet of the keyframe is overtaken by the second.
    source.send(&mut node, &frame(10, false), 0);
    source.send(&mut node, &frame(9, true), 0);
    assert!(watcher.received(&mut node).0.is_empty());
    node.advance(Duration::from_millis(400));
    assert_eq!(plis(&source.received(&mut node).1), 1, "it is asked for again");
    source.send(&mut node, &frame(11, true), 0);
    assert_eq!(watcher.received(&mut node).0.len(), 1);
}

#[test]
fn a_source_that_jumps_right_after_its_start_begins_anew_everywhere() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node, video_track());
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    for sequence in [10, 11, 20_011, 20_012, 20_013] {
        source.send(&mut node, &frame(sequence, sequence == 10), 0);
        node.advance(Duration::from_millis(30));
    }
    let numbers = sequences(&watcher.received(&mut node).0, VIEWED);
    let first = numbers[0];
    assert_eq!(numbers, [0, 1, 3, 4, 5].map(|step| first + step), "one missing number tells the decoder");
    node.advance(Duration::from_secs(1));
    assert_eq!(nacked(&source.received(&mut node).1), [], "no loss is seen in the jump");
    let now = node.now;
    let stats = node.cores[0].stats(now);
    assert_eq!(stats.iter().find(|stats| stats.transport == source.id).unwrap().tracks[0].layers[0].lost, 0);
    let mut nack = Vec::new();
    rtcp::write_nack(&mut nack, 1, VIEWED, &[first + 1, first + 2, first + 3]);
    watcher.send_rtcp(&mut node, &nack);
    let again: Vec<u16> = watcher
        .received(&mut node)
        .0
        .iter()
        .map(|packet| {
            let start = Header::parse(packet).unwrap().payload_offset;
            u16::from_be_bytes([packet[start], packet[start + 1]])
        })
        .collect();
    assert_eq!(again, [first + 1, first + 3], "what was sent is sent again, the missing number is not");
}

#[test]
fn packets_reordered_around_the_wrap_arrive_once_each_in_their_places() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node, video_track());
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    for (sequence, roc) in [(65_533, 0), (65_535, 0), (0, 1), (65_534, 0), (2, 1), (1, 1)] {
        source.send(&mut node, &frame(sequence, sequence == 65_533), roc);
    }
    let numbers = sequences(&watcher.received(&mut node).0, VIEWED);
    let first = numbers[0];
    assert_eq!(numbers, [0, 2, 3, 1, 5, 4].map(|step| first.wrapping_add(step)));
    node.advance(Duration::from_millis(100));
    assert_eq!(nacked(&source.received(&mut node).1), []);
}

#[test]
fn padding_behind_media_is_taken_off_and_its_bit_cleared() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node, video_track());
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    for marker in [false, true] {
        let fields =
            HeaderFields { marker, payload_type: 96, sequence: 10 + u16::from(marker), timestamp: 0, ssrc: 0x1000 };
        let mut packet = rtp_packet(fields, &[], &[0x10, 0, 1, 2, 0, 0, 0, 4]);
        packet[0] |= 0x20;
        source.send(&mut node, &packet, 0);
    }
    let (media, _) = watcher.received(&mut node);
    for (packet, marker) in media.iter().zip([false, true]) {
        let header = Header::parse(packet).unwrap();
        assert_eq!((packet[0] & 0x20, header.marker), (0, marker));
        assert_eq!(packet[header.payload_offset..], [0x10, 0, 1, 2]);
    }
    assert_eq!(media.len(), 2);
}

#[test]
fn layers_meet_on_the_senders_clock_and_without_reports_on_ours() {
    for reported in [false, true] {
        let mut node = Node::new(2);
        let mut source = publisher(&mut node, simulcast_track(&["q", "h"]));
        let mut watcher = viewer(&mut node, 1, TRACK, true);
        source.send(&mut node, &layer_packet(71, "q", 1, 1_000, true), 0);
        source.send(&mut node, &layer_packet(72, "h", 1, 4_000_000_000, false), 0);
        if reported {
            // At one moment the low layer's clock shows 1,000 and the other's 4,000,000,000.
            for (ssrc, rtp) in [(71, 1_000), (72, 4_000_000_000)] {
                let mut report = Vec::new();
                rtcp::write_sender_report(&mut report, ssrc, 5000 << 32, rtp, 1, 100);
                source.send_rtcp(&mut node, &report);
            }
        }
        node.command(Command::ForwardLayer { track: TRACK, layer: 1 });
        // Captured after 100 ms, on its way for 30 ms longer than what came before.
        node.advance(Duration::from_millis(130));
        source.send(&mut node, &layer_packet(72, "h", 2, 4_000_009_000, true), 0);
        let (media, _) = watcher.received(&mut node);
        let shown: Vec<u32> = media.iter().map(|packet| Header::parse(packet).unwrap().timestamp).collect();
        assert_eq!(shown, [1_000, 1_000 + if reported { 9_000 } else { 11_700 }]);
    }
}

#[test]
fn whoever_waits_for_a_source_that_is_silent_is_served_when_it_wakes() {
    let mut node = Node::new(2);
    let mut source = publisher(&mut node, video_track());
    source.send(&mut node, &frame(10, true), 0);
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    for _ in 0..30 {
        node.advance(Duration::from_secs(2));
        source.check(&mut node);
        watcher.check(&mut node);
    }
    source.received(&mut node);
    source.send(&mut node, &frame(11, false), 0);
    node.advance(Duration::from_millis(1_100));
    assert!(plis(&source.received(&mut node).1) >= 1);
    source.send(&mut node, &frame(12, true), 0);
    assert_eq!(watcher.received(&mut node).0.len(), 1);
}

#[test]
fn a_retransmission_finds_its_layer_by_its_repaired_rid() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node, simulcast_track(&["q", "h"]));
    node.command(Command::ForwardLayer { track: TRACK, layer: 1 });
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    let lost = layer_packet(72, "h", 11, 3000, false);
    for packet in [
        layer_packet(71, "q", 10, 0, true),
        layer_packet(71, "q", 12, 6000, false),
        layer_packet(72, "h", 10, 0, true),
        layer_packet(72, "h", 12, 6000, false),
    ] {
        source.send(&mut node, &packet, 0);
    }
    let before = watcher.received(&mut node).0;
    source.send(&mut node, &retransmission(&lost, 82, 1, &[(MID, b"1"), (REPAIRED_RID, b"h")]), 0);
    let (media, _) = watcher.received(&mut node);
    assert_eq!(endings(&media), "h");
    let header = Header::parse(&media[0]).unwrap();
    assert_eq!((header.payload_type, header.ssrc, header.timestamp), (100, VIEWED, 3000));
    assert_eq!(header.sequence, sequences(&before, VIEWED)[0].wrapping_add(1));
    source.received(&mut node);
    node.advance(Duration::from_millis(40));
    assert_eq!(nacked(&source.received(&mut node).1), [(71, 11)], "the other layer's packet is still missing");
}

#[test]
fn retransmissions_before_any_media_count_for_feedback_and_nothing_else() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node, simulcast_track(&["q", "h"]));
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    let media = layer_packet(72, "h", 11, 3000, true);
    let probe = retransmission(&media, 82, 1, &[(MID, b"1"), (REPAIRED_RID, b"h"), (TWCC, &[0, 9])]);
    source.send(&mut node, &probe, 0);
    node.advance(Duration::from_millis(200));
    let (_, control) = source.received(&mut node);
    let told: Vec<(u32, u16)> = packets(&control)
        .filter_map(|packet| if let Packet::TransportFeedback(feedback) = packet { Some(feedback) } else { None })
        .flat_map(|feedback| {
            let media = feedback.media;
            feedback.arrivals().filter(|(_, at)| at.is_some()).map(|(number, _)| (media, number)).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(told, [(82, 9)], "about an SSRC the publisher knows");
    assert!(watcher.received(&mut node).0.is_empty());
}

#[test]
fn a_viewer_without_red_gets_the_primary_block_with_the_timestamp_of_the_packet() {
    let mut node = Node::new(1);
    let codec = |payload_type, codec| CodecSpec { payload_type, codec, clock_rate: 48_000, rtx_payload_type: None };
    let codecs = vec![codec(63, Codec::Red), codec(111, Codec::Opus)];
    let mut source = publisher(&mut node, TrackSpec { kind: Kind::Audio, codecs, ..video_track() });
    let mut watchers: Vec<Peer> = [(1, vec![(111, (109, None))]), (2, vec![(111, (109, None)), (63, (64, None))])]
        .into_iter()
        .map(|(number, payload_types)| {
            let peer = Peer::connect(&mut node, number, viewer_extensions());
            let spec = EgressSpec { kind: Kind::Audio, ..video_egress(number, false) };
            node.command(Command::Subscribe { transport: peer.id, id: EgressId(number), spec });
            node.command(Command::SetSource {
                egress: EgressId(number),
                track: Some(TRACK),
                payload_types,
                layer: None,
            });
            peer
        })
        .collect();
    for sequence in 10..13u16 {
        let timestamp = u32::from(sequence) * 960;
        let fields = HeaderFields { marker: false, payload_type: 63, sequence, timestamp, ssrc: 0x1000 };
        // One redundant block of two bytes from 960 ticks before, then the primary one (RFC 2198 section 3).
        let (offset, len) = (960u16 << 2, 2u8);
        let block = [0x80 | 111, (offset >> 8) as u8, offset as u8, len, 111, 1, 2, 7, sequence as u8];
        source.send(&mut node, &rtp_packet(fields, &[], &block), 0);
        node.advance(Duration::from_millis(20));
    }
    let plain = watchers[0].received(&mut node).0;
    let stamps: Vec<u32> = plain.iter().map(|packet| Header::parse(packet).unwrap().timestamp).collect();
    assert_eq!(stamps, [9_600, 10_560, 11_520]);
    for (packet, sequence) in plain.iter().zip(10u8..) {
        let header = Header::parse(packet).unwrap();
        assert_eq!((header.payload_type, &packet[header.payload_offset..]), (109, &[7, sequence][..]));
    }
    let red = watchers[1].received(&mut node).0;
    let header = Header::parse(&red[0]).unwrap();
    let payload = &red[0][header.payload_offset..];
    assert_eq!((header.payload_type, payload[0], payload[4], &payload[7..]), (64, 0x80 | 109, 109, &[7, 10][..]));
}

#[test]
fn a_layer_that_stops_and_restarts_is_told_and_shown_again_from_a_keyframe() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node, simulcast_track(&["q", "h"]));
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    let show = |node: &mut Node, source: &mut Peer, layer: u8, range: core::ops::Range<u16>, key: bool| {
        let (ssrc, rid) = [(71, "q"), (72, "h")][usize::from(layer)];
        for sequence in range.clone() {
            let timestamp = u32::from(sequence) * 3000;
            source.send(node, &layer_packet(ssrc, rid, sequence, timestamp, key && sequence == range.start), 0);
            node.advance(Duration::from_millis(33));
        }
    };
    show(&mut node, &mut source, 1, 1..2, true);
    node.command(Command::ForwardLayer { track: TRACK, layer: 1 });
    show(&mut node, &mut source, 1, 2..5, true);
    node.advance(Duration::from_millis(1_500));
    node.command(Command::ForwardLayer { track: TRACK, layer: 0 });
    show(&mut node, &mut source, 0, 1..4, true);
    node.command(Command::ForwardLayer { track: TRACK, layer: 1 });
    show(&mut node, &mut source, 1, 5..6, false);
    show(&mut node, &mut source, 0, 4..5, false);
    show(&mut node, &mut source, 1, 6..9, true);
    let (media, _) = watcher.received(&mut node);
    assert_eq!(endings(&media), "hhhqqqqhhh");
    let stamps: Vec<u32> = media.iter().map(|packet| Header::parse(packet).unwrap().timestamp).collect();
    assert!(stamps.windows(2).all(|pair| pair[0] < pair[1]), "{stamps:?}");
    let changes: Vec<(u8, bool)> = node
        .events
        .iter()
        .filter_map(|event| match event {
            sluice_datapath::event::Event::LayerChanged { layer, active, .. } => Some((*layer, *active)),
            _ => None,
        })
        .collect();
    assert_eq!(changes, [(1, true), (1, false), (0, true), (1, true)]);
}
