//! What a later offer of the same connection changes, and what it must not.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod common;

use core::time::Duration;

use common::*;
use sluice_datapath::command::Command;
use sluice_datapath::event::Event;
use sluice_datapath::ids::{TrackId, TransportId};
use sluice_datapath::packet::extensions::{ExtensionKind, ExtensionMap};
use sluice_datapath::packet::rtcp::{self, Packet};
use sluice_datapath::packet::rtp::Header;

const TRACK: TrackId = TrackId(0);

fn add_extensions(node: &mut Node, id: TransportId, pairs: &[(ExtensionKind, u8)]) {
    let extensions = Box::new(ExtensionMap::new(pairs.iter().copied()));
    node.command(Command::SetExtensions { id, extensions });
}

fn extension_ids(packet: &[u8]) -> Vec<u8> {
    Header::parse(packet).unwrap().extensions(packet).map(|(id, _)| id).collect()
}

fn publisher(node: &mut Node, map: ExtensionMap) -> Peer {
    let peer = Peer::connect(node, 0, map);
    node.command(Command::Publish { transport: peer.id, id: TRACK, spec: video_track() });
    peer
}

#[test]
fn extensions_agreed_on_later_are_written_and_read_from_then_on() {
    let mut node = Node::new(2);
    let mut source = publisher(&mut node, ExtensionMap::new([(ExtensionKind::Mid, MID)]));
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    source.send(&mut node, &vp8_packet(0x1000, 10, 0, true, true, 1), 0);
    assert_eq!(extension_ids(&watcher.received(&mut node).0[0]), [MID, ABS_SEND_TIME]);

    add_extensions(&mut node, watcher.id, &[(ExtensionKind::TransportWideCc, TWCC), (ExtensionKind::Mid, 9)]);
    add_extensions(&mut node, source.id, &[(ExtensionKind::TransportWideCc, 5)]);
    for sequence in 11..14u16 {
        let media = vp8_packet(0x1000, sequence, u32::from(sequence) * 3000, false, true, sequence);
        let header = Header::parse(&media).unwrap();
        let fields = rtp_fields(&header);
        let numbered =
            rtp_packet(fields, &[(MID, b"1"), (5, &sequence.to_be_bytes())], &media[header.payload_offset..]);
        source.send(&mut node, &numbered, 0);
        node.advance(Duration::from_millis(20));
    }
    let (media, _) = watcher.received(&mut node);
    assert_eq!(media.len(), 3);
    for packet in &media {
        assert_eq!(extension_ids(packet), [MID, ABS_SEND_TIME, TWCC], "the mid keeps its id");
    }
    node.advance(Duration::from_millis(300));
    let (_, control) = source.received(&mut node);
    let numbers = control.iter().flat_map(|compound| rtcp::parse(compound)).find_map(|packet| match packet {
        Ok(Packet::TransportFeedback(feedback)) => Some(feedback.arrivals().map(|(number, _)| number).collect()),
        _ => None,
    });
    assert_eq!(numbers, Some(vec![11u16, 12, 13]));
}

#[test]
fn what_was_sent_before_extensions_were_added_is_resent_bit_for_bit() {
    let mut node = Node::new(1);
    let mut source = publisher(&mut node, extensions());
    let mut watcher = viewer(&mut node, 1, TRACK, false);
    source.send(&mut node, &vp8_packet(0x1000, 10, 0, true, true, 1), 0);
    source.send(&mut node, &vp8_packet(0x1000, 11, 3000, false, true, 2), 0);
    let sealed = watcher.take(&mut node);
    let lost = Header::parse(&sealed[1]).unwrap();
    add_extensions(&mut node, watcher.id, &[(ExtensionKind::TransportWideCc, TWCC)]);
    let mut nack = Vec::new();
    rtcp::write_nack(&mut nack, 1, lost.ssrc, &[lost.sequence]);
    watcher.send_rtcp(&mut node, &nack);
    assert_eq!(watcher.take(&mut node), [sealed[1].clone()], "one index, one content (RFC 7714, 13.2)");
}

#[test]
fn dtls_passes_at_the_rate_that_was_asked_for() {
    let mut node = Node::new(1);
    let peer = Peer::connect(&mut node, 0, viewer_extensions());
    let flood = |node: &mut Node, count: usize| {
        node.events.clear();
        for _ in 0..count {
            peer.deliver(node, &[23, 254, 253, 0]);
        }
        node.events.iter().filter(|event| matches!(event, Event::DtlsReceived { .. })).count()
    };
    assert_eq!(flood(&mut node, 80), 50);
    assert_eq!(node.counter("dropped_dtls_flood"), 30);
    node.command(Command::SetDtlsRate { id: peer.id, per_second: 1000 });
    node.advance(Duration::from_secs(1));
    assert_eq!(flood(&mut node, 1200), 1000);
    node.advance(Duration::from_millis(100));
    assert_eq!(flood(&mut node, 1200), 100);
    node.advance(Duration::from_secs(1));
    node.events.clear();
    peer.deliver(&mut node, &[23; 4097]);
    assert!(node.events.is_empty(), "too many records in one");
}
