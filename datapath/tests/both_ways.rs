//! One transport that publishes and is sent streams, as a call with a single peer connection has it.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod common;

use core::time::Duration;

use common::*;
use sluice_datapath::command::Command;
use sluice_datapath::event::Event;
use sluice_datapath::ids::{EgressId, TrackId};
use sluice_datapath::media::{EgressSpec, TrackSpec};
use sluice_datapath::packet::rtcp::{self, Packet, ReportBlock};
use sluice_datapath::packet::rtp::Header;
use sluice_datapath::transport::FEEDBACK_SSRC;

const RIDS: [&str; 2] = ["q", "h"];

/// A member of a call: it publishes under mid "1", and is sent the other's video under mid "2".
struct Member {
    peer: Peer,
    track: TrackId,
    egress: EgressSpec,
}

fn join(node: &mut Node, number: u32) -> Member {
    let peer = Peer::connect(node, number, extensions());
    let track = TrackId(number);
    let spec = TrackSpec { remb: false, ..simulcast_track(&RIDS) };
    node.command(Command::Publish { transport: peer.id, id: track, spec });
    let egress = EgressSpec { mid: Some("2".into()), ..video_egress(number, true) };
    node.command(Command::Subscribe { transport: peer.id, id: EgressId(number), spec: egress.clone() });
    Member { peer, track, egress }
}

fn feed(node: &mut Node, egress: u32, track: TrackId) {
    let payload_types = vec![(96, (96, Some(97)))];
    node.command(Command::SetSource { egress: EgressId(egress), track: Some(track), payload_types, layer: Some(1) });
}

/// Two members on two workers who see each other's upper layer.
fn call() -> (Node, Member, Member) {
    let mut node = Node::new(2);
    let (one, two) = (join(&mut node, 1), join(&mut node, 2));
    feed(&mut node, 1, two.track);
    feed(&mut node, 2, one.track);
    (node, one, two)
}

impl Member {
    /// SSRCs of its layers.
    fn ssrcs(&self) -> [u32; 2] {
        [self.track.0 * 100, self.track.0 * 100 + 1]
    }

    /// One frame of both layers, with transport-wide numbers.
    fn frame(&mut self, node: &mut Node, sequence: u16, key: bool) {
        for (layer, (rid, ssrc)) in (0u16..).zip(RIDS.into_iter().zip(self.ssrcs())) {
            let media = layer_packet(ssrc, rid, sequence, u32::from(sequence) * 3000, key);
            let header = Header::parse(&media).unwrap();
            let number = (sequence * 2 + layer).to_be_bytes();
            let names: [(u8, &[u8]); 3] = [(MID, b"1"), (RID, rid.as_bytes()), (TWCC, &number)];
            self.peer.send(node, &rtp_packet(rtp_fields(&header), &names, &media[header.payload_offset..]), 0);
        }
    }

    fn report(&self, highest: u32) -> ReportBlock {
        ReportBlock {
            ssrc: self.egress.ssrc,
            fraction_lost: 64,
            cumulative_lost: 5,
            highest_sequence: highest,
            jitter: 0,
            last_sr: 0,
            delay_since_last_sr: 0,
        }
    }
}

fn control_packets(control: &[Vec<u8>]) -> Vec<Packet<'_>> {
    control.iter().flat_map(|compound| rtcp::parse(compound)).map(Result::unwrap).collect()
}

#[test]
fn what_goes_in_is_told_apart_by_its_names_while_our_own_go_out() {
    let (mut node, mut one, mut two) = call();
    for sequence in 1..6 {
        one.frame(&mut node, sequence, sequence == 1);
        two.frame(&mut node, sequence, sequence == 1);
        node.advance(Duration::from_millis(33));
    }
    for member in [&mut one, &mut two] {
        let (media, _) = member.peer.received(&mut node);
        assert_eq!((media.len(), endings(&media).as_str()), (5, "hhhhh"));
        for packet in &media {
            let header = Header::parse(packet).unwrap();
            let names: Vec<(u8, &[u8])> = header.extensions(packet).collect();
            assert!(names.contains(&(MID, b"2".as_slice())), "our mid, not the publisher's");
            assert!(names.iter().all(|(id, _)| ![RID, REPAIRED_RID].contains(id)), "what we send is no simulcast");
            assert_eq!(header.ssrc, member.egress.ssrc);
        }
    }
    assert_eq!(node.counter("dropped_unknown_stream"), 0);
}

#[test]
fn reports_and_requests_of_both_directions_go_in_one_compound() {
    let (mut node, mut one, mut two) = call();
    for sequence in [1, 2, 4, 5] {
        one.frame(&mut node, sequence, sequence == 1);
        two.frame(&mut node, sequence, sequence == 1);
        node.advance(Duration::from_millis(20));
    }
    one.peer.received(&mut node);
    two.peer.received(&mut node);
    let [ssrc, upper] = one.ssrcs();

    let mut compound = Vec::new();
    rtcp::write_sender_report(&mut compound, upper, 7 << 32, 12_000, 4, 400);
    rtcp::write_receiver_report(&mut compound, ssrc, &[one.report(5)]);
    let lost = one.egress.ssrc as u16 & 0x7fff;
    rtcp::write_nack(&mut compound, ssrc, one.egress.ssrc, &[lost]);
    rtcp::write_pli(&mut compound, ssrc, one.egress.ssrc);
    rtcp::write_bye(&mut compound, 0xdead);
    one.peer.send_rtcp(&mut node, &compound);
    node.advance(Duration::from_millis(200));

    let stats = node.cores[1].stats(node.now);
    let egress = &stats[0].egresses[0];
    assert_eq!((egress.nacks_received, egress.plis_received, egress.retransmitted, egress.lost), (1, 1, 1, 5));
    assert_eq!(plis_of(&two.peer.received(&mut node).1), [two.ssrcs()[1]], "of the layer it sees");
    node.advance(Duration::from_millis(1100));
    let (_, control) = two.peer.received(&mut node);
    let clock = control_packets(&control).into_iter().find_map(|packet| match packet {
        Packet::SenderReport { ssrc, ntp, .. } => Some((ssrc, ntp >> 32)),
        _ => None,
    });
    assert_eq!(clock, Some((two.egress.ssrc, 8)), "the clock of whom it sees");

    for sequence in 6..60 {
        one.frame(&mut node, sequence, false);
        two.frame(&mut node, sequence, false);
        two.peer.received(&mut node);
        node.advance(Duration::from_millis(33));
    }
    let (_, control) = one.peer.received(&mut node);
    let packets = control_packets(&control);
    let feedback = packets.iter().filter(|packet| matches!(packet, Packet::TransportFeedback(_))).count();
    assert!(feedback > 3, "arrival times of what it sends");
    let reported: Vec<u32> = packets
        .iter()
        .filter_map(
            |packet| if let Packet::ReceiverReport { reports, .. } = packet { Some(reports.clone()) } else { None },
        )
        .flatten()
        .map(|block| block.ssrc)
        .collect();
    assert!(one.ssrcs().iter().all(|ssrc| reported.contains(ssrc)), "{reported:?}");
    for compound in &control {
        let first = rtcp::parse(compound).next().unwrap().unwrap();
        assert!(matches!(first, Packet::SenderReport { .. } | Packet::ReceiverReport { .. }), "RFC 3550, 6.1");
        if let Packet::ReceiverReport { .. } = first {
            assert_eq!(compound[4..8], FEEDBACK_SSRC.to_be_bytes());
        }
    }
}

fn plis_of(control: &[Vec<u8>]) -> Vec<u32> {
    let asked = |packet| if let Packet::Pli { media } = packet { Some(media) } else { None };
    control_packets(control).into_iter().filter_map(asked).collect()
}

#[test]
fn mids_are_used_again_by_later_tracks_as_often_as_one_likes() {
    let mut node = Node::new(2);
    let mut one = join(&mut node, 1);
    let mut two = join(&mut node, 2);
    for round in 0..200u32 {
        let track = TrackId(3 + round * 2);
        node.command(Command::Unpublish { id: one.track });
        one.frame(&mut node, 1, false);
        node.command(Command::Publish { transport: one.peer.id, id: track, spec: simulcast_track(&RIDS) });
        one.track = track;
        node.command(Command::Unsubscribe { id: EgressId(2 + round * 2) });
        let id = EgressId(4 + round * 2);
        two.peer.opener.retire(two.egress.ssrc);
        two.egress = EgressSpec { mid: Some("2".into()), ..video_egress(4 + round * 2, true) };
        node.command(Command::Subscribe { transport: two.peer.id, id, spec: two.egress.clone() });
        feed(&mut node, id.0, track);
        one.frame(&mut node, 10, true);
        one.frame(&mut node, 11, false);
        let (media, _) = two.peer.received(&mut node);
        assert_eq!(endings(&media), "hh", "round {round}");
        node.advance(Duration::from_millis(10));
        one.peer.check(&mut node);
        two.peer.check(&mut node);
    }
    assert_eq!(node.counter("dropped_too_many_sources"), 0);
}

#[test]
fn an_ssrc_that_comes_back_goes_on_behind_its_roll_over() {
    let mut node = Node::new(1);
    let mut source = Peer::connect(&mut node, 0, extensions());
    node.command(Command::Publish { transport: source.id, id: TrackId(0), spec: simulcast_track(&RIDS) });
    source.send(&mut node, &layer_packet(77, "q", 65_535, 0, true), 0);
    source.send(&mut node, &layer_packet(77, "q", 0, 3000, true), 1);
    node.command(Command::Unpublish { id: TrackId(0) });
    node.command(Command::Publish { transport: source.id, id: TrackId(1), spec: simulcast_track(&RIDS) });
    let mut watcher = viewer(&mut node, 9, TrackId(1), true);
    source.send(&mut node, &layer_packet(77, "q", 1, 6000, true), 1);
    assert_eq!(watcher.received(&mut node).0.len(), 1);
    assert_eq!(node.counter("dropped_forged"), 0);
}

#[test]
fn neither_a_goodbye_nor_an_ssrc_named_twice_disturbs_the_other_streams() {
    let (mut node, mut one, mut two) = call();
    one.frame(&mut node, 1, true);
    let mut bye = Vec::new();
    rtcp::write_receiver_report(&mut bye, 1, &[]);
    for ssrc in [one.ssrcs()[0], one.egress.ssrc, two.egress.ssrc, 1] {
        rtcp::write_bye(&mut bye, ssrc);
    }
    one.peer.send_rtcp(&mut node, &bye);
    // Another track claims the SSRC of the first.
    let spec = TrackSpec { mid: Some("7".into()), ssrcs: vec![(one.ssrcs()[1], None)], rids: vec![], ..video_track() };
    node.command(Command::Publish { transport: one.peer.id, id: TrackId(5), spec });
    one.frame(&mut node, 2, false);
    node.command(Command::Unpublish { id: TrackId(5) });
    one.frame(&mut node, 3, false);
    two.frame(&mut node, 1, true);
    assert_eq!(endings(&two.peer.received(&mut node).0), "hhh");
    assert_eq!(endings(&one.peer.received(&mut node).0), "h");
    assert!(!node.events.iter().any(|event| matches!(event, Event::TransportClosed { .. })));
}
