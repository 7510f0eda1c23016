//! Whatever peers and operators do, in any order, on three workers: what must hold of everything that is sent, and
//! that nothing is left behind.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod common;

use core::time::Duration;
use std::collections::HashMap;
use std::net::SocketAddr;

use common::*;
use proptest::prelude::*;
use sluice_datapath::command::Command;
use sluice_datapath::ids::{EgressId, TrackId};
use sluice_datapath::packet::rtcp;
use sluice_datapath::packet::rtp::Header;
use sluice_datapath::packet::{classify, Class};
use sluice_datapath::serial::nearest16;

const WORKERS: u16 = 3;
const RIDS: [&str; 2] = ["q", "h"];
/// A source may jump by 1,000 before it counts as restarted; beyond that a viewer sees one number missing.
const MAX_STEP: u64 = 1001;

/// Numbers choose among whoever there is.
#[derive(Clone, Debug)]
enum Action {
    Publish,
    Watch { rtx: bool },
    Leave(u8),
    Unpublish(u8),
    Media { who: u8, layer: u8, gap: u16, key: bool, padding: bool },
    Late { who: u8, layer: u8, by_rtx: bool },
    NewSsrc { who: u8, layer: u8 },
    ForwardLayer { who: u8, layer: u8 },
    ChooseLayer { viewer: u8, layer: Option<u8> },
    Follow { viewer: u8, track: Option<u8>, layer: Option<u8> },
    Nack { viewer: u8, back: u16 },
    Pli(u8),
    Report { who: u8, layer: u8 },
    Check,
    Pass(u16),
}

fn action() -> impl Strategy<Value = Action> {
    let layer = || 0u8..2;
    // The last one no track has.
    let choice = || prop::option::of(0u8..3);
    let gap = prop_oneof![12 => 1u16..2, 3 => 2u16..5, 1 => 900u16..2500];
    let media = (any::<u8>(), layer(), gap, prop::bool::weighted(0.2), prop::bool::weighted(0.1))
        .prop_map(|(who, layer, gap, key, padding)| Action::Media { who, layer, gap, key, padding });
    prop_oneof![
        2 => Just(Action::Publish),
        3 => any::<bool>().prop_map(|rtx| Action::Watch { rtx }),
        1 => any::<u8>().prop_map(Action::Leave),
        1 => any::<u8>().prop_map(Action::Unpublish),
        40 => media,
        6 => (any::<u8>(), layer(), any::<bool>()).prop_map(|(who, layer, by_rtx)| Action::Late { who, layer, by_rtx }),
        1 => (any::<u8>(), layer()).prop_map(|(who, layer)| Action::NewSsrc { who, layer }),
        3 => (any::<u8>(), layer()).prop_map(|(who, layer)| Action::ForwardLayer { who, layer }),
        4 => (any::<u8>(), choice()).prop_map(|(viewer, layer)| Action::ChooseLayer { viewer, layer }),
        4 => (any::<u8>(), any::<Option<u8>>(), choice())
            .prop_map(|(viewer, track, layer)| Action::Follow { viewer, track, layer }),
        6 => (any::<u8>(), 0u16..20).prop_map(|(viewer, back)| Action::Nack { viewer, back }),
        2 => any::<u8>().prop_map(Action::Pli),
        2 => (any::<u8>(), layer()).prop_map(|(who, layer)| Action::Report { who, layer }),
        2 => Just(Action::Check),
        6 => (0u16..400).prop_map(Action::Pass),
    ]
}

struct Stream {
    ssrc: u32,
    next: u64,
    missing: Vec<u64>,
    rtx_sequence: u16,
}

struct Publisher {
    peer: Peer,
    track: TrackId,
    streams: [Stream; 2],
}

struct Viewer {
    peer: Peer,
    egress: EgressId,
    rtx: bool,
}

struct World {
    node: Node,
    publishers: Vec<Publisher>,
    viewers: Vec<Viewer>,
    created: u32,
    log: SentLog,
}

/// Everything that was sent, by who got it.
#[derive(Default)]
struct SentLog {
    highest: HashMap<(SocketAddr, u32), u64>,
    packets: HashMap<(SocketAddr, u32, u64), Vec<u8>>,
    control: HashMap<SocketAddr, u32>,
}

fn pick<T>(list: &mut [T], index: u8) -> Option<&mut T> {
    let len = list.len().max(1);
    list.get_mut(usize::from(index) % len)
}

impl World {
    fn new() -> Self {
        let (publishers, viewers, log) = (Vec::new(), Vec::new(), SentLog::default());
        Self { node: Node::new(WORKERS), publishers, viewers, created: 0, log }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Publish => self.publish(),
            Action::Watch { rtx } => self.watch(rtx),
            Action::Leave(index) => {
                let mut peers: Vec<&Peer> = self.publishers.iter().map(|publisher| &publisher.peer).collect();
                peers.extend(self.viewers.iter().map(|viewer| &viewer.peer));
                let Some(id) = pick(&mut peers, index).map(|peer| peer.id) else { return };
                self.node.command(Command::RemoveTransport { id });
                self.publishers.retain(|publisher| publisher.peer.id != id);
                self.viewers.retain(|viewer| viewer.peer.id != id);
            }
            Action::Unpublish(who) => {
                let Some(id) = pick(&mut self.publishers, who).map(|publisher| publisher.track) else { return };
                self.node.command(Command::Unpublish { id });
            }
            Action::Media { who, layer, gap, key, padding } => self.media(who, layer, gap, key, padding),
            Action::Late { who, layer, by_rtx } => self.late(who, layer, by_rtx),
            Action::NewSsrc { who, layer } => {
                let Some(publisher) = pick(&mut self.publishers, who) else { return };
                let stream = &mut publisher.streams[usize::from(layer)];
                *stream = Stream { ssrc: stream.ssrc + 2, next: 5, missing: Vec::new(), rtx_sequence: 1 };
            }
            Action::ForwardLayer { who, layer } => {
                let Some(track) = pick(&mut self.publishers, who).map(|publisher| publisher.track) else { return };
                self.node.command(Command::ForwardLayer { track, layer });
            }
            Action::ChooseLayer { viewer, layer } => {
                let Some(egress) = pick(&mut self.viewers, viewer).map(|viewer| viewer.egress) else { return };
                self.node.command(Command::ChooseLayer { egress, layer });
            }
            Action::Follow { viewer, track, layer } => {
                let track = track.and_then(|who| pick(&mut self.publishers, who)).map(|publisher| publisher.track);
                let Some(viewer) = pick(&mut self.viewers, viewer) else { return };
                let payload_types = vec![(96, (100, viewer.rtx.then_some(101)))];
                self.node.command(Command::SetSource { egress: viewer.egress, track, payload_types, layer });
            }
            Action::Nack { viewer, back } => {
                let Some(viewer) = pick(&mut self.viewers, viewer) else { return };
                let ssrc = video_egress(viewer.peer.id.0, false).ssrc;
                let newest = self.log.highest.get(&(viewer.peer.path.remote, ssrc)).copied().unwrap_or(0);
                let mut compound = Vec::new();
                rtcp::write_nack(&mut compound, 1, ssrc, &[(newest as u16).wrapping_sub(back)]);
                viewer.peer.send_rtcp(&mut self.node, &compound);
            }
            Action::Pli(viewer) => {
                let Some(viewer) = pick(&mut self.viewers, viewer) else { return };
                let mut compound = Vec::new();
                rtcp::write_pli(&mut compound, 1, video_egress(viewer.peer.id.0, false).ssrc);
                viewer.peer.send_rtcp(&mut self.node, &compound);
            }
            Action::Report { who, layer } => {
                let now = self.node.now.as_micros();
                let Some(publisher) = pick(&mut self.publishers, who) else { return };
                let ssrc = publisher.streams[usize::from(layer)].ssrc;
                let mut compound = Vec::new();
                rtcp::write_sender_report(&mut compound, ssrc, (now << 32) / 1_000_000, (now / 11) as u32, 1, 1);
                publisher.peer.send_rtcp(&mut self.node, &compound);
            }
            Action::Check => {
                let publishers = self.publishers.iter_mut().map(|publisher| &mut publisher.peer);
                for peer in publishers.chain(self.viewers.iter_mut().map(|viewer| &mut viewer.peer)) {
                    peer.check(&mut self.node);
                }
            }
            Action::Pass(millis) => self.node.advance(Duration::from_millis(u64::from(millis))),
        }
    }

    fn publish(&mut self) {
        self.created += 1;
        let peer = Peer::connect(&mut self.node, self.created, extensions());
        let track = TrackId(self.created);
        self.node.command(Command::Publish { transport: peer.id, id: track, spec: simulcast_track(&RIDS) });
        let stream = |ssrc| Stream { ssrc, next: 65_500, missing: Vec::new(), rtx_sequence: 1 };
        self.publishers.push(Publisher { peer, track, streams: [stream(1000), stream(5001)] });
    }

    fn watch(&mut self, rtx: bool) {
        self.created += 1;
        let peer = Peer::connect(&mut self.node, self.created, viewer_extensions());
        let egress = EgressId(self.created);
        let spec = video_egress(self.created, rtx);
        self.node.command(Command::Subscribe { transport: peer.id, id: egress, spec });
        self.viewers.push(Viewer { peer, egress, rtx });
        if !self.publishers.is_empty() {
            let viewer = (self.viewers.len() - 1) as u8;
            self.act(Action::Follow { viewer, track: Some(self.created as u8), layer: None });
        }
    }

    fn media(&mut self, who: u8, layer: u8, gap: u16, key: bool, padding: bool) {
        let timestamp = (self.node.now.as_micros() / 11) as u32;
        let Some(publisher) = pick(&mut self.publishers, who) else { return };
        let stream = &mut publisher.streams[usize::from(layer)];
        let sequence = stream.next + u64::from(gap) - 1;
        stream.missing.extend((stream.next..sequence).take(50));
        stream.next = sequence + 1;
        let mut packet = packet(stream.ssrc, layer, sequence, timestamp, key);
        if padding {
            packet[0] |= 0x20;
            let payload = Header::parse(&packet).unwrap().payload_offset;
            packet.truncate(payload);
            packet.extend_from_slice(&[0, 0, 3]);
        }
        publisher.peer.send(&mut self.node, &packet, (sequence >> 16) as u32);
    }

    fn late(&mut self, who: u8, layer: u8, by_rtx: bool) {
        let Some(publisher) = pick(&mut self.publishers, who) else { return };
        let stream = &mut publisher.streams[usize::from(layer)];
        let Some(sequence) = stream.missing.pop() else { return };
        let media = packet(stream.ssrc, layer, sequence, sequence as u32, false);
        if by_rtx {
            stream.rtx_sequence += 1;
            let rid = RIDS[usize::from(layer)].as_bytes();
            let names: [(u8, &[u8]); 2] = [(MID, b"1"), (REPAIRED_RID, rid)];
            let again = retransmission(&media, stream.ssrc + 0x1_0000, stream.rtx_sequence, &names);
            publisher.peer.send(&mut self.node, &again, 0);
        } else {
            publisher.peer.send(&mut self.node, &media, (sequence >> 16) as u32);
        }
    }

    /// Looks at all that was sent since.
    fn inspect(&mut self) -> Result<(), TestCaseError> {
        for (path, bytes) in core::mem::take(&mut self.node.sent) {
            match classify(&bytes) {
                Class::Rtp => self.log.on_rtp(path.remote, bytes)?,
                Class::Rtcp => self.log.on_rtcp(path.remote, &bytes)?,
                _ => {}
            }
        }
        Ok(())
    }
}

fn packet(ssrc: u32, layer: u8, sequence: u64, timestamp: u32, key: bool) -> Vec<u8> {
    layer_packet(ssrc, RIDS[usize::from(layer)], sequence as u16, timestamp, key)
}

impl SentLog {
    /// No index of an SSRC is ever sealed with different content, and a new one is never far from the others.
    fn on_rtp(&mut self, to: SocketAddr, bytes: Vec<u8>) -> Result<(), TestCaseError> {
        let header = Header::parse(&bytes).unwrap();
        let highest = self.highest.entry((to, header.ssrc)).or_insert(u64::from(header.sequence));
        let index = nearest16(*highest, header.sequence);
        prop_assert!(index <= *highest + MAX_STEP, "from {} to {}", highest, index);
        *highest = index.max(*highest);
        let known = self.packets.entry((to, header.ssrc, index)).or_insert_with(|| bytes.clone());
        prop_assert_eq!(&*known, &bytes, "index {} of {:x} was used twice", index, header.ssrc);
        Ok(())
    }

    /// The SRTCP index only grows (RFC 3711 section 3.4).
    fn on_rtcp(&mut self, to: SocketAddr, bytes: &[u8]) -> Result<(), TestCaseError> {
        let index = u32::from_be_bytes(*bytes.last_chunk().unwrap()) & 0x7fff_ffff;
        if let Some(last) = self.control.insert(to, index) {
            prop_assert!(last < index);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_nonce_is_used_twice_and_nothing_is_left_behind(
        actions in prop::collection::vec(action(), 1..250),
        by_expiry in any::<bool>(),
    ) {
        let mut world = World::new();
        for action in [Action::Publish, Action::Watch { rtx: true }, Action::Watch { rtx: false }] {
            world.act(action);
        }
        for action in actions {
            world.act(action);
            world.inspect()?;
        }
        if by_expiry {
            world.node.advance(Duration::from_secs(61));
        }
        let ids: Vec<_> = world.publishers.iter().map(|publisher| publisher.peer.id)
            .chain(world.viewers.iter().map(|viewer| viewer.peer.id)).collect();
        for id in ids {
            world.node.command(Command::RemoveTransport { id });
        }
        world.inspect()?;
        prop_assert!(world.node.cores.iter().all(sluice_datapath::core::Core::is_idle));
    }
}

#[test]
fn the_random_worlds_do_forward_and_resend() {
    let mut world = World::new();
    world.act(Action::Publish);
    for rtx in [true, false] {
        world.act(Action::Watch { rtx });
    }
    for key in [true, false, false, false] {
        world.act(Action::Media { who: 0, layer: 0, gap: 1, key, padding: false });
    }
    world.act(Action::Media { who: 0, layer: 0, gap: 3, key: false, padding: false });
    world.act(Action::Late { who: 0, layer: 0, by_rtx: true });
    world.act(Action::Late { who: 0, layer: 0, by_rtx: false });
    world.inspect().unwrap();
    for viewer in [0, 1] {
        world.act(Action::Nack { viewer, back: 0 });
    }
    assert_eq!((world.node.counter("rtp_forwarded"), world.node.counter("rtp_retransmitted")), (14, 2));
}
