//! Whatever clients of allocations and their peers send, by channels, indications and within either: what leaves is for a
//! client, wrapped, or for a permitted peer, and never longer than what came with its wrapping.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use common::tunnel::Tunnel;
use common::{extensions, Node, Peer, SERVER};
use libfuzzer_sys::fuzz_target;
use sluice_datapath::command::RelayChange;
use sluice_datapath::packet::channel_data;
use sluice_datapath::packet::stun::indication::SendIndication;
use sluice_datapath::path::{Carrier, Path};

/// Header and XOR-PEER-ADDRESS of a Data indication, header and padding of DATA.
const MAX_WRAPPING: usize = 20 + 24 + 4 + 3;
/// The longest answer of ours to anything.
const MAX_ANSWER: usize = 200;

fuzz_target!(|input: &[u8]| {
    let mut node = Node::new(2);
    let server = SERVER.parse().expect("an address");
    let stranger = "198.51.100.77:7000".parse().expect("an address");
    node.relay(RelayChange::OwnAddresses(vec![server]));
    let mut one = Tunnel::open_by(&mut node, 1, true, 1_000_000);
    let mut other = Tunnel::open(&mut node, 2);
    for (tunnel, peers) in [(&mut one, [server, stranger]), (&mut other, [server, server])] {
        for peer in peers {
            tunnel.permit(&mut node, peer);
        }
        tunnel.bind(&mut node, 0x4000, server);
    }
    one.bind(&mut node, 0x4001, stranger);
    one.bind(&mut node, 0x4002, other.relayed);
    let inside = Peer::connect_through(&mut node, 7, extensions(), other.clone());
    let outside = Path { local: one.relayed, remote: stranger, carrier: Carrier::RelaySocket(one.relay) };
    let mut rest = input;
    while let [what, len, tail @ ..] = rest {
        let (bytes, next) = tail.split_at(usize::from(*len).min(tail.len()));
        rest = next;
        if let Ok((_, data)) = channel_data::parse(bytes) {
            assert!(data.end <= bytes.len());
        }
        if let Ok(send) = SendIndication::parse(bytes) {
            assert!(send.data.end <= bytes.len());
        }
        node.sent.clear();
        match what % 8 {
            0 => node.receive(one.client, bytes),
            1 => node.receive(other.client, bytes),
            2 => node.receive(outside, bytes),
            3 => inside.deliver(&mut node, bytes),
            4 => one.send(&mut node, stranger, bytes),
            5 => one.send(&mut node, other.relayed, bytes),
            6 => one.send(&mut node, server, bytes),
            _ => node.receive(inside.path, bytes),
        }
        for (path, datagram) in &node.sent {
            match path.carrier {
                Carrier::Udp => assert!([one.client, other.client].contains(path)),
                carrier => assert_eq!((carrier, path.remote), (outside.carrier, stranger)),
            }
            assert!(datagram.len() <= (bytes.len() + MAX_WRAPPING).max(MAX_ANSWER));
        }
    }
});
