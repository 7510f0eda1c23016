//! Who is heard: what Python learns of audio levels, and how often.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod common;

use core::time::Duration;

use common::*;
use sluice_datapath::command::Command;
use sluice_datapath::event::Event;
use sluice_datapath::ids::TrackId;
use sluice_datapath::levels::WINDOW;
use sluice_datapath::media::{CodecSpec, Kind, TrackSpec};
use sluice_datapath::packet::codec::Codec;
use sluice_datapath::packet::extensions::{ExtensionKind, ExtensionMap};
use sluice_datapath::packet::rtp::HeaderFields;

const LEVEL: u8 = 9;

struct Voice {
    peer: Peer,
    track: TrackId,
    packets: u16,
}

impl Voice {
    fn publish(node: &mut Node, number: u32) -> Self {
        let peer = Peer::connect(node, number, ExtensionMap::new([(ExtensionKind::AudioLevel, LEVEL)]));
        let opus = CodecSpec { payload_type: 111, codec: Codec::Opus, clock_rate: 48_000, rtx_payload_type: None };
        let spec = TrackSpec {
            kind: Kind::Audio,
            mid: None,
            codecs: vec![opus],
            ssrcs: vec![(number, None)],
            nack: false,
            ..video_track()
        };
        let track = TrackId(number);
        node.command(Command::Publish { transport: peer.id, id: track, spec });
        Self { peer, track, packets: 0 }
    }

    /// 20 ms of sound.
    fn say(&mut self, node: &mut Node, level: u8) {
        self.packets += 1;
        let fields = HeaderFields {
            marker: false,
            payload_type: 111,
            sequence: self.packets,
            timestamp: u32::from(self.packets) * 960,
            ssrc: self.track.0,
        };
        self.peer.send(node, &rtp_packet(fields, &[(LEVEL, &[0x80 | level])], &[1; 40]), 0);
    }
}

/// When levels were told, and what, since the last call.
fn told(node: &mut Node) -> Vec<Vec<(u32, u8, u128)>> {
    let events = core::mem::take(&mut node.events).into_iter();
    events
        .filter_map(|event| if let Event::AudioLevels { levels } = event { Some(levels) } else { None })
        .map(|levels| levels.into_iter().map(|(id, it)| (id.0, it.loudest, it.active.as_millis())).collect())
        .collect()
}

fn pass(node: &mut Node) {
    node.advance(Duration::from_millis(20));
}

#[test]
fn those_who_are_heard_are_told_five_times_a_second_and_the_silent_not() {
    let mut node = Node::new(1);
    let mut voices: Vec<Voice> = (1..=3).map(|number| Voice::publish(&mut node, number)).collect();
    for round in 0..50 {
        voices[0].say(&mut node, if round % 10 == 3 { 12 } else { 30 });
        voices[1].say(&mut node, if round % 2 == 0 { 40 } else { 90 });
        voices[2].say(&mut node, 60);
        pass(&mut node);
    }
    assert_eq!(told(&mut node), vec![vec![(1, 12, 200), (2, 40, 100)]; 5]);
    for _ in 0..50 {
        voices.iter_mut().for_each(|voice| voice.say(&mut node, 127));
        pass(&mut node);
    }
    assert!(told(&mut node).is_empty());
}

#[test]
fn nobody_who_speaks_means_no_timer() {
    let mut node = Node::new(1);
    let mut voice = Voice::publish(&mut node, 1);
    voice.say(&mut node, 61);
    node.advance(Duration::from_millis(1));
    let before = node.cores[0].next_deadline();
    voice.say(&mut node, 61);
    assert_eq!(node.cores[0].next_deadline(), before);
    voice.say(&mut node, 10);
    assert!(node.cores[0].next_deadline() <= Some(node.now + WINDOW));
    node.command(Command::Unpublish { id: voice.track });
    node.advance(Duration::from_secs(1));
    assert!(told(&mut node).is_empty(), "of a track that is gone nothing is told");
    node.command(Command::RemoveTransport { id: voice.peer.id });
    assert!(node.cores[0].is_idle());
}

#[test]
fn each_worker_tells_of_its_own_and_a_burst_is_no_longer_than_the_window() {
    let mut node = Node::new(2);
    let (mut one, mut two) = (Voice::publish(&mut node, 1), Voice::publish(&mut node, 2));
    for _ in 0..40 {
        one.say(&mut node, 5);
    }
    two.say(&mut node, 59);
    node.advance(Duration::from_millis(250));
    let mut all = told(&mut node);
    all.sort();
    assert_eq!(all, [[(1, 5, 200)], [(2, 59, 20)]]);
}

#[test]
fn what_arrived_before_is_not_heard_again_and_video_is_not_heard() {
    let mut node = Node::new(1);
    let mut voice = Voice::publish(&mut node, 1);
    voice.say(&mut node, 20);
    node.advance(Duration::from_millis(300));
    assert_eq!(told(&mut node).len(), 1);
    voice.packets -= 1;
    voice.say(&mut node, 20);
    let map = ExtensionMap::new([(ExtensionKind::AudioLevel, LEVEL)]);
    let mut camera = Peer::connect(&mut node, 2, map);
    node.command(Command::Publish { transport: camera.id, id: TrackId(2), spec: video_track() });
    let fields = HeaderFields { marker: true, payload_type: 96, sequence: 1, timestamp: 1, ssrc: 0x1000 };
    camera.send(&mut node, &rtp_packet(fields, &[(LEVEL, &[1])], &[0x10, 0, 0, 0]), 0);
    node.advance(Duration::from_millis(300));
    assert!(told(&mut node).is_empty());
}
