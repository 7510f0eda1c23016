//! What a peer with valid keys could do to others or to itself, and does not get away with.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod common;

use core::time::Duration;

use common::*;
use sluice_datapath::command::Command;
use sluice_datapath::event::Event;
use sluice_datapath::ids::{EgressId, TrackId};
use sluice_datapath::media::TrackSpec;
use sluice_datapath::message::Message;
use sluice_datapath::packet::rtcp::{self, Packet};
use sluice_datapath::packet::rtp::Header;

const TRACK: TrackId = TrackId(0);
const VIEWED: u32 = 0x5000_0002;

fn publisher(node: &mut Node, spec: TrackSpec) -> Peer {
    let peer = Peer::connect(node, 0, extensions());
    node.command(Command::Publish { transport: peer.id, id: TRACK, spec });
    peer
}

/// Frames of one packet each, 10 ms apart; only the first of all is a keyframe.
fn play(node: &mut Node, peer: &mut Peer, sequences: core::ops::Range<u16>, key: bool) {
    let first = sequences.start;
    for sequence in sequences {
        let timestamp = u32::from(sequence) * 900;
        let packet = vp8_packet(0x1000, sequence, timestamp, key && sequence == first, true, sequence & 0x7fff);
        peer.send(node, &packet, 0);
        node.advance(Duration::from_millis(10));
    }
}

#[test]
fn one_compound_has_a_bounded_number_of_packets_sent_again() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node, video_track());
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    for sequence in 10..310 {
        source.send(&mut node, &vp8_packet(0x1000, sequence, u32::from(sequence), sequence == 10, true, sequence), 0);
    }
    let sent = sequences(&watcher.received(&mut node).0, VIEWED);
    assert_eq!(sent.len(), 300);
    let mut compound = Vec::new();
    for number in &sent {
        rtcp::write_nack(&mut compound, 1, VIEWED, &[*number]);
    }
    watcher.send_rtcp(&mut node, &compound);
    let again = watcher.received(&mut node).0.len();
    assert!((1..=128).contains(&again), "{again} packets for one datagram");
}

#[test]
fn a_flood_of_keyframe_requests_does_not_fill_another_workers_mailbox() {
    let mut node = Node::new(2);
    let mut source = publisher(&mut node, video_track());
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    play(&mut node, &mut source, 10..12, true);
    let mut compound = Vec::new();
    for _ in 0..2000 {
        rtcp::write_pli(&mut compound, 1, VIEWED);
    }
    watcher.sealer.seal_rtcp(&mut compound, 0).unwrap();
    let now = node.now;
    node.cores[1].handle_datagram(now, watcher.path, &mut compound);
    let mut wanted = 0;
    while let Some((_, message)) = node.cores[1].poll_message() {
        wanted += usize::from(matches!(message, Message::KeyframeWanted { .. }));
    }
    assert_eq!(wanted, 1);
}

#[test]
fn a_flood_of_sender_reports_does_not_fill_another_workers_mailbox() {
    let mut node = Node::new(2);
    let mut source = publisher(&mut node, video_track());
    let _watcher = viewer(&mut node, 1, TRACK, true);
    play(&mut node, &mut source, 10..12, true);
    let mut compound = Vec::new();
    for _ in 0..2000 {
        rtcp::write_sender_report(&mut compound, 0x1000, 5000 << 32, 0, 1, 100);
    }
    source.sealer.seal_rtcp(&mut compound, 0).unwrap();
    let now = node.now;
    node.cores[0].handle_datagram(now, source.path, &mut compound);
    let clocks = core::iter::from_fn(|| node.cores[0].poll_message()).count();
    assert!((1..=64).contains(&clocks), "{clocks} messages for one datagram");
}

#[test]
fn an_ssrc_is_sealed_by_one_egress_only_for_a_second_would_repeat_its_nonces() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node, video_track());
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    play(&mut node, &mut source, 10..13, true);
    watcher.received(&mut node);
    node.command(Command::Unsubscribe { id: EgressId(1) });
    for (id, spec) in [(11, video_egress(1, true)), (12, video_egress(1, false))] {
        node.command(Command::Subscribe { transport: watcher.id, id: EgressId(id), spec });
        let payload_types = vec![(96, (100, None))];
        node.command(Command::SetSource { egress: EgressId(id), track: Some(TRACK), payload_types, layer: None });
    }
    play(&mut node, &mut source, 13..16, true);
    assert!(watcher.received(&mut node).0.is_empty());
    assert_eq!(node.counter("ignored_stale"), 4, "two egresses and their sources");
}

#[test]
fn keys_are_installed_once() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node, video_track());
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    play(&mut node, &mut source, 10..13, true);
    // Had the sealer begun anew, the watcher's replay window would refuse its reports, and `received` panic.
    node.advance(Duration::from_secs(2));
    watcher.received(&mut node);
    watcher.install_keys(&mut node);
    source.install_keys(&mut node);
    node.advance(Duration::from_secs(2));
    watcher.received(&mut node);
    source.received(&mut node);
    let replayed = vp8_packet(0x1000, 11, 0, false, true, 11);
    source.send(&mut node, &replayed, 0);
    assert_eq!(node.counter("dropped_replayed"), 1, "what was seen stays seen");
}

#[test]
fn a_forged_source_address_takes_a_path_until_its_owner_checks_again() {
    for workers in [1, 2] {
        let mut node = Node::new(workers);
        let mut source = publisher(&mut node, video_track());
        let mut watcher = viewer(&mut node, 1, TRACK, true);
        play(&mut node, &mut source, 10..12, true);
        let mut attacker = Peer::connect(&mut node, 3, viewer_extensions());
        attacker.path = source.path;
        attacker.check(&mut node);
        source.check(&mut node);
        watcher.received(&mut node);
        play(&mut node, &mut source, 12..15, false);
        assert_eq!(watcher.received(&mut node).0.len(), 3);
    }
}

#[test]
fn a_replaced_ssrc_does_not_speak_for_its_layer_any_more() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node, simulcast_track(&["q"]));
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    source.send(&mut node, &layer_packet(71, "q", 10, 0, true), 0);
    source.send(&mut node, &layer_packet(72, "q", 3, 0, true), 0);
    watcher.received(&mut node);
    source.send(&mut node, &layer_packet(71, "q", 11, 3000, false), 0);
    assert!(watcher.received(&mut node).0.is_empty());
    source.send(&mut node, &layer_packet(72, "q", 4, 3000, false), 0);
    assert_eq!(watcher.received(&mut node).0.len(), 1);
    node.advance(Duration::from_millis(40));
    let nacked = source
        .received(&mut node)
        .1
        .iter()
        .flat_map(|compound| rtcp::parse(compound))
        .filter(|packet| matches!(packet, Ok(Packet::Nack { .. })))
        .count();
    assert_eq!(nacked, 0);
}

#[test]
fn an_unknown_ssrc_does_not_displace_a_layer_that_was_signalled_by_ssrc() {
    let mut node = Node::new(1);
    let spec = TrackSpec { ssrcs: vec![(71, None), (72, None)], ..video_track() };
    let mut source = publisher(&mut node, spec);
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    source.send(&mut node, &vp8_packet(71, 10, 0, true, true, 1), 0);
    source.send(&mut node, &vp8_packet(99, 500, 0, true, true, 1), 0);
    source.send(&mut node, &vp8_packet(71, 11, 3000, false, true, 2), 0);
    assert_eq!(watcher.received(&mut node).0.len(), 2);
    assert_eq!(node.counter("dropped_unknown_stream"), 1);
}

#[test]
fn unknown_ssrcs_are_bounded() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node, simulcast_track(&["q"]));
    for ssrc in 0..200u32 {
        source.send(&mut node, &layer_packet(1000 + ssrc, "q", 1, 0, true), 0);
    }
    assert_eq!(node.counter("dropped_too_many_sources"), 200 - 64);
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    source.send(&mut node, &layer_packet(1063, "q", 2, 3000, true), 0);
    assert_eq!(watcher.received(&mut node).0.len(), 1, "the last that was bound goes on");
}

#[test]
fn large_or_many_dtls_datagrams_are_not_for_python() {
    let mut node = Node::new(1);
    let source = publisher(&mut node, video_track());
    node.receive(source.path, &[22; 8000]);
    for _ in 0..1000 {
        node.receive(source.path, &[22, 254, 253, 0]);
    }
    let events = node.events.iter().filter(|event| matches!(event, Event::DtlsReceived { .. })).count();
    assert!((10..=100).contains(&events), "{events}");
    assert!(node.events.iter().all(|event| !matches!(event, Event::DtlsReceived { data, .. } if data.len() > 4096)));
}

#[test]
fn media_from_an_address_without_a_check_is_dropped_and_changes_nothing() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node, video_track());
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    play(&mut node, &mut source, 10..12, true);
    watcher.received(&mut node);
    let home = source.path;
    source.path.remote.set_port(1);
    source.send(&mut node, &vp8_packet(0x1000, 12, 0, false, true, 12), 0);
    assert!(watcher.received(&mut node).0.is_empty());
    source.path = home;
    node.take_for(home.remote);
    node.advance(Duration::from_secs(2));
    assert!(!node.take_for(home.remote).is_empty(), "reports go where they went");
    source.send(&mut node, &vp8_packet(0x1000, 12, 0, false, true, 12), 0);
    assert_eq!(watcher.received(&mut node).0.len(), 1, "the copy did not count as seen");
}

#[test]
fn a_compound_for_a_lossy_simulcast_publisher_fits_a_datagram() {
    let mut node = Node::new(1);
    let rids = ["a", "b", "c", "d"];
    let mut source = publisher(&mut node, simulcast_track(&rids));
    for (ssrc, rid) in (70..).zip(rids) {
        // One lost in eighteen: no two fit one item of a NACK.
        for sequence in (1..5000).filter(|sequence| sequence % 18 != 0) {
            source.send(&mut node, &layer_packet(ssrc, rid, sequence, u32::from(sequence), false), 0);
        }
    }
    node.take_for(source.path.remote);
    node.advance(Duration::from_millis(100));
    let sent = node.take_for(source.path.remote);
    assert!(!sent.is_empty());
    assert!(sent.iter().all(|datagram| datagram.len() <= 1280), "{:?}", sent.iter().map(Vec::len).max());
}

#[test]
fn a_viewer_is_not_shown_the_middle_of_a_picture_after_a_pause() {
    let mut node = Node::new(2);
    let mut source = publisher(&mut node, video_track());
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    let follow = |track| Command::SetSource {
        egress: EgressId(1),
        track,
        payload_types: vec![(96, (100, Some(101)))],
        layer: None,
    };
    play(&mut node, &mut source, 10..13, true);
    let before = watcher.received(&mut node).0;
    node.command(follow(None));
    play(&mut node, &mut source, 13..20, false);
    source.received(&mut node);
    node.command(follow(Some(TRACK)));
    play(&mut node, &mut source, 20..22, false);
    assert!(watcher.received(&mut node).0.is_empty());
    assert_eq!(plis(&source.received(&mut node).1), 1);
    play(&mut node, &mut source, 22..24, true);
    let after = watcher.received(&mut node).0;
    let (old, new) = (Header::parse(&before[2]).unwrap(), Header::parse(&after[0]).unwrap());
    assert_eq!((after.len(), new.sequence), (2, old.sequence.wrapping_add(1)));
}

#[test]
fn moving_on_before_the_next_layer_came_does_not_freeze_the_picture() {
    let mut node = Node::new(2);
    let mut source = publisher(&mut node, simulcast_track(&["q", "h", "f"]));
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    source.send(&mut node, &layer_packet(71, "q", 1, 0, true), 0);
    let mut sequence = 1;
    for target in [1, 2, 1, 0, 2] {
        node.command(Command::ForwardLayer { track: TRACK, layer: target });
        node.advance(Duration::from_millis(700));
        sequence += 1;
        source.send(&mut node, &layer_packet(71, "q", sequence, u32::from(sequence) * 63_000, false), 0);
    }
    assert_eq!(endings(&watcher.received(&mut node).0), "qqqqqq");
    source.send(&mut node, &layer_packet(73, "f", 1, 0, true), 0);
    node.advance(Duration::from_millis(600));
    source.send(&mut node, &layer_packet(73, "f", 2, 3000, false), 0);
    source.send(&mut node, &layer_packet(71, "q", sequence + 1, 0, false), 0);
    assert_eq!(endings(&watcher.received(&mut node).0), "ff");
}
