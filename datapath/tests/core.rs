//! What the core promises, in virtual time: named after behaviour.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod common;

use core::time::Duration;
use std::net::SocketAddr;

use common::*;
use sluice_datapath::command::{Command, RelayChange, RelayedAddress};
use sluice_datapath::event::{CloseReason, Event};
use sluice_datapath::ice::Refusal;
use sluice_datapath::ids::{EgressId, RelayId, StreamId, TrackId};
use sluice_datapath::packet::codec::{picture_ids, Codec};
use sluice_datapath::packet::rtcp::{self, Packet};
use sluice_datapath::packet::rtp::{self, Header, HeaderFields};
use sluice_datapath::packet::stun;
use sluice_datapath::path::{Carrier, Path};

const TRACK: TrackId = TrackId(0);

fn publisher(node: &mut Node) -> Peer {
    let peer = Peer::connect(node, 0, extensions());
    node.command(Command::Publish { transport: peer.id, id: TRACK, spec: video_track() });
    peer
}

/// `count` frames of one packet each, the first a keyframe, 33 ms apart.
fn play(node: &mut Node, peer: &mut Peer, first: u16, count: u16) {
    for index in 0..count {
        let sequence = first.wrapping_add(index);
        let packet = vp8_packet(
            0x1000,
            sequence,
            u32::from(index) * 3000,
            index == 0,
            true,
            500u16.wrapping_add(index) & 0x7fff,
        );
        peer.send(node, &packet, 0);
        node.advance(Duration::from_millis(33));
    }
}

/// NTP and RTP time of each sender report.
fn sender_reports(control: &[Vec<u8>]) -> Vec<(u64, u32)> {
    let packets = control.iter().flat_map(|compound| rtcp::parse(compound));
    packets
        .filter_map(|packet| match packet {
            Ok(Packet::SenderReport { ntp, rtp, .. }) => Some((ntp, rtp)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_viewer_sees_an_unbroken_stream_from_the_keyframe_on() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node);
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    source.send(&mut node, &vp8_packet(0x1000, 9, 0, false, true, 499), 0);
    assert!(watcher.received(&mut node).0.is_empty(), "a delta frame cannot be the first");
    play(&mut node, &mut source, 10, 30);
    let (media, _) = watcher.received(&mut node);
    assert_eq!(media.len(), 30);
    let first = Header::parse(&media[0]).unwrap();
    for (index, packet) in media.iter().enumerate() {
        let header = Header::parse(packet).unwrap();
        assert_eq!(header.sequence, first.sequence.wrapping_add(index as u16));
        assert_eq!(header.timestamp, index as u32 * 3000);
        assert_eq!((header.payload_type, header.ssrc), (100, 0x5000_0002));
        assert!(header.extensions(packet).any(|(id, value)| id == MID && value == b"v"), "the viewer's own mid");
        assert_eq!(&packet[header.payload_offset + 7..], &[0xab; 100]);
    }
}

#[test]
fn joining_asks_the_publisher_for_a_keyframe_once_however_many_join() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node);
    play(&mut node, &mut source, 10, 5);
    let mut viewers: Vec<Peer> = (1..=100).map(|number| viewer(&mut node, number, TRACK, true)).collect();
    node.advance(Duration::from_millis(1));
    assert_eq!(plis(&source.received(&mut node).1), 1);
    play(&mut node, &mut source, 20, 3);
    for viewer in &mut viewers {
        assert_eq!(viewer.received(&mut node).0.len(), 3);
    }
}

#[test]
fn a_viewer_whose_keys_come_last_asks_for_its_keyframe_then() {
    let mut node = Node::new(2);
    let mut source = publisher(&mut node);
    let mut watcher = Peer::announce(&mut node, 1, viewer_extensions());
    node.command(Command::Subscribe { transport: watcher.id, id: EgressId(1), spec: video_egress(1, true) });
    let payload_types = vec![(96, (100, Some(101)))];
    node.command(Command::SetSource { egress: EgressId(1), track: Some(TRACK), payload_types, layer: None });
    play(&mut node, &mut source, 10, 2);
    watcher.check(&mut node);
    node.advance(Duration::from_millis(1));
    assert_eq!(plis(&source.received(&mut node).1), 0, "nobody can be sent a picture yet");
    watcher.install_keys(&mut node);
    node.advance(Duration::from_millis(1));
    assert_eq!(plis(&source.received(&mut node).1), 1);
}

#[test]
fn a_publisher_that_understands_no_keyframe_request_is_sent_none() {
    let mut node = Node::new(1);
    let mut source = Peer::connect(&mut node, 0, extensions());
    let spec = sluice_datapath::media::TrackSpec { pli: false, fir: false, ..video_track() };
    node.command(Command::Publish { transport: source.id, id: TRACK, spec });
    play(&mut node, &mut source, 10, 2);
    let _watcher = viewer(&mut node, 1, TRACK, true);
    node.advance(Duration::from_secs(2));
    assert_eq!(node.counter("keyframe_requests_sent"), 0);
}

#[test]
fn a_lost_keyframe_request_is_repeated_until_a_keyframe_comes() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node);
    play(&mut node, &mut source, 10, 2);
    let _watcher = viewer(&mut node, 1, TRACK, true);
    for index in 0..40u16 {
        source.send(&mut node, &vp8_packet(0x1000, 12 + index, 9000, false, true, 1), 0);
        node.advance(Duration::from_millis(50));
    }
    assert!(plis(&source.received(&mut node).1) >= 3);
}

#[test]
fn a_nack_is_answered_by_rtx_with_the_original_number() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node);
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    play(&mut node, &mut source, 10, 5);
    let (media, _) = watcher.received(&mut node);
    let lost = Header::parse(&media[2]).unwrap();
    let mut nack = Vec::new();
    rtcp::write_nack(&mut nack, 1, lost.ssrc, &[lost.sequence]);
    watcher.send_rtcp(&mut node, &nack);
    let (again, _) = watcher.received(&mut node);
    assert_eq!(again.len(), 1);
    let header = Header::parse(&again[0]).unwrap();
    assert_eq!((header.ssrc, header.payload_type, header.timestamp), (0x5000_0003, 101, lost.timestamp));
    assert_eq!(again[0][header.payload_offset..header.payload_offset + 2], lost.sequence.to_be_bytes());
    assert_eq!(again[0][header.payload_offset + 2..], media[2][lost.payload_offset..]);
}

#[test]
fn without_rtx_the_very_same_bytes_are_sent_again() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node);
    let mut watcher = viewer(&mut node, 1, TRACK, false);
    play(&mut node, &mut source, 10, 5);
    let sealed = node.take_for(watcher.path.remote);
    let rtp: Vec<_> =
        sealed.into_iter().filter(|bytes| (128..192).contains(&bytes[0]) && bytes[1] & 0x7f == 100).collect();
    assert_eq!(rtp.len(), 5);
    let sequence = Header::parse(&rtp[1]).unwrap().sequence;
    node.advance(Duration::from_millis(150));
    node.take_for(watcher.path.remote);
    let mut nack = Vec::new();
    rtcp::write_nack(&mut nack, 1, 0x5000_0002, &[sequence]);
    watcher.send_rtcp(&mut node, &nack);
    assert_eq!(node.take_for(watcher.path.remote), vec![rtp[1].clone()]);
}

#[test]
fn a_gap_from_the_publisher_is_nacked_and_filled_by_its_retransmission() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node);
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    play(&mut node, &mut source, 10, 3);
    watcher.received(&mut node);
    source.received(&mut node);
    source.send(&mut node, &vp8_packet(0x1000, 14, 4 * 3000, false, true, 504), 0);
    node.advance(Duration::from_millis(40));
    let nacked: Vec<u16> = source
        .received(&mut node)
        .1
        .iter()
        .flat_map(|compound| rtcp::parse(compound))
        .filter_map(
            |packet| if let Ok(Packet::Nack { lost, .. }) = packet { Some(lost.collect::<Vec<_>>()) } else { None },
        )
        .flatten()
        .collect();
    assert_eq!(nacked.first(), Some(&13));
    let media = vp8_packet(0x1000, 13, 3 * 3000, false, true, 503);
    let header = Header::parse(&media).unwrap();
    let mut rtx = vec![0u8; 64];
    let fields = HeaderFields { marker: true, payload_type: 97, sequence: 700, timestamp: 3 * 3000, ssrc: 0x1001 };
    let len = rtp::write_header(&mut rtx, &fields, &[]).unwrap();
    rtx.truncate(len);
    rtx.extend_from_slice(&13u16.to_be_bytes());
    rtx.extend_from_slice(&media[header.payload_offset..]);
    source.send(&mut node, &rtx, 0);
    let numbers = sequences(&watcher.received(&mut node).0, 0x5000_0002);
    assert_eq!(numbers.len(), 2);
    assert_eq!(numbers[0].wrapping_sub(1), numbers[1], "the late packet gets the number kept free for it");
}

#[test]
fn a_replaced_publisher_continues_the_viewers_stream() {
    let mut node = Node::new(1);
    let mut first = publisher(&mut node);
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    play(&mut node, &mut first, 60_000, 4);
    let (before, _) = watcher.received(&mut node);
    let mut second = Peer::connect(&mut node, 2, extensions());
    let other = TrackId(2);
    let spec = sluice_datapath::media::TrackSpec { ssrcs: vec![(0x2000, None)], ..video_track() };
    node.command(Command::Publish { transport: second.id, id: other, spec });
    node.command(Command::RemoveTransport { id: first.id });
    let payload_types = vec![(96, (100, Some(101)))];
    node.command(Command::SetSource { egress: EgressId(1), track: Some(other), payload_types, layer: None });
    node.advance(Duration::from_millis(500));
    watcher.received(&mut node);
    second.send(&mut node, &vp8_packet(0x2000, 5, 77, true, true, 3), 0);
    let (after, _) = watcher.received(&mut node);
    let (old, new) = (Header::parse(before.last().unwrap()).unwrap(), Header::parse(&after[0]).unwrap());
    assert_eq!(new.sequence, old.sequence.wrapping_add(1));
    assert_eq!(new.ssrc, old.ssrc);
    let step = new.timestamp.wrapping_sub(old.timestamp);
    assert!((40_000..60_000).contains(&step), "half a second on: {step}");
    let ids =
        |packet: &[u8], header: &Header| picture_ids(Codec::Vp8, &packet[header.payload_offset..]).unwrap().picture_id;
    let (old_id, new_id) = (ids(before.last().unwrap(), &old).unwrap(), ids(&after[0], &new).unwrap());
    assert_eq!(new_id.0, old_id.0 + 1, "picture ids continue");
}

#[test]
fn viewers_on_every_worker_see_what_one_publisher_sends() {
    let mut node = Node::new(3);
    let mut source = publisher(&mut node);
    let mut viewers: Vec<Peer> = (1..=9).map(|number| viewer(&mut node, number, TRACK, true)).collect();
    play(&mut node, &mut source, 10, 20);
    for viewer in &mut viewers {
        assert_eq!(viewer.received(&mut node).0.len(), 20);
    }
    assert_eq!(node.counter("rtp_forwarded"), 180);
}

#[test]
fn sender_reports_carry_the_publishers_clock_on_the_viewers_timeline() {
    let mut node = Node::new(2);
    let mut source = publisher(&mut node);
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    play(&mut node, &mut source, 10, 1);
    let mut report = Vec::new();
    rtcp::write_sender_report(&mut report, 0x1000, 5000 << 32, 0, 1, 100);
    source.send_rtcp(&mut node, &report);
    node.advance(Duration::from_secs(2));
    let (_, control) = watcher.received(&mut node);
    let reports = sender_reports(&control);
    assert!(!reports.is_empty());
    for (ntp, rtp) in reports {
        let seconds = (ntp - (5000 << 32)) as f64 / f64::powi(2.0, 32);
        assert!((f64::from(rtp) / 90_000.0 - seconds).abs() < 0.001, "rtp and ntp advance together");
    }
}

#[test]
fn a_round_trip_is_measured_from_the_viewers_report() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node);
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    play(&mut node, &mut source, 10, 1);
    let mut report = Vec::new();
    rtcp::write_sender_report(&mut report, 0x1000, 5000 << 32, 0, 1, 100);
    source.send_rtcp(&mut node, &report);
    watcher.received(&mut node);
    node.advance(Duration::from_millis(1250));
    let (_, control) = watcher.received(&mut node);
    let (last, _) = *sender_reports(&control).last().unwrap();
    let sent_before = node.now;
    node.advance(Duration::from_millis(80));
    let block = rtcp::ReportBlock {
        ssrc: 0x5000_0002,
        fraction_lost: 64,
        cumulative_lost: 3,
        highest_sequence: 0,
        jitter: 90,
        last_sr: (last >> 16) as u32,
        delay_since_last_sr: 0,
    };
    let mut report = Vec::new();
    rtcp::write_receiver_report(&mut report, 1, &[block]);
    watcher.send_rtcp(&mut node, &report);
    let now = node.now;
    let stats = node.cores[0].stats(now);
    let stats = stats.iter().find(|stats| stats.transport == watcher.id).unwrap();
    assert!(stats.rtt.unwrap() >= now.since(sent_before));
    assert!((stats.egresses[0].loss_fraction - 0.25).abs() < 1e-9);
}

#[test]
fn a_keyframe_counts_once_however_many_of_its_packets_can_start_it() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node);
    for (sequence, timestamp) in [(10, 0), (11, 0), (12, 3000)] {
        source.send(&mut node, &vp8_packet(0x1000, sequence, timestamp, true, false, 500), 0);
    }
    let stats = node.cores[0].stats(node.now);
    let layer = &stats.iter().find(|stats| stats.transport == source.id).unwrap().tracks[0].layers[0];
    assert_eq!((layer.packets, layer.keyframes), (3, 2));
}

#[test]
fn consent_expires_after_thirty_silent_seconds() {
    let mut node = Node::new(1);
    let source = publisher(&mut node);
    node.advance(Duration::from_millis(29_000));
    assert!(!node.events.iter().any(|event| matches!(event, Event::TransportClosed { .. })));
    node.advance(Duration::from_millis(1_500));
    let closed = node.events.iter().find_map(|event| match event {
        Event::TransportClosed { transport, reason, paths } if *transport == source.id => Some((*reason, paths)),
        _ => None,
    });
    let (reason, paths) = closed.unwrap();
    assert_eq!(reason, CloseReason::ConsentExpired);
    assert_eq!((paths[0].path, paths[0].checks, paths[0].idle), (source.path, 1, Duration::from_secs(30)));
    assert!(!node.cores[0].owns_path(&source.path));
}

#[test]
fn each_path_that_was_tried_is_told_with_what_came_on_it() {
    let mut node = Node::new(1);
    let mut client = Peer::announce(&mut node, 1, extensions());
    let behind_a_firewall = Path::udp(client.path.local, ([203, 0, 113, 9], 4000).into());
    let mut forged = Vec::new();
    let username = format!("{}:them", client.ufrag);
    stun::write_binding_request(&mut forged, [7; 12], &username, b"some other password", 1, Some(9), true);
    node.receive(behind_a_firewall, &forged);
    node.receive(behind_a_firewall, &[22, 0xfe, 0xfd]);
    node.advance(Duration::from_millis(500));
    client.check(&mut node);
    client.send(&mut node, &vp8_packet(0x1000, 1, 0, true, true, 1), 0);
    client.install_keys(&mut node);
    node.receive(client.path, &[22, 0xfe, 0xfd]);
    client.send(&mut node, &vp8_packet(0x1000, 2, 0, true, true, 1), 0);
    client.send_rtcp(&mut node, &[0x80, 201, 0, 1, 0, 0, 0, 1]);
    node.receive(client.path, &[0x80, 201, 0, 1, 0, 0, 0, 1]);
    let stats = node.cores[0].stats(node.now);
    let [tried, taken] = &stats[0].paths[..] else { panic!("two paths") };
    assert_eq!((tried.path, tried.checks, tried.dtls), (behind_a_firewall, 1, 0));
    assert_eq!(tried.refused.iter().collect::<Vec<_>>(), [(Refusal::BadIntegrity, 1)]);
    assert_eq!((tried.validated, tried.selected, tried.age), (false, false, Duration::from_millis(500)));
    assert_eq!((taken.path, taken.checks, taken.nominations, taken.dtls), (client.path, 1, 1, 1));
    assert_eq!((taken.validated, taken.selected, taken.refused.total()), (true, true, 0));
    assert_eq!((taken.media, taken.media_dropped), (4, 2), "before the keys, and not sealed");
}

#[test]
fn a_path_within_a_relay_is_told_with_the_way_to_that_relay() {
    let mut node = Node::new(1);
    let (relayed, id) = (SocketAddr::from(([192, 0, 2, 1], 50_000)), RelayId(4));
    let by_tls = Path { carrier: Carrier::Tls(StreamId(7)), ..Path::udp(server(), ([203, 0, 113, 9], 4000).into()) };
    let address = RelayedAddress { address: relayed, has_socket: false };
    let added = RelayChange::Add { id, client: by_tls, relayed: vec![address], max_bytes_per_second: 0 };
    node.cores[0].handle_relay_change(node.now, added);
    let mut client = Peer::announce(&mut node, 1, extensions());
    client.path = Path { carrier: Carrier::Relay(id), ..Path::udp(server(), relayed) };
    client.check(&mut node);
    let stats = node.cores[0].stats(node.now);
    assert_eq!((stats[0].paths[0].path, stats[0].paths[0].via), (client.path, Some(by_tls)));
    client.path = Path::udp(server(), relayed);
    client.check(&mut node);
    assert_eq!(node.cores[0].stats(node.now)[0].paths[1].via, None);
}

fn server() -> SocketAddr {
    SERVER.parse().unwrap()
}

#[test]
fn transport_wide_feedback_reaches_the_publisher() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node);
    for index in 0..20u16 {
        let mut packet = vec![0u8; 64];
        let fields = HeaderFields { marker: true, payload_type: 96, sequence: index, timestamp: 0, ssrc: 0x1000 };
        let len =
            rtp::write_header(&mut packet, &fields, &[(TWCC, &(65_530u16.wrapping_add(index)).to_be_bytes())]).unwrap();
        packet.truncate(len);
        packet.extend_from_slice(&[0x10, 0, 0, 0]);
        source.send(&mut node, &packet, 0);
        node.advance(Duration::from_millis(10));
    }
    node.advance(Duration::from_millis(100));
    let (_, control) = source.received(&mut node);
    let reported: Vec<u16> = control
        .iter()
        .flat_map(|compound| rtcp::parse(compound))
        .filter_map(|packet| if let Ok(Packet::TransportFeedback(feedback)) = packet { Some(feedback) } else { None })
        .flat_map(|feedback| {
            feedback.arrivals().filter(|(_, at)| at.is_some()).map(|(number, _)| number).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(reported, (0..20u16).map(|index| 65_530u16.wrapping_add(index)).collect::<Vec<_>>());
}

#[test]
fn hostile_datagrams_are_counted_and_harm_nobody() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node);
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    let stranger = sluice_datapath::path::Path { remote: "203.0.113.9:9".parse().unwrap(), ..source.path };
    let mut forged = vp8_packet(0x1000, 10, 0, true, true, 1);
    forged.extend_from_slice(&[0; 16]);
    let mut state = 1u64;
    for round in 0..2000usize {
        let mut noise: Vec<u8> = (0..round % 90)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as u8
            })
            .collect();
        for first in [None, Some(0), Some(22), Some(64), Some(128), Some(0x90), Some(200)] {
            if let (Some(first), Some(byte)) = (first, noise.first_mut()) {
                *byte = first;
            }
            node.receive(stranger, &noise);
            node.receive(source.path, &noise);
        }
    }
    node.receive(stranger, &[]);
    node.receive(stranger, &vec![0x80; 65_507]);
    node.receive(source.path, &vec![0x80; 65_507]);
    node.receive(stranger, &forged);
    node.receive(source.path, &forged);
    node.take_for(source.path.remote);
    play(&mut node, &mut source, 10, 10);
    assert_eq!(watcher.received(&mut node).0.len(), 10);
    assert!(node.counter("dropped_unknown_path") > 1000);
    assert!(node.counter("dropped_forged") > 100);
    assert!(node.counter("dropped_stun_malformed") > 100);
    assert!(node.counter("dropped_unknown_protocol") > 100);
}

#[test]
fn replayed_packets_are_dropped_and_counted() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node);
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    play(&mut node, &mut source, 10, 3);
    watcher.received(&mut node);
    play(&mut node, &mut source, 10, 3);
    assert!(watcher.received(&mut node).0.is_empty());
    assert_eq!(node.counter("dropped_replayed"), 3);
}

#[test]
fn padding_closes_its_gap_instead_of_freezing_the_picture() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node);
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    play(&mut node, &mut source, 10, 3);
    let mut padding = vec![0u8; 64];
    let fields = HeaderFields { marker: false, payload_type: 96, sequence: 13, timestamp: 9000, ssrc: 0x1000 };
    let len = rtp::write_header(&mut padding, &fields, &[]).unwrap();
    padding.truncate(len);
    padding[0] |= 0x20;
    padding.extend_from_slice(&[0; 99]);
    padding.push(100);
    source.send(&mut node, &padding, 0);
    source.send(&mut node, &vp8_packet(0x1000, 14, 9000, false, true, 503), 0);
    let numbers = sequences(&watcher.received(&mut node).0, 0x5000_0002);
    assert_eq!(numbers.len(), 4);
    assert_eq!(numbers[3], numbers[2].wrapping_add(1));
}

#[test]
fn simulcast_layers_are_told_apart_by_rid_and_switched_at_a_keyframe() {
    let mut node = Node::new(2);
    let mut source = Peer::connect(&mut node, 0, extensions());
    let spec = sluice_datapath::media::TrackSpec { ssrcs: vec![], rids: vec!["q".into(), "h".into()], ..video_track() };
    node.command(Command::Publish { transport: source.id, id: TRACK, spec });
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    let layer = |ssrc: u32, rid: &'static [u8], sequence: u16, timestamp: u32, key: bool| {
        let mut packet = vec![0u8; 64];
        let fields = HeaderFields { marker: true, payload_type: 96, sequence, timestamp, ssrc };
        let len = rtp::write_header(&mut packet, &fields, &[(MID, b"1"), (RID, rid)]).unwrap();
        packet.truncate(len);
        packet.extend_from_slice(&[0x90, 0x80, 0x80, 0x01, u8::from(!key), rid[0]]);
        packet
    };
    let shown =
        |media: Vec<Vec<u8>>| -> String { media.iter().map(|packet| char::from(*packet.last().unwrap())).collect() };
    source.send(&mut node, &layer(71, b"q", 1, 0, true), 0);
    source.send(&mut node, &layer(72, b"h", 900, 50, true), 0);
    node.advance(Duration::from_millis(33));
    assert_eq!(shown(watcher.received(&mut node).0), "q", "the lowest layer first");
    node.command(Command::ForwardLayer { track: TRACK, layer: 1 });
    node.advance(Duration::from_millis(1));
    assert_eq!(plis(&source.received(&mut node).1), 1, "the new layer is asked for a keyframe");
    source.send(&mut node, &layer(71, b"q", 2, 3000, false), 0);
    source.send(&mut node, &layer(72, b"h", 901, 3050, false), 0);
    source.send(&mut node, &layer(72, b"h", 902, 6050, true), 0);
    source.send(&mut node, &layer(71, b"q", 3, 6000, false), 0);
    source.send(&mut node, &layer(72, b"h", 903, 9050, false), 0);
    let (media, _) = watcher.received(&mut node);
    let numbers = sequences(&media, 0x5000_0002);
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)));
    assert_eq!(shown(media), "qhh");
    let rids: Vec<_> = node
        .events
        .iter()
        .filter_map(|event| if let Event::LayerChanged { rid, active: true, .. } = event { rid.clone() } else { None })
        .collect();
    assert_eq!(rids, ["q", "h"]);
}

#[test]
fn media_before_any_check_or_key_goes_nowhere() {
    let mut node = Node::new(1);
    let mut early = Peer::announce(&mut node, 5, extensions());
    node.command(Command::Publish { transport: early.id, id: TRACK, spec: video_track() });
    early.send(&mut node, &vp8_packet(0x1000, 1, 0, true, true, 1), 0);
    node.receive(early.path, &[22, 254, 253, 0]);
    assert_eq!(node.counter("dropped_unknown_path"), 2);
    early.check(&mut node);
    early.send(&mut node, &vp8_packet(0x1000, 2, 0, true, true, 1), 0);
    assert_eq!(node.counter("dropped_no_keys"), 1);
    node.receive(early.path, &[22, 254, 253, 0]);
    assert!(node.events.iter().any(|event| matches!(event, Event::DtlsReceived { .. })));
}
