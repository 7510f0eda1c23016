//! An engine that relays for clients by UDP: to peers, through sockets of its own, and back.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use core::time::Duration;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::process::Command as Program;
use std::time::Instant;

use sluice_datapath::command::{Reach, RelayChange};
use sluice_datapath::engine::controls::{Controls, Relayed};
use sluice_datapath::engine::{Engine, Options};
use sluice_datapath::ids::RelayId;
use sluice_datapath::net::counters::ShellCounters;
use sluice_datapath::net::relay_socket::RelaySocket;
use sluice_datapath::net::sys::{Interest, Message, ReceiveBatch, SendScratch, WaitSet};
use sluice_datapath::path::Path;

/// Beyond this a test fails; nothing here takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The channel every client binds to its peer.
const CHANNEL: u16 = 0x4001;

/// What tells that everything is in place; tests do not see it.
const PROBE: &[u8] = b"probe";

const LOOPBACKS: [&str; 2] = ["127.0.0.1:0", "[::1]:0"];

fn engine(listen: &str, workers: u16) -> Engine {
    Engine::start(&[listen.parse().unwrap()], Options { workers, ..Options::default() }).unwrap()
}

fn counter(engine: &Engine, name: &str) -> u64 {
    engine.counters().into_iter().find(|(known, _)| *known == name).unwrap().1
}

/// Waits until `condition` holds, looking again every few milliseconds.
fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        WaitSet::default().wait(Some(Duration::from_millis(5))).unwrap();
    }
}

/// A client or a peer. It can send bursts in one call, as encoders do.
struct End(RelaySocket);

impl End {
    fn bind(address: &str) -> Self {
        Self(RelaySocket::bind(address.parse().unwrap()).unwrap())
    }

    fn address(&self) -> SocketAddr {
        self.0.local()
    }

    fn send(&self, datagrams: &[Vec<u8>], to: SocketAddr) {
        let mut scratch = SendScratch::new();
        let mut send = |bytes: &[u8], segment| {
            self.0.send([Message { bytes, segment, source: None, destination: to }], &mut scratch)
        };
        let segment = (datagrams.len() > 1).then(|| u16::try_from(datagrams[0].len()).unwrap());
        if send(&datagrams.concat(), segment).is_err() {
            // Where each has to be fragmented, they go one by one.
            datagrams.iter().for_each(|datagram| assert_eq!(send(datagram, None).unwrap(), 1));
        }
    }

    /// What comes within `patience`, at least one datagram, if any.
    fn look(&self, patience: Duration) -> Vec<(Vec<u8>, SocketAddr)> {
        let mut wait = WaitSet::default();
        wait.add(self.0.as_fd(), Interest::Readable);
        wait.wait(Some(patience)).unwrap();
        let mut batch = ReceiveBatch::joined();
        self.0.receive(&mut batch, &mut ShellCounters::default());
        batch.iter_mut().map(|(meta, datagram)| (datagram.to_vec(), meta.source.unwrap())).collect()
    }

    /// The next `count` datagrams, which must come from one address, and that address.
    fn receive(&self, count: usize) -> (Vec<Vec<u8>>, SocketAddr) {
        let mut got = Vec::new();
        while got.len() < count {
            let came = self.look(PATIENCE);
            assert!(!came.is_empty(), "{} of {count} came", got.len());
            got.extend(came.into_iter().filter(|(datagram, _)| !datagram.ends_with(PROBE)));
        }
        let (datagrams, sources): (Vec<_>, Vec<_>) = got.into_iter().unzip();
        assert!(datagrams.len() == count && sources.iter().all(|source| *source == sources[0]));
        (datagrams, sources[0])
    }
}

/// An allocation for a client, as Python makes one, that may talk to one peer.
struct Allocation {
    id: RelayId,
    client: End,
    server: SocketAddr,
    relayed: SocketAddr,
}

impl Allocation {
    fn new(engine: &Engine, peer: SocketAddr) -> Self {
        let server = engine.local_addresses()[0];
        let any = SocketAddr::new(server.ip(), 0).to_string();
        let client = End::bind(&any);
        let socket = RelaySocket::bind(any.parse().unwrap()).unwrap();
        let relayed = socket.local();
        // As behind a NAT: what clients are told is another address.
        let announced = if server.is_ipv4() { "192.0.2.1" } else { "2001:db8::1" };
        let announced = SocketAddr::new(announced.parse().unwrap(), relayed.port());
        let path = Path::udp(server, client.address());
        let id = engine.add_relay(path, vec![Relayed::Bound(announced, socket)], 0).unwrap();
        engine.change_relays(RelayChange::Permit { id, peer: peer.ip(), reach: Reach::Anywhere }).unwrap();
        engine.change_relays(RelayChange::BindChannel { id, channel: CHANNEL, peer }).unwrap();
        Self { id, client, server, relayed }
    }

    /// Sends probes until one has gone all the way, so that every worker on it knows the allocation.
    fn settle(self, peer: &End) -> Self {
        eventually("a probe comes back", || {
            self.send(&[PROBE.to_vec()]);
            let arrived = peer.look(Duration::from_millis(20));
            for (probe, from) in &arrived {
                peer.send(core::slice::from_ref(probe), *from);
            }
            !arrived.is_empty() && !self.client.look(Duration::from_millis(20)).is_empty()
        });
        self
    }

    /// ChannelData for the peer.
    fn send(&self, datagrams: &[Vec<u8>]) {
        let framed: Vec<Vec<u8>> = datagrams.iter().map(|data| channel_data(data)).collect();
        self.client.send(&framed, self.server);
    }

    /// A Send indication for the peer.
    fn send_indication(&self, peer: SocketAddr, data: &[u8], dont_fragment: bool) {
        let mut message = [&[0x00, 0x16, 0, 0, 0x21, 0x12, 0xa4, 0x42], &[7; 12][..]].concat();
        let SocketAddr::V4(v4) = peer else { panic!("by IPv4 only") };
        let port = (v4.port() ^ 0x2112).to_be_bytes();
        let ip = (u32::from(*v4.ip()) ^ 0x2112_a442).to_be_bytes();
        message.extend([&[0x00, 0x12, 0, 8, 0, 1], &port[..], &ip[..]].concat());
        if dont_fragment {
            message.extend([0x00, 0x1a, 0, 0]);
        }
        message.extend([&[0x00, 0x13], &u16::try_from(data.len()).unwrap().to_be_bytes()[..], data].concat());
        message.resize(message.len().next_multiple_of(4), 0);
        let length = u16::try_from(message.len() - 20).unwrap();
        message[2..4].copy_from_slice(&length.to_be_bytes());
        self.client.send(&[message], self.server);
    }

    /// What has come from the peer as ChannelData.
    fn receive(&self, count: usize) -> Vec<Vec<u8>> {
        let (framed, from) = self.client.receive(count);
        assert_eq!(from, self.server);
        framed
            .into_iter()
            .map(|framed| {
                let (header, data) = framed.split_at(4);
                assert_eq!(header[..2], CHANNEL.to_be_bytes());
                assert_eq!(usize::from(u16::from_be_bytes([header[2], header[3]])), data.len());
                data.to_vec()
            })
            .collect()
    }

    /// Type, code and data of the ICMP error that comes as a Data indication about what was sent to `peer`.
    fn receive_icmp(&self, peer: SocketAddr) -> (u8, u8, u32) {
        let (messages, _) = self.client.receive(1);
        let message = &messages[0];
        assert_eq!(message[..2], [0x00, 0x17]);
        let port = u16::from_be_bytes([message[26], message[27]]) ^ 0x2112;
        assert_eq!(port, peer.port(), "XOR-PEER-ADDRESS");
        let icmp = &message[message.len() - 12..];
        assert_eq!(icmp[..4], [0x80, 0x04, 0, 8]);
        let both = u16::from_be_bytes([icmp[6], icmp[7]]);
        let data = u32::from_be_bytes([icmp[8], icmp[9], icmp[10], icmp[11]]);
        ((both >> 9) as u8, (both & 0x1ff) as u8, data)
    }
}

fn channel_data(data: &[u8]) -> Vec<u8> {
    [&CHANNEL.to_be_bytes()[..], &u16::try_from(data.len()).unwrap().to_be_bytes(), data].concat()
}

/// As an encoder sends a frame: equal packets and a shorter one.
fn frame(number: u8) -> Vec<Vec<u8>> {
    (0..8u8).map(|packet| [vec![number, packet], vec![packet; 1198]].concat()).chain([vec![number; 77]]).collect()
}

#[test]
fn frames_reach_the_peer_from_the_relayed_address_and_come_back_whole() {
    for address in LOOPBACKS {
        let engine = engine(address, 2);
        let peer = End::bind(address);
        let allocate = |_| Allocation::new(&engine, peer.address()).settle(&peer);
        let allocations: Vec<Allocation> = (0..12).map(allocate).collect();
        for number in 0..5 {
            for allocation in &allocations {
                allocation.send(&frame(number));
                let (packets, from) = peer.receive(9);
                assert_eq!((packets, from), (frame(number), allocation.relayed));
                peer.send(&frame(number), from);
                assert_eq!(allocation.receive(9), frame(number));
            }
        }
        // Unless a worker is so quick that it sees half a frame, each leaves in one call, either way.
        let datagrams = 12 * 5 * 2 * 9;
        eventually("the snapshot", || counter(&engine, "datagrams_sent") >= datagrams);
        assert!(counter(&engine, "datagrams_segmented") > datagrams / 2);
    }
}

#[test]
fn the_client_hears_that_nobody_listens_at_the_peer() {
    for (address, expected) in LOOPBACKS.into_iter().zip([(3, 3, 0), (1, 4, 0)]) {
        let engine = engine(address, 2);
        let peer = End::bind(address);
        let allocation = Allocation::new(&engine, peer.address()).settle(&peer);
        let gone = peer.address();
        drop(peer);
        for _ in 0..3 {
            allocation.send(&[b"anybody there?".to_vec()]);
            assert_eq!(allocation.receive_icmp(gone), expected);
        }
        // Whoever binds the port next can be reached although errors have come.
        let peer = End(RelaySocket::bind(gone).unwrap());
        allocation.send(&[b"hello".to_vec()]);
        assert_eq!(peer.receive(1).0, [b"hello"]);
    }
}

#[test]
fn an_allocation_that_ends_leaves_its_port_free_at_once() {
    let engine = engine("127.0.0.1:0", 2);
    let peer = End::bind("127.0.0.1:0");
    let allocations: Vec<Allocation> = (0..300).map(|_| Allocation::new(&engine, peer.address())).collect();
    for allocation in &allocations {
        engine.remove_relay(allocation.id).unwrap();
        drop(RelaySocket::bind(allocation.relayed).unwrap());
    }
    let last = allocations.into_iter().next_back().unwrap();
    last.send(&[b"too late".to_vec()]);
    eventually("the snapshot", || counter(&engine, "dropped_relay_unknown") == 1);
}

#[test]
fn a_socket_is_closed_if_its_allocation_is_refused() {
    let engine = engine("127.0.0.1:0", 1);
    engine.close();
    let socket = RelaySocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let relayed = socket.local();
    let client = Path::udp(engine.local_addresses()[0], "127.0.0.1:9".parse().unwrap());
    assert!(engine.add_relay(client, vec![Relayed::Bound(relayed, socket)], 0).is_err());
    RelaySocket::bind(relayed).unwrap();
}

/// The loopback device takes any datagram whole, so this is about another one, in a network of its own.
#[test]
fn what_must_not_be_fragmented_is_answered_if_it_does_not_fit() {
    let mut unshare = Program::new("unshare");
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        unshare.arg("--map-root-user");
    }
    let script = r#"ip link set lo mtu 1300 && ip link set lo up && exec "$0" --exact --ignored where_the_mtu_is_1300"#;
    let status = unshare.args(["--net", "sh", "-c", script]).arg(std::env::current_exe().unwrap()).status();
    assert!(status.unwrap().success());
}

#[test]
#[ignore = "run by the test above, in a network of its own"]
fn where_the_mtu_is_1300() {
    let engine = engine("127.0.0.1:0", 2);
    let peer = End::bind("127.0.0.1:0");
    let allocation = Allocation::new(&engine, peer.address()).settle(&peer);
    let fits = vec![1; 1300 - 28];
    allocation.send_indication(peer.address(), &fits, true);
    assert_eq!(peer.receive(1).0, [fits]);
    let too_long = vec![2; 1300 - 27];
    allocation.send_indication(peer.address(), &too_long, true);
    assert_eq!(allocation.receive_icmp(peer.address()), (3, 4, 1300));
    allocation.send_indication(peer.address(), &too_long, false);
    assert_eq!(peer.receive(1).0, core::slice::from_ref(&too_long));
    // Datagrams of which each is too long cannot leave in one call, but they do leave.
    allocation.send(&[too_long.clone(), too_long.clone()]);
    assert_eq!(peer.receive(2).0, [too_long.clone(), too_long]);
}
