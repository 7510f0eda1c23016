//! The worker threads over real loopback sockets, with real checks and real SRTP.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod common;

use core::time::Duration;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use common::{video_egress, video_track, viewer_extensions, vp8_packet, PROFILE};
use sluice_datapath::command::Command;
use sluice_datapath::engine::controls::{Controls, Refused};
use sluice_datapath::engine::{Engine, Options};
use sluice_datapath::event::Event;
use sluice_datapath::ice::Credentials;
use sluice_datapath::ids::{TrackId, TransportId};
use sluice_datapath::net::listen::BufferSizes;
use sluice_datapath::net::sys::{Interest, WaitSet};
use sluice_datapath::packet::rtp::Header;
use sluice_datapath::packet::{classify, stun, Class};
use sluice_datapath::srtp::{Opener, Sealer};

/// Beyond this a test fails; nothing here takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(10);

fn engine(listen: &[&str]) -> Engine {
    let listen: Vec<SocketAddr> = listen.iter().map(|address| address.parse().unwrap()).collect();
    let buffers = BufferSizes { receive: 4 << 20, send: 4 << 20 };
    Engine::start(&listen, Options { workers: 2, event_capacity: 1024, buffers, ..Options::default() }).unwrap()
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

/// ICE users are named after it.
static NEXT_USER: AtomicU32 = AtomicU32::new(1);

/// A client with a socket of its own.
struct Client {
    socket: UdpSocket,
    server: SocketAddr,
    id: TransportId,
    ufrag: String,
    pwd: String,
    sealer: Sealer,
    opener: Opener,
}

impl Client {
    /// Checked and keyed.
    fn connect(engine: &Engine, server: SocketAddr) -> Self {
        let ip = if server.is_ipv4() { "127.0.0.1" } else { "::1" };
        Self::connect_from(engine, server, UdpSocket::bind((ip, 0)).unwrap())
    }

    fn connect_from(engine: &Engine, server: SocketAddr, socket: UdpSocket) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let number = NEXT_USER.fetch_add(1, Ordering::Relaxed);
        let (ufrag, pwd) = (format!("user{number}"), format!("password-of-22-or-more-{number}"));
        let credentials = Credentials { ufrag: ufrag.clone(), pwd: pwd.clone(), remote_ufrag: "them".into() };
        let id = engine.add_transport(credentials, viewer_extensions()).unwrap();
        let (mut receive, mut send) = (vec![0x11; PROFILE.key_len() + PROFILE.salt_len()], vec![0x22; 28]);
        receive[..4].copy_from_slice(&id.0.to_be_bytes());
        send[..4].copy_from_slice(&id.0.to_be_bytes());
        let sealer = Sealer::new(PROFILE, &receive).unwrap();
        let opener = Opener::new(PROFILE, &send).unwrap();
        engine.submit(Command::InstallKeys { id, profile: PROFILE, receive, send }).unwrap();
        let client = Self { socket, server, id, ufrag, pwd, sealer, opener };
        client.check();
        client
    }

    /// Sends a check and waits for its answer.
    fn check(&self) {
        let username = format!("{}:them", self.ufrag);
        let mut request = Vec::new();
        stun::write_binding_request(&mut request, [7; 12], &username, self.pwd.as_bytes(), 1, Some(9), true);
        self.send(&request);
        let answer = self.receive(Class::Stun);
        let answer = stun::Message::parse(&answer).unwrap();
        assert!(answer.is_binding_success() && answer.integrity_valid(self.pwd.as_bytes()));
        assert_eq!(answer.xor_mapped_address(), Some(self.socket.local_addr().unwrap()));
    }

    fn send(&self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.server).unwrap();
    }

    fn send_rtp(&self, packet: &[u8]) {
        let header = Header::parse(packet).unwrap();
        let mut bytes = packet.to_vec();
        bytes.resize(packet.len() + PROFILE.rtp_overhead(), 0);
        let len = self.sealer.seal_rtp(&mut bytes, packet.len(), header.payload_offset, 0).unwrap();
        self.send(&bytes[..len]);
    }

    /// The next datagram of this class, which must come from the address we send to.
    fn receive(&self, class: Class) -> Vec<u8> {
        let mut buffer = [0; 2048];
        loop {
            let (len, from) = self.socket.recv_from(&mut buffer).unwrap();
            assert_eq!(from, self.server);
            if classify(&buffer[..len]) == class {
                return buffer[..len].to_vec();
            }
        }
    }

    fn receive_rtp(&mut self) -> (Header, Vec<u8>) {
        let mut bytes = self.receive(Class::Rtp);
        let header = Header::parse(&bytes).unwrap();
        let len = self.opener.open_rtp(&mut bytes, &header).unwrap().len;
        bytes.truncate(len);
        (header, bytes)
    }

    fn publish(&self, engine: &Engine) -> TrackId {
        engine.publish(self.id, video_track()).unwrap()
    }

    fn watch(&self, engine: &Engine, track: TrackId) {
        let egress = engine.subscribe(self.id, video_egress(self.id.0, true)).unwrap();
        let payload_types = vec![(96, (100, Some(101)))];
        engine.submit(Command::SetSource { egress, track: Some(track), payload_types, layer: None }).unwrap();
    }
}

/// Sends keyframes until the first reaches each viewer, so that all commands and interests have settled.
fn warm_up(publisher: &Client, viewers: &mut [Client], first: u16) -> u16 {
    let mut sequence = first;
    for viewer in viewers {
        viewer.socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let deadline = Instant::now() + PATIENCE;
        let mut buffer = [0; 2048];
        loop {
            publisher.send_rtp(&vp8_packet(0x1000, sequence, u32::from(sequence) * 3000, true, true, sequence));
            sequence += 1;
            assert!(Instant::now() < deadline, "nothing is forwarded");
            let Ok((len, _)) = viewer.socket.recv_from(&mut buffer) else { continue };
            if classify(&buffer[..len]) == Class::Rtp {
                break;
            }
        }
        viewer.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    sequence
}

/// Every viewer gets the packets with these marks, once each and in order.
fn play(publisher: &Client, viewers: &mut [Client], first: u16, count: u16, mut between: impl FnMut(u16)) {
    for sequence in first..first + count {
        between(sequence);
        publisher.send_rtp(&vp8_packet(0x1000, sequence, u32::from(sequence) * 3000, true, true, sequence));
    }
    for viewer in viewers {
        let mut expected = first;
        let mut previous: Option<u16> = None;
        while expected < first + count {
            let (header, packet) = viewer.receive_rtp();
            if header.ssrc != video_egress(viewer.id.0, true).ssrc {
                continue;
            }
            assert_eq!(header.payload_type, 100);
            if let Some(previous) = previous {
                assert_eq!(header.sequence, previous.wrapping_add(1));
            }
            previous = Some(header.sequence);
            // The mark the publisher put into the payload.
            let mark = &packet[header.payload_offset + 5..header.payload_offset + 7];
            let mark = u16::from_be_bytes([mark[0], mark[1]]);
            if mark >= first {
                assert_eq!(mark, expected);
                expected += 1;
            }
        }
    }
}

#[test]
fn a_broadcast_reaches_every_viewer_whichever_worker_their_datagrams_come_to() {
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        let engine = engine(&[listen]);
        let server = engine.local_addresses()[0];
        let publisher = Client::connect(&engine, server);
        let track = publisher.publish(&engine);
        let mut viewers: Vec<Client> = (0..16).map(|_| Client::connect(&engine, server)).collect();
        viewers.iter().for_each(|viewer| viewer.watch(&engine, track));
        let next = warm_up(&publisher, &mut viewers, 1);
        play(&publisher, &mut viewers, next, 50, |_| {});
        // The kernel knows nothing of who lives where: of 17 clients some came to the wrong worker.
        eventually("some datagrams are passed on", || counter(&engine, "datagrams_rerouted") > 0);
        eventually("both workers report", || engine.stats().len() == 17);
        assert!(engine.stats().iter().all(|stats| stats.connected && stats.encrypted && stats.packets_sent > 0));
        assert_eq!(counter(&engine, "panics") + counter(&engine, "dropped_mailbox_full"), 0);
    }
}

#[test]
fn hostile_datagrams_are_counted_and_harm_nobody() {
    let engine = engine(&["127.0.0.1:0"]);
    let server = engine.local_addresses()[0];
    let publisher = Client::connect(&engine, server);
    let track = publisher.publish(&engine);
    let mut viewers: Vec<Client> = (0..4).map(|_| Client::connect(&engine, server)).collect();
    viewers.iter().for_each(|viewer| viewer.watch(&engine, track));
    let next = warm_up(&publisher, &mut viewers, 1);
    let strangers: Vec<UdpSocket> = (0..8).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut check = Vec::new();
    let username = format!("{}:them", publisher.ufrag);
    stun::write_binding_request(&mut check, [1; 12], &username, b"a password that is wrong", 1, Some(9), true);
    play(&publisher, &mut viewers, next, 60, |sequence| {
        let stranger = &strangers[random() as usize % strangers.len()];
        let mut noise: Vec<u8> = (0..random() as usize % 1400).map(|_| random() as u8).collect();
        stranger.send_to(&noise, server).unwrap();
        for first_byte in [0, 22, 64, 128, 255] {
            noise.resize(200, 0);
            noise[0] = first_byte;
            stranger.send_to(&noise, server).unwrap();
        }
        stranger.send_to(&[], server).unwrap();
        stranger.send_to(&[0x80; 65_507], server).unwrap();
        stranger.send_to(&check, server).unwrap();
        stranger.send_to(&check[..random() as usize % check.len()], server).unwrap();
        // From a validated path as well, where SRTP must be authentic.
        let mut forged = vp8_packet(0x1000, sequence + 500, 0, true, true, 0);
        forged.resize(forged.len() + PROFILE.rtp_overhead(), 0);
        publisher.send(&forged);
    });
    for name in [
        "dropped_oversize",
        "dropped_unknown_protocol",
        "dropped_stun_malformed",
        "dropped_stun_forged",
        "dropped_unknown_path",
        "dropped_forged",
    ] {
        eventually(name, || counter(&engine, name) >= 60);
    }
    assert_eq!(counter(&engine, "panics"), 0);
}

#[test]
fn answers_and_media_leave_from_the_address_the_client_came_to() {
    let engine = engine(&["0.0.0.0:0", "[::]:0"]);
    let [v4, v6] = engine.local_addresses() else { panic!("two addresses") };
    assert_eq!(v4.port(), v6.port());
    let at = |ip: &str| SocketAddr::new(ip.parse().unwrap(), v4.port());
    // Every receive of a client checks where it comes from.
    let publisher = Client::connect(&engine, at("127.0.0.2"));
    let track = publisher.publish(&engine);
    let mut viewers: Vec<Client> =
        ["127.0.0.1", "127.0.0.3", "::1"].iter().map(|ip| Client::connect(&engine, at(ip))).collect();
    viewers.iter().for_each(|viewer| viewer.watch(&engine, track));
    let next = warm_up(&publisher, &mut viewers, 1);
    play(&publisher, &mut viewers, next, 10, |_| {});
}

#[test]
fn a_reused_socket_belongs_to_the_transport_that_checked_last() {
    let engine = engine(&["127.0.0.1:0"]);
    let server = engine.local_addresses()[0];
    let first = Client::connect(&engine, server);
    // Transports take turns among workers, so this one lives on the other.
    let second = Client::connect_from(&engine, server, first.socket.try_clone().unwrap());
    assert_ne!(first.id.home(2), second.id.home(2));
    let track = second.publish(&engine);
    let mut viewers = [Client::connect(&engine, server), Client::connect(&engine, server)];
    viewers.iter().for_each(|viewer| viewer.watch(&engine, track));
    let next = warm_up(&second, &mut viewers, 1);
    play(&second, &mut viewers, next, 20, |_| {});
}

#[test]
fn dtls_goes_up_as_events_and_down_as_commands() {
    let engine = engine(&["127.0.0.1:0"]);
    let client = Client::connect(&engine, engine.local_addresses()[0]);
    client.send(&[22, 254, 253, 1, 2, 3]);
    let mut wait = WaitSet::default();
    let place = wait.add(engine.event_fd(), Interest::Readable);
    let mut events = Vec::new();
    while !events.iter().any(|event| matches!(event, Event::DtlsReceived { .. })) {
        wait.wait(Some(PATIENCE)).unwrap();
        assert!(wait.is_ready(place), "no event came");
        events.extend(engine.drain_events(100));
    }
    assert!(events.contains(&Event::DtlsReceived { transport: client.id, data: vec![22, 254, 253, 1, 2, 3] }));
    assert!(events.iter().any(|event| {
        matches!(event, Event::IceConnected { transport, path }
            if *transport == client.id && path.remote == client.socket.local_addr().unwrap())
    }));
    engine.submit(Command::SendDtls { id: client.id, data: vec![22, 9, 9] }).unwrap();
    assert_eq!(client.receive(Class::Dtls), [22, 9, 9]);
}

#[test]
fn closing_is_prompt_frees_the_port_and_refuses_commands() {
    let engine = engine(&["127.0.0.1:0"]);
    let server = engine.local_addresses()[0];
    let client = Client::connect(&engine, server);
    assert!(UdpSocket::bind(server).is_err());
    let start = Instant::now();
    engine.close();
    engine.close();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(engine.remove_transport(client.id), Err(Refused::Closed));
    UdpSocket::bind(server).unwrap();
}

#[test]
fn a_worker_with_nothing_to_do_sleeps() {
    let engine = engine(&["127.0.0.1:0"]);
    let client = Client::connect(&engine, engine.local_addresses()[0]);
    eventually("a first snapshot", || engine.stats().iter().any(|stats| stats.transport == client.id));
    let wakeups = counter(&engine, "wakeups");
    let idle = engine.stats()[0].idle;
    eventually("another snapshot", || engine.stats()[0].idle >= idle + Duration::from_millis(1900));
    let more = counter(&engine, "wakeups") - wakeups;
    assert!(more <= 20, "{more} wake-ups of two workers in two seconds");
}
