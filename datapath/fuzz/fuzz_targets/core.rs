//! Whatever peers send, before and after decryption, in any order and at any pace: the core survives, what it sends fits a
//! datagram, and time does not stand still.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use core::time::Duration;

use common::{extensions, video_track, viewer, Node, Peer};
use libfuzzer_sys::fuzz_target;
use sluice_datapath::command::Command;
use sluice_datapath::ids::{EgressId, TrackId};
use sluice_datapath::media::TrackSpec;
use sluice_datapath::packet::extensions::{ExtensionKind, ExtensionMap};
use sluice_datapath::packet::rtp::Header;

const TRACK: TrackId = TrackId(0);

fuzz_target!(|input: &[u8]| {
    let mut node = Node::new(2);
    let mut source = Peer::connect(&mut node, 0, extensions());
    let spec = TrackSpec { ssrcs: vec![(0x1000, Some(0x1001)), (0x1002, None)], ..video_track() };
    node.command(Command::Publish { transport: source.id, id: TRACK, spec });
    let mut watcher = viewer(&mut node, 1, TRACK, true);
    let mut rest = input;
    while let [what, len, tail @ ..] = rest {
        let (bytes, next) = tail.split_at(usize::from(*len).min(tail.len()));
        rest = next;
        match what % 11 {
            0 => node.receive(source.path, bytes),
            1 => node.receive(watcher.path, bytes),
            2 if Header::parse(bytes).is_ok() => source.send(&mut node, bytes, 0),
            3 => {
                // The fuzzer's bytes as the payload of a packet that belongs to one of the track's two layers.
                let mut packet = vec![0x90, 96, 0, *len, 0, 0, 0, *len, 0, 0, 0x10, *len & 2, 0xbe, 0xde, 0, 0];
                packet.extend_from_slice(bytes);
                source.send(&mut node, &packet, 0);
            }
            4 if bytes.len() >= 8 => source.send_rtcp(&mut node, bytes),
            5 if bytes.len() >= 8 => watcher.send_rtcp(&mut node, bytes),
            6 => node.advance(Duration::from_millis(u64::from(*len) * 8)),
            7 => source.check(&mut node),
            8 => {
                let track = (len % 2 == 0).then_some(TRACK);
                let payload_types = vec![(96, (100, Some(101)))];
                node.command(Command::SetSource { egress: EgressId(1), track, payload_types, layer: None });
            }
            9 => node.command(Command::ChooseLayer { egress: EgressId(1), layer: len.checked_sub(1) }),
            10 => {
                let pairs = bytes.iter().filter_map(|id| Some((*ExtensionKind::ALL.get(usize::from(id % 16))?, *id)));
                let extensions = Box::new(ExtensionMap::new(pairs));
                node.command(Command::SetExtensions { id: [source.id, watcher.id][usize::from(len % 2)], extensions });
            }
            _ => {}
        }
        assert!(node.sent.iter().all(|(_, datagram)| datagram.len() <= 1500 + 300), "larger than anything received");
        node.sent.clear();
    }
});
