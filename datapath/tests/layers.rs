//! A layer for each viewer: who gets what, what is passed on at all, and whom keyframes are asked of.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod common;

use core::time::Duration;

use common::*;
use sluice_datapath::command::Command;
use sluice_datapath::ids::{EgressId, TrackId};
use sluice_datapath::packet::rtcp::{self, Packet};
use sluice_datapath::packet::rtp::Header;

const TRACK: TrackId = TrackId(0);
const RIDS: [&str; 3] = ["q", "h", "f"];
const SSRCS: [u32; 3] = [1000, 2000, 3000];

/// A publisher of three layers, on the first of several workers.
struct Stage {
    node: Node,
    source: Peer,
    frames: u16,
}

impl Stage {
    fn new() -> Self {
        let mut node = Node::new(3);
        let source = Peer::connect(&mut node, 0, extensions());
        node.command(Command::Publish { transport: source.id, id: TRACK, spec: simulcast_track(&RIDS) });
        Self { node, source, frames: 0 }
    }

    /// A viewer on the worker of its number.
    fn viewer(&mut self, number: u32, layer: Option<u8>) -> Peer {
        let peer = Peer::connect(&mut self.node, number, viewer_extensions());
        let id = EgressId(number);
        self.node.command(Command::Subscribe { transport: peer.id, id, spec: video_egress(number, true) });
        self.feed(number, Some(TRACK), layer);
        peer
    }

    fn feed(&mut self, number: u32, track: Option<TrackId>, layer: Option<u8>) {
        let payload_types = vec![(96, (100, Some(101)))];
        self.node.command(Command::SetSource { egress: EgressId(number), track, payload_types, layer });
    }

    fn choose(&mut self, number: u32, layer: Option<u8>) {
        self.node.command(Command::ChooseLayer { egress: EgressId(number), layer });
    }

    /// One frame of each of these layers, a keyframe in those of `keys`.
    fn frame(&mut self, layers: &str, keys: &str) {
        self.frames += 1;
        for (rid, ssrc) in RIDS.into_iter().zip(SSRCS).filter(|(rid, _)| layers.contains(rid)) {
            let timestamp = u32::from(self.frames) * 3000;
            let packet = layer_packet(ssrc, rid, self.frames, timestamp, keys.contains(rid));
            self.source.send(&mut self.node, &packet, 0);
        }
        self.node.advance(Duration::from_millis(33));
    }

    /// The layers of the packets a viewer got since, which come in one unbroken stream.
    fn seen(&mut self, viewer: &mut Peer) -> String {
        let (media, _) = viewer.received(&mut self.node);
        let numbers = sequences(&media, video_egress(viewer.id.0, true).ssrc);
        let unbroken = numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1));
        assert!(unbroken && numbers.len() == media.len(), "{numbers:?}");
        endings(&media)
    }

    /// The layers keyframes were asked of since.
    fn asked(&mut self) -> String {
        self.node.advance(Duration::from_millis(1));
        let (_, control) = self.source.received(&mut self.node);
        let name = |ssrc| SSRCS.iter().position(|known| *known == ssrc).map_or("?", |layer| RIDS[layer]);
        let packets = control.iter().flat_map(|compound| rtcp::parse(compound));
        packets
            .filter_map(|packet| if let Ok(Packet::Pli { media }) = packet { Some(name(media)) } else { None })
            .collect()
    }

    fn pli(&mut self, viewer: &mut Peer) {
        let mut compound = Vec::new();
        rtcp::write_pli(&mut compound, 1, video_egress(viewer.id.0, true).ssrc);
        viewer.send_rtcp(&mut self.node, &compound);
    }

    fn layer_of(&mut self, number: u32) -> Option<u8> {
        let now = self.node.now;
        let home = number as usize % self.node.cores.len();
        let stats = self.node.cores[home].stats(now);
        let egress = stats.iter().flat_map(|transport| &transport.egresses).find(|it| it.egress == EgressId(number));
        egress.unwrap().layer
    }
}

#[test]
fn viewers_of_one_track_see_each_their_own_layer() {
    let mut stage = Stage::new();
    let (mut low, mut high, mut any) = (stage.viewer(1, Some(0)), stage.viewer(2, Some(2)), stage.viewer(3, None));
    let mut neighbour = stage.viewer(4, Some(1));
    stage.node.command(Command::ForwardLayer { track: TRACK, layer: 1 });
    assert_eq!(stage.layer_of(2), None);
    stage.frame("qhf", "qhf");
    stage.frame("qhf", "");
    assert_eq!(stage.seen(&mut low), "qq");
    assert_eq!(stage.seen(&mut high), "ff");
    assert_eq!(stage.seen(&mut any), "hh");
    assert_eq!(stage.seen(&mut neighbour), "hh");
    assert_eq!((stage.layer_of(1), stage.layer_of(2), stage.layer_of(3)), (Some(0), Some(2), Some(1)));
}

#[test]
fn a_viewer_moves_at_a_keyframe_and_stays_where_it_is_till_then() {
    let mut stage = Stage::new();
    let (mut one, mut two) = (stage.viewer(1, Some(0)), stage.viewer(4, Some(0)));
    stage.frame("qhf", "qhf");
    stage.choose(1, Some(2));
    stage.frame("qhf", "");
    assert_eq!((stage.seen(&mut one), stage.layer_of(1)), ("qq".into(), Some(0)));
    stage.frame("qhf", "f");
    stage.frame("qhf", "");
    assert_eq!((stage.seen(&mut one), stage.layer_of(1)), ("qff".into(), Some(2)));
    assert_eq!(stage.seen(&mut two), "qqqq");
    stage.choose(1, None);
    stage.frame("qhf", "q");
    assert_eq!((stage.seen(&mut one), stage.seen(&mut two)), ("q".into(), "q".into()));
}

#[test]
fn a_layer_is_passed_on_while_somebody_wants_or_leaves_it_and_no_longer() {
    let mut stage = Stage::new();
    let mut one = stage.viewer(1, Some(0));
    let _two = stage.viewer(2, Some(0));
    let carried = |stage: &mut Stage, keys: &str| {
        let before = stage.node.carried;
        stage.frame("qhf", keys);
        [0, 1, 2].map(|layer| stage.node.carried[layer] - before[layer])
    };
    assert_eq!(carried(&mut stage, "qhf"), [2, 0, 0]);
    stage.choose(1, Some(2));
    assert_eq!(carried(&mut stage, ""), [2, 0, 1], "on its way from one to the other");
    assert_eq!(carried(&mut stage, "f"), [2, 0, 1]);
    assert_eq!(carried(&mut stage, ""), [1, 0, 1]);
    stage.node.command(Command::RemoveTransport { id: one.id });
    assert_eq!(carried(&mut stage, ""), [1, 0, 0]);
    stage.feed(2, None, None);
    assert_eq!(carried(&mut stage, "qhf"), [0, 0, 0]);
    assert_eq!(stage.seen(&mut one), "qqqff");
}

#[test]
fn keyframes_are_asked_of_the_layers_that_viewers_want_and_once_however_many() {
    let mut stage = Stage::new();
    stage.frame("qhf", "");
    for number in 1..40 {
        stage.viewer(number, Some(u8::from(number % 2 == 0) * 2));
    }
    assert_eq!(stage.asked(), "qf");
    stage.frame("qhf", "qf");
    stage.node.advance(Duration::from_millis(600));
    stage.choose(1, Some(1));
    assert_eq!(stage.asked(), "h");
    stage.frame("qhf", "h");
    stage.node.advance(Duration::from_millis(600));
    stage.choose(1, Some(1));
    assert_eq!(stage.asked(), "", "it is there");
}

#[test]
fn a_loss_during_a_move_is_healed_by_whichever_keyframe_comes() {
    let mut stage = Stage::new();
    let mut one = stage.viewer(1, Some(0));
    stage.frame("qhf", "q");
    stage.choose(1, Some(2));
    stage.asked();
    stage.frame("q", "");
    stage.node.advance(Duration::from_millis(600));
    stage.asked();
    stage.pli(&mut one);
    assert!(stage.asked().contains('q'), "the layer it moves to may be silent for long");
    stage.frame("q", "q");
    stage.frame("qf", "f");
    assert_eq!(stage.seen(&mut one), "qqqqf");
    stage.node.advance(Duration::from_millis(600));
    stage.pli(&mut one);
    assert_eq!(stage.asked(), "f");
}

#[test]
fn a_layer_that_stops_leaves_its_viewer_where_it_is_until_another_is_chosen() {
    let mut stage = Stage::new();
    let mut one = stage.viewer(1, Some(2));
    stage.frame("qhf", "qhf");
    for _ in 0..60 {
        stage.frame("qh", "");
    }
    stage.frame("qh", "qh");
    assert_eq!((stage.seen(&mut one), stage.layer_of(1)), ("f".into(), Some(2)));
    stage.choose(1, Some(1));
    stage.frame("qh", "h");
    assert_eq!((stage.seen(&mut one), stage.layer_of(1)), ("h".into(), Some(1)));
}

#[test]
fn a_layer_the_track_does_not_have_is_ignored_and_counted() {
    let mut stage = Stage::new();
    let (mut one, mut two) = (stage.viewer(1, Some(1)), stage.viewer(2, Some(7)));
    assert_eq!(stage.node.counter("ignored_stale"), 1, "its home says so, and then it has what all have");
    stage.choose(1, Some(3));
    stage.node.command(Command::ForwardLayer { track: TRACK, layer: 3 });
    assert_eq!(stage.node.counter("ignored_stale"), 3);
    stage.frame("qhf", "qhf");
    assert_eq!((stage.seen(&mut one), stage.seen(&mut two)), ("h".into(), "q".into()));
    stage.feed(1, None, Some(1));
    stage.choose(1, Some(1));
    assert_eq!(stage.node.counter("ignored_stale"), 4, "a layer of nothing");
}

#[test]
fn a_new_source_forgets_the_choice() {
    let mut stage = Stage::new();
    let other = Peer::connect(&mut stage.node, 30, extensions());
    let spec = simulcast_track(&RIDS);
    stage.node.command(Command::Publish { transport: other.id, id: TrackId(30), spec });
    let mut one = stage.viewer(1, Some(2));
    stage.frame("qhf", "qhf");
    stage.feed(1, Some(TrackId(30)), None);
    stage.frame("qhf", "");
    stage.feed(1, Some(TRACK), None);
    stage.frame("qhf", "qhf");
    assert_eq!(stage.seen(&mut one), "fq");
    stage.feed(1, Some(TRACK), Some(1));
    stage.frame("qhf", "");
    stage.frame("qhf", "h");
    assert_eq!(stage.seen(&mut one), "qqh", "the same source goes on without a gap");
    let header = |packet: &[u8]| Header::parse(packet).unwrap().payload_type;
    stage.frame("qhf", "");
    assert!(one.received(&mut stage.node).0.iter().all(|packet| header(packet) == 100));
}
