//! What relays promise, in virtual time: media by way of an allocation, and what does not get through.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod common;

use core::time::Duration;
use std::net::SocketAddr;

use common::tunnel::Tunnel;
use common::*;
use sluice_datapath::batch::SendBatch;
use sluice_datapath::command::{Command, RelayChange};
use sluice_datapath::event::Event;
use sluice_datapath::ids::{RelayId, TrackId, TransportId, WorkerId};
use sluice_datapath::net::runs::runs;
use sluice_datapath::packet::rtcp;
use sluice_datapath::packet::rtp::Header;
use sluice_datapath::path::{Carrier, Path};

const TRACK: TrackId = TrackId(0);

fn server() -> SocketAddr {
    SERVER.parse().unwrap()
}

fn stranger() -> SocketAddr {
    "198.51.100.77:7000".parse().unwrap()
}

/// Workers that know their address.
fn node(workers: u16) -> Node {
    let mut node = Node::new(workers);
    node.relay(RelayChange::OwnAddresses(vec![server()]));
    node
}

/// An allocation that may reach our media port, by channel or not.
fn tunnel(node: &mut Node, number: u32, by_channel: bool) -> Tunnel {
    let mut tunnel = Tunnel::open(node, number);
    tunnel.permit(node, server());
    if by_channel {
        tunnel.bind(node, 0x4000, server());
    }
    tunnel
}

fn publisher(node: &mut Node, tunnel: Option<Tunnel>) -> Peer {
    let peer = match tunnel {
        Some(tunnel) => Peer::connect_through(node, 0, extensions(), tunnel),
        None => Peer::connect(node, 0, extensions()),
    };
    node.command(Command::Publish { transport: peer.id, id: TRACK, spec: video_track() });
    peer
}

fn relayed_viewer(node: &mut Node, number: u32, by_channel: bool) -> Peer {
    let tunnel = tunnel(node, number, by_channel);
    let peer = Peer::connect_through(node, number, viewer_extensions(), tunnel);
    watch(node, &peer, TRACK, true);
    peer
}

/// Frames of one packet each, the first a keyframe, 33 ms apart.
fn play(node: &mut Node, peer: &mut Peer, numbers: core::ops::Range<u16>) {
    for sequence in numbers {
        let timestamp = u32::from(sequence) * 3000;
        peer.send(node, &vp8_packet(0x1000, sequence, timestamp, sequence == 0, true, sequence), 0);
        node.advance(Duration::from_millis(33));
    }
}

fn requests(node: &Node) -> usize {
    node.events.iter().filter(|event| matches!(event, Event::StunReceived { .. })).count()
}

/// A request without attributes.
fn request(method: u8) -> [u8; 20] {
    let mut message = [7; 20];
    message[..8].copy_from_slice(&[0, method, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
    message
}

#[test]
fn relayed_publishers_and_viewers_are_served_like_any_whichever_worker_their_packets_come_to() {
    for workers in 1..=3 {
        let mut node = node(workers);
        let through = tunnel(&mut node, 60, false);
        let mut source = publisher(&mut node, Some(through));
        let mut viewers = [
            relayed_viewer(&mut node, 1, true),
            relayed_viewer(&mut node, 2, false),
            viewer(&mut node, 3, TRACK, true),
        ];
        let mut report = Vec::new();
        rtcp::write_sender_report(&mut report, 0x1000, 1 << 40, 0, 0, 0);
        play(&mut node, &mut source, 0..5);
        source.send_rtcp(&mut node, &report);
        play(&mut node, &mut source, 5..10);
        assert!(node.sent.iter().all(|(path, _)| path.carrier == Carrier::Udp), "nothing leaves unwrapped");
        let mut payloads = Vec::new();
        for viewer in &mut viewers {
            let (media, control) = viewer.received(&mut node);
            assert_eq!(media.len(), 10);
            assert!(!control.is_empty(), "sender reports come by the same way");
            payloads.push(media.iter().map(|packet| packet[packet.len() - 102..].to_vec()).collect::<Vec<_>>());
        }
        assert!(payloads.iter().all(|packets| *packets == payloads[0]));
        let (_, control) = source.received(&mut node);
        assert!(!control.is_empty(), "and what publishers are told");
    }
}

#[test]
fn the_path_of_a_relayed_transport_says_so() {
    let mut node = node(1);
    let through = tunnel(&mut node, 60, true);
    let source = publisher(&mut node, Some(through));
    let path = Path { local: server(), remote: source.path.remote, carrier: Carrier::Relay(RelayId(60)) };
    assert_eq!(node.events, [Event::IceConnected { transport: source.id, path }]);
}

#[test]
fn dtls_and_what_is_sent_again_go_through_the_relay() {
    let mut node = node(1);
    let mut source = publisher(&mut node, None);
    let mut watcher = relayed_viewer(&mut node, 1, true);
    play(&mut node, &mut source, 0..5);
    let (media, _) = watcher.received(&mut node);
    node.command(Command::SendDtls { id: watcher.id, data: vec![22, 1, 2, 3] });
    assert_eq!(watcher.take(&mut node), [[22, 1, 2, 3]]);
    let lost = Header::parse(&media[2]).unwrap();
    let mut nack = Vec::new();
    rtcp::write_receiver_report(&mut nack, 1, &[]);
    rtcp::write_nack(&mut nack, 1, lost.ssrc, &[lost.sequence]);
    watcher.send_rtcp(&mut node, &nack);
    let (again, _) = watcher.received(&mut node);
    assert_eq!(again.len(), 1);
    assert!(again[0].ends_with(&media[2][media[2].len() - 100..]));
}

/// Everything the core has to send, as one batch.
fn drain(node: &mut Node) -> SendBatch {
    let mut batch = SendBatch::new();
    assert!(!node.cores[0].poll_transmit(node.now, &mut batch));
    batch
}

#[test]
fn the_packets_of_a_frame_leave_in_one_piece_for_each_relayed_viewer() {
    let mut node = node(1);
    let mut source = publisher(&mut node, None);
    let viewers = [relayed_viewer(&mut node, 1, true), relayed_viewer(&mut node, 2, false)];
    play(&mut node, &mut source, 0..1);
    node.sent.clear();
    for sequence in 1..9 {
        let mut sealed = vp8_packet(0x1000, sequence, 3000, false, sequence == 8, 1);
        let (len, offset) = (sealed.len(), Header::parse(&sealed).unwrap().payload_offset);
        sealed.resize(len + 32, 0);
        let len = source.sealer.seal_rtp(&mut sealed, len, offset, 0).unwrap();
        node.cores[0].handle_datagram(node.now, source.path, &mut sealed[..len]);
    }
    let batch = drain(&mut node);
    let found: Vec<_> = runs(&batch, true).map(|run| (run.path, run.count)).collect();
    let expected: Vec<_> = viewers.iter().map(|viewer| (viewer.tunnel.as_ref().unwrap().client, 8)).collect();
    assert_eq!(found.len(), 2);
    assert!(expected.iter().all(|run| found.contains(run)), "{found:?}");
}

#[test]
fn a_burst_to_one_peer_leaves_in_one_piece_and_so_does_what_comes_back() {
    let mut node = node(1);
    let mut tunnel = Tunnel::open_by(&mut node, 1, true, 0);
    tunnel.permit(&mut node, stranger());
    tunnel.bind(&mut node, 0x4000, stranger());
    let outside = Path { local: tunnel.relayed, remote: stranger(), carrier: Carrier::RelaySocket(tunnel.relay) };
    for (from, to, datagram) in
        [(tunnel.client, outside, tunnel.wrap(stranger(), &[9; 1200])), (outside, tunnel.client, vec![9; 1200])]
    {
        for _ in 0..8 {
            assert_eq!(node.cores[0].handle_relayed(node.now, from, &datagram), None);
        }
        let batch = drain(&mut node);
        let found: Vec<_> = runs(&batch, true).map(|run| (run.path, run.count)).collect();
        assert_eq!(found, [(to, 8)]);
    }
}

#[test]
fn only_what_is_to_stay_whole_is_marked() {
    let mut node = node(1);
    let tunnel = Tunnel::open_by(&mut node, 1, true, 0);
    tunnel.permit(&mut node, stranger());
    let plain = tunnel.wrap(stranger(), b"data");
    let mut whole = plain.clone();
    whole.extend([0x00, 0x1a, 0, 0]);
    whole[3] += 4;
    for message in [plain, whole] {
        node.cores[0].handle_relayed(node.now, tunnel.client, &message);
    }
    let marks: Vec<bool> = drain(&mut node).datagrams().iter().map(|datagram| datagram.dont_fragment).collect();
    assert_eq!(marks, [false, true]);
}

#[test]
fn two_relayed_clients_reach_each_other() {
    for workers in 1..=2 {
        let mut node = node(workers);
        let (mut one, other) = (Tunnel::open(&mut node, 1), Tunnel::open(&mut node, 2));
        one.bind(&mut node, 0x4001, other.relayed);
        one.permit(&mut node, other.relayed);
        one.send(&mut node, other.relayed, b"unwelcome");
        assert_eq!(other.received(&mut node), []);
        other.permit(&mut node, one.relayed);
        one.send(&mut node, other.relayed, b"hello");
        other.send(&mut node, one.relayed, b"hello yourself");
        assert_eq!(other.received(&mut node), [(one.relayed, b"hello".to_vec())]);
        assert_eq!(one.received(&mut node), [(other.relayed, b"hello yourself".to_vec())]);
        assert_eq!(node.counter("dropped_relay_not_permitted"), 1);
    }
}

#[test]
fn a_relay_that_ends_takes_its_paths_along_and_the_transport_goes_on_by_another() {
    for workers in 1..=2 {
        let mut node = node(workers);
        let mut source = publisher(&mut node, None);
        let mut watcher = relayed_viewer(&mut node, 1, true);
        let tunnel = watcher.tunnel.take().unwrap();
        let relayed = watcher.path;
        watcher.path = Path::udp(server(), "198.51.100.200:1".parse().unwrap());
        watcher.check(&mut node);
        watcher.path = relayed;
        watcher.tunnel = Some(tunnel.clone());
        node.advance(Duration::from_secs(6));
        watcher.check(&mut node);
        play(&mut node, &mut source, 0..3);
        assert_eq!(watcher.received(&mut node).0.len(), 3);

        node.events.clear();
        node.relay(RelayChange::Remove { id: tunnel.relay });
        watcher.tunnel = None;
        watcher.path = Path::udp(server(), "198.51.100.200:1".parse().unwrap());
        assert_eq!(node.events, [Event::IceConnected { transport: watcher.id, path: watcher.path }]);
        assert!(node.cores.iter().all(|core| !core.owns_path(&relayed)));
        node.sent.clear();
        play(&mut node, &mut source, 3..6);
        assert_eq!(watcher.received(&mut node).0.len(), 3);
        tunnel.send(&mut node, server(), b"\x16late");
        assert_eq!(node.counter("dropped_relay_unknown"), 1);
    }
}

#[test]
fn without_another_path_nothing_is_sent_until_the_client_checks_again() {
    let mut node = node(1);
    let mut source = publisher(&mut node, None);
    let mut watcher = relayed_viewer(&mut node, 1, true);
    node.relay(RelayChange::Remove { id: watcher.tunnel.as_ref().unwrap().relay });
    play(&mut node, &mut source, 0..3);
    assert_eq!(node.take_for(watcher.tunnel.as_ref().unwrap().client.remote), Vec::<Vec<u8>>::new());
    let again = tunnel(&mut node, 7, true);
    watcher.path = again.inside(server());
    watcher.tunnel = Some(again);
    watcher.check(&mut node);
    play(&mut node, &mut source, 3..4);
    source.send(&mut node, &vp8_packet(0x1000, 4, 12_000, true, true, 4), 0);
    assert!(!watcher.received(&mut node).0.is_empty());
}

#[test]
fn a_withdrawn_permission_silences_both_directions() {
    let mut node = node(1);
    let mut source = publisher(&mut node, None);
    let mut watcher = relayed_viewer(&mut node, 1, true);
    play(&mut node, &mut source, 0..2);
    assert_eq!(watcher.received(&mut node).0.len(), 2);
    let id = watcher.tunnel.as_ref().unwrap().relay;
    node.relay(RelayChange::Forbid { id, peer: server().ip() });
    play(&mut node, &mut source, 2..4);
    watcher.check(&mut node);
    assert_eq!(watcher.take(&mut node), Vec::<Vec<u8>>::new());
    assert!(node.counter("dropped_relay_not_permitted") >= 3);
}

#[test]
fn media_follows_a_client_that_moves() {
    let mut node = node(2);
    let mut source = publisher(&mut node, None);
    let mut watcher = relayed_viewer(&mut node, 1, true);
    let old = watcher.tunnel.clone().unwrap();
    let client = Path::udp(server(), "203.0.113.200:4444".parse().unwrap());
    node.relay(RelayChange::Move { id: old.relay, client });
    watcher.tunnel = Some(Tunnel { client, ..old.clone() });
    play(&mut node, &mut source, 0..3);
    assert_eq!(watcher.received(&mut node).0.len(), 3);
    assert_eq!(node.take_for(old.client.remote), Vec::<Vec<u8>>::new());
    old.send(&mut node, server(), b"\x16data");
    assert_eq!(node.counter("dropped_relay_unknown"), 1);
}

#[test]
fn inside_a_relay_there_is_no_relay() {
    let mut node = node(1);
    let (mut outer, inner) = (tunnel(&mut node, 1, true), tunnel(&mut node, 2, true));
    outer.bind(&mut node, 0x4005, inner.relayed);
    outer.send(&mut node, server(), &inner.wrap(server(), b"data"));
    outer.send(&mut node, server(), &Tunnel { channels: vec![], ..inner }.wrap(stranger(), b"data"));
    outer.send(&mut node, server(), &request(3));
    outer.send(&mut node, server(), &request(1));
    assert_eq!(node.counter("dropped_relay_nested"), 4);
    assert_eq!((requests(&node), node.sent.len()), (0, 0));
}

#[test]
fn requests_go_to_python_and_other_stun_does_not() {
    let mut node = node(1);
    let mut peer = Peer::connect(&mut node, 0, extensions());
    node.events.clear();
    let path = Path::udp(server(), stranger());
    for method in [1, 3, 4, 8, 9, 0x0a, 0x6f] {
        node.receive(path, &request(method));
    }
    assert_eq!(requests(&node), 7);
    let asked = Event::StunReceived { path, data: request(3).to_vec() };
    assert!(node.events.contains(&asked));
    let mut response = request(3);
    response[0] = 1;
    let mut indication = request(1);
    indication[1] |= 0x10;
    let mut cut = request(3);
    cut[3] = 4;
    for other in [response, indication, cut] {
        node.receive(path, &other);
    }
    peer.check(&mut node);
    assert_eq!((requests(&node), node.counter("dropped_stun_malformed")), (7, 3));
    assert_eq!(node.counter("stun_received"), 7);
}

#[test]
fn one_prefix_takes_only_its_share_of_pythons_time() {
    let mut node = node(1);
    for (count, path) in [(1000, stranger()), (100, "198.51.100.78:7000".parse().unwrap())] {
        for _ in 0..count {
            node.receive(Path::udp(server(), path), &request(3));
        }
    }
    assert_eq!((requests(&node), node.counter("dropped_stun_flood")), (400 + 100, 600));
    node.advance(Duration::from_secs(1));
    for _ in 0..1000 {
        node.receive(Path::udp(server(), stranger()), &request(3));
    }
    assert_eq!(requests(&node), 500 + 200);
}

#[test]
fn what_sockets_hear_goes_to_the_client_and_icmp_errors_too() {
    let mut node = node(2);
    let tunnel = Tunnel::open_by(&mut node, 1, true, 0);
    let outside = Path { local: tunnel.relayed, remote: stranger(), carrier: Carrier::RelaySocket(tunnel.relay) };
    node.receive(outside, b"uninvited");
    tunnel.permit(&mut node, stranger());
    node.receive(outside, b"an answer");
    node.receive(outside, &[]);
    let from = |data: &[u8]| (stranger(), data.to_vec());
    assert_eq!(tunnel.received(&mut node), [from(b"an answer"), from(b"")]);
    let now = node.now;
    node.cores[1].handle_icmp(now, tunnel.relay, stranger(), 3, 4, 1280);
    node.settle();
    let told = node.take_for(tunnel.client.remote);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0][32..], [0x80, 0x04, 0, 8, 0, 0, 0x06, 0x04, 0, 0, 0x05, 0x00]);
}

#[test]
fn a_limited_allocation_gets_its_rate_and_the_rest_is_dropped() {
    let mut node = node(1);
    let tunnel = Tunnel::open_by(&mut node, 1, true, 100_000);
    tunnel.permit(&mut node, stranger());
    let mut sent = 0;
    for _ in 0..100 {
        for _ in 0..20 {
            tunnel.send(&mut node, stranger(), &[0; 1000]);
        }
        sent += node.take_for(stranger()).len();
        node.advance(Duration::from_millis(100));
    }
    // The burst of 64 KiB, and what came in the 9.9 s since.
    assert_eq!(sent, 65 + 990);
    assert_eq!(node.counter("dropped_relay_over_limit"), 2000 - 65 - 990);
}

#[test]
fn statistics_are_of_payloads() {
    let mut node = node(1);
    let tunnel = tunnel(&mut node, 1, true);
    let mut peer = Peer::connect_through(&mut node, 1, extensions(), tunnel.clone());
    let before = node.cores[0].relay_stats();
    node.command(Command::SendDtls { id: peer.id, data: vec![22; 100] });
    peer.deliver(&mut node, &[22; 50]);
    let after = node.cores[0].relay_stats();
    assert_eq!((after[0].bytes_sent - before[0].bytes_sent, after[0].packets_sent - before[0].packets_sent), (100, 1));
    assert_eq!(after[0].bytes_received - before[0].bytes_received, 50);
    peer.check(&mut node);
    node.command(Command::RemoveTransport { id: peer.id });
    node.relay(RelayChange::Remove { id: tunnel.relay });
    node.events.clear();
    assert!(node.cores[0].is_idle());
}

#[test]
fn a_check_on_its_way_when_its_relay_ends_makes_no_path() {
    let mut node = node(2);
    let mut peer = Peer::announce(&mut node, 1, extensions());
    let tunnel = tunnel(&mut node, 1, true);
    peer.path = tunnel.inside(server());
    peer.check(&mut node);
    node.relay(RelayChange::Remove { id: tunnel.relay });
    node.sent.clear();
    peer.check(&mut node);
    assert!(node.cores.iter().all(|core| !core.owns_path(&peer.path)));
    assert!(node.sent.is_empty());
    assert_eq!(peer.id.home(2), WorkerId(1));
    assert_eq!(peer.id, TransportId(1));
}
