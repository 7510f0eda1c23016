//! A publisher and viewers in virtual time, with real checks and real SRTP, around one or more cores.
#![allow(dead_code, clippy::unwrap_used, reason = "shared by several test programs; a test may fail loudly")]

pub mod tunnel;

use core::time::Duration;
use std::net::SocketAddr;

use sluice_datapath::batch::SendBatch;
use sluice_datapath::command::{Command, RelayChange};
use sluice_datapath::core::{Claim, Core};
use sluice_datapath::event::Event;
use sluice_datapath::ice::Credentials;
use sluice_datapath::ids::{EgressId, TrackId, TransportId, WorkerId};
use sluice_datapath::media::{CodecSpec, EgressSpec, Kind, TrackSpec, MAX_LAYERS};
use sluice_datapath::message::Message;
use sluice_datapath::packet::codec::Codec;
use sluice_datapath::packet::extensions::{ExtensionKind, ExtensionMap};
use sluice_datapath::packet::rtcp::{self, Packet};
use sluice_datapath::packet::rtp::{self, Header, HeaderFields};
use sluice_datapath::packet::{classify, stun, Class};
use sluice_datapath::path::Path;
use sluice_datapath::srtp::{Opener, Profile, Sealer};
use sluice_datapath::time::Instant;
use tunnel::Tunnel;

pub const PROFILE: Profile = Profile::AeadAes128Gcm;
pub const SERVER: &str = "192.0.2.1:3478";
pub const MID: u8 = 4;
pub const ABS_SEND_TIME: u8 = 2;
pub const TWCC: u8 = 3;
pub const RID: u8 = 10;
pub const REPAIRED_RID: u8 = 11;

/// Several cores and the messages between them.
pub struct Node {
    pub cores: Vec<Core>,
    pub now: Instant,
    pub events: Vec<Event>,
    pub sent: Vec<(Path, Vec<u8>)>,
    /// Media packets that went from one core to another, by layer.
    pub carried: [usize; MAX_LAYERS],
}

impl Node {
    pub fn new(workers: u16) -> Self {
        Self {
            cores: (0..workers).map(|index| Core::new(WorkerId(index), workers)).collect(),
            now: Instant::from_micros(1_000_000),
            events: Vec::new(),
            sent: Vec::new(),
            carried: [0; MAX_LAYERS],
        }
    }

    pub fn workers(&self) -> u16 {
        self.cores.len() as u16
    }

    pub fn command(&mut self, command: Command) {
        let home = command.home(self.workers());
        self.cores[usize::from(home.0)].handle_command(self.now, command);
        self.settle();
    }

    pub fn relay(&mut self, change: RelayChange) {
        for core in &mut self.cores {
            core.handle_relay_change(self.now, change.clone());
        }
        self.settle();
    }

    /// Whichever core has it, relays what is to be relayed; all else goes to the core that owns its path or its ICE user,
    /// as the shell would have it.
    pub fn receive(&mut self, mut path: Path, datagram: &[u8]) {
        let mut bytes = datagram.to_vec();
        if Core::is_relayed(&path, &bytes) {
            let any = usize::from(path.remote.port()) % self.cores.len();
            let inner = self.cores[any].handle_relayed(self.now, path, &bytes);
            self.settle();
            let Some((inner, data)) = inner else { return };
            (path, bytes) = (inner, bytes[data].to_vec());
        }
        let owner = match classify(&bytes) {
            Class::Stun => stun::Message::parse(&bytes).ok().and_then(|message| {
                let user = message.username()?.split(':').next()?.to_owned();
                self.cores.iter().position(|core| core.owns_ufrag(&user))
            }),
            _ => self.cores.iter().position(|core| core.owns_path(&path)),
        };
        let now = self.now;
        self.cores[owner.unwrap_or(0)].handle_datagram(now, path, &mut bytes);
        self.settle();
    }

    /// Carry messages and collect output until nothing moves.
    pub fn settle(&mut self) {
        loop {
            let mut moved = false;
            for index in 0..self.cores.len() {
                let mut batch = SendBatch::new();
                loop {
                    let more = self.cores[index].poll_transmit(self.now, &mut batch);
                    self.sent.extend(batch.iter().map(|(path, bytes)| (path, bytes.to_vec())));
                    batch.clear();
                    if !more {
                        break;
                    }
                }
                while let Some(event) = self.cores[index].poll_event() {
                    self.events.push(event);
                }
                while let Some(claim) = self.cores[index].poll_claim() {
                    let Claim::Path(path) = claim else { continue };
                    for (_, core) in self.cores.iter_mut().enumerate().filter(|(other, _)| *other != index) {
                        core.lose_path(&path);
                    }
                }
                while let Some((to, message)) = self.cores[index].poll_message() {
                    moved = true;
                    if let Message::Media(packet) = &message {
                        self.carried[usize::from(packet.layer)] += 1;
                    }
                    self.cores[usize::from(to.0)].handle_message(self.now, message);
                }
            }
            if !moved {
                return;
            }
        }
    }

    /// Let time pass, running every timer at its moment.
    pub fn advance(&mut self, duration: Duration) {
        let end = self.now + duration;
        for step in 0.. {
            assert!(step < 100_000, "a deadline does not move");
            let next = self.cores.iter().filter_map(Core::next_deadline).min().filter(|at| *at <= end);
            let Some(at) = next else { break };
            self.now = self.now.max(at);
            for core in &mut self.cores {
                core.handle_timeout(self.now);
            }
            self.settle();
        }
        self.now = end;
    }

    /// What was sent to a peer since the last call.
    pub fn take_for(&mut self, remote: SocketAddr) -> Vec<Vec<u8>> {
        let (mine, rest) = core::mem::take(&mut self.sent).into_iter().partition(|(path, _)| path.remote == remote);
        self.sent = rest;
        mine.into_iter().map(|(_, bytes)| bytes).collect()
    }

    pub fn counter(&self, name: &str) -> u64 {
        self.cores
            .iter()
            .map(|core| core.counters().iter().find(|(known, _)| *known == name).map_or(0, |(_, value)| value))
            .sum()
    }
}

/// A client: its address, its ICE user and its keys.
pub struct Peer {
    pub id: TransportId,
    pub path: Path,
    /// How it gets there, if its path is within a relay.
    pub tunnel: Option<Tunnel>,
    pub sealer: Sealer,
    pub opener: Opener,
    pub ufrag: String,
    pub pwd: String,
}

pub fn extensions() -> ExtensionMap {
    ExtensionMap::new([
        (ExtensionKind::Mid, MID),
        (ExtensionKind::AbsSendTime, ABS_SEND_TIME),
        (ExtensionKind::TransportWideCc, TWCC),
        (ExtensionKind::Rid, RID),
        (ExtensionKind::RepairedRid, REPAIRED_RID),
    ])
}

pub fn viewer_extensions() -> ExtensionMap {
    ExtensionMap::new([(ExtensionKind::Mid, MID), (ExtensionKind::AbsSendTime, ABS_SEND_TIME)])
}

impl Peer {
    /// A transport that has checked and has keys.
    pub fn connect(node: &mut Node, number: u32, map: ExtensionMap) -> Self {
        Self::announce(node, number, map).connected(node)
    }

    /// The same by way of a relay, which has permission.
    pub fn connect_through(node: &mut Node, number: u32, map: ExtensionMap, tunnel: Tunnel) -> Self {
        let mut peer = Self::announce(node, number, map);
        peer.path = tunnel.inside(SERVER.parse().unwrap());
        peer.tunnel = Some(tunnel);
        peer.connected(node)
    }

    fn connected(mut self, node: &mut Node) -> Self {
        self.check(node);
        self.install_keys(node);
        self.take(node);
        self
    }

    /// A transport the node knows, that has done nothing yet.
    pub fn announce(node: &mut Node, number: u32, map: ExtensionMap) -> Self {
        let id = TransportId(number);
        let (ufrag, pwd) = (format!("user{number:04}"), format!("password-of-22-or-more-{number:04}"));
        let credentials = Credentials { ufrag: ufrag.clone(), pwd: pwd.clone(), remote_ufrag: "them".into() };
        node.command(Command::AddTransport { id, credentials, extensions: Box::new(map) });
        let remote = SocketAddr::from(([198, 51, 100, (number % 250) as u8], 10_000 + number as u16));
        let (client, server) = keys(number);
        Self {
            id,
            path: Path::udp(SERVER.parse().unwrap(), remote),
            tunnel: None,
            sealer: Sealer::new(PROFILE, &client).unwrap(),
            opener: Opener::new(PROFILE, &server).unwrap(),
            ufrag,
            pwd,
        }
    }

    pub fn check(&mut self, node: &mut Node) {
        let mut request = Vec::new();
        let username = format!("{}:them", self.ufrag);
        stun::write_binding_request(&mut request, [7; 12], &username, self.pwd.as_bytes(), 1 << 24, Some(9), true);
        self.deliver(node, &request);
    }

    pub fn install_keys(&mut self, node: &mut Node) {
        let (client, server) = keys(self.id.0);
        node.command(Command::InstallKeys { id: self.id, profile: PROFILE, receive: client, send: server });
    }

    /// Seal one RTP packet and let it arrive.
    pub fn send(&mut self, node: &mut Node, packet: &[u8], roc: u32) {
        let mut bytes = packet.to_vec();
        let header = Header::parse(&bytes).unwrap();
        let len = bytes.len();
        bytes.resize(len + 32, 0);
        let sealed = self.sealer.seal_rtp(&mut bytes, len, header.payload_offset, roc).unwrap();
        self.deliver(node, &bytes[..sealed]);
    }

    pub fn send_rtcp(&mut self, node: &mut Node, compound: &[u8]) {
        let mut bytes = compound.to_vec();
        self.sealer.seal_rtcp(&mut bytes, 0).unwrap();
        self.deliver(node, &bytes);
    }

    /// Let a datagram arrive as this peer sends it.
    pub fn deliver(&self, node: &mut Node, datagram: &[u8]) {
        match &self.tunnel {
            Some(tunnel) => tunnel.send(node, self.path.local, datagram),
            None => node.receive(self.path, datagram),
        }
    }

    /// Everything sent to this peer since, as it arrives.
    pub fn take(&self, node: &mut Node) -> Vec<Vec<u8>> {
        match &self.tunnel {
            Some(tunnel) => tunnel.received(node).into_iter().map(|(_, bytes)| bytes).collect(),
            None => node.take_for(self.path.remote),
        }
    }

    /// Everything sent to this peer since, decrypted: RTP and RTCP, in order.
    pub fn received(&mut self, node: &mut Node) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let (mut media, mut control) = (Vec::new(), Vec::new());
        for mut bytes in self.take(node) {
            match classify(&bytes) {
                Class::Rtp => {
                    let header = Header::parse(&bytes).unwrap();
                    let len = self.opener.open_rtp(&mut bytes, &header).unwrap().len;
                    bytes.truncate(len);
                    media.push(bytes);
                }
                Class::Rtcp => {
                    let len = self.opener.open_rtcp(&mut bytes).unwrap();
                    bytes.truncate(len);
                    control.push(bytes);
                }
                _ => {}
            }
        }
        (media, control)
    }
}

fn keys(number: u32) -> (Vec<u8>, Vec<u8>) {
    let mut client = vec![0x11; PROFILE.key_len() + PROFILE.salt_len()];
    client[..4].copy_from_slice(&number.to_be_bytes());
    let mut server = client.clone();
    server[4] = 0x99;
    (client, server)
}

pub fn vp8(payload_type: u8, rtx: Option<u8>) -> CodecSpec {
    CodecSpec { payload_type, codec: Codec::Vp8, clock_rate: 90_000, rtx_payload_type: rtx }
}

pub fn video_track() -> TrackSpec {
    TrackSpec {
        kind: Kind::Video,
        mid: Some("1".into()),
        codecs: vec![vp8(96, Some(97))],
        ssrcs: vec![(0x1000, Some(0x1001))],
        rids: vec![],
        nack: true,
        pli: true,
        fir: true,
        twcc: true,
        remb: true,
    }
}

pub fn video_egress(number: u32, rtx: bool) -> EgressSpec {
    EgressSpec {
        kind: Kind::Video,
        mid: Some("v".into()),
        ssrc: 0x5000_0000 + number * 2,
        rtx_ssrc: rtx.then_some(0x5000_0001 + number * 2),
        cname: "sluice".into(),
        nack: true,
    }
}

/// A viewer of `track`, connected, with payload types 100 and 101.
pub fn viewer(node: &mut Node, number: u32, track: TrackId, rtx: bool) -> Peer {
    let peer = Peer::connect(node, number, viewer_extensions());
    watch(node, &peer, track, rtx);
    peer
}

/// Make a connected peer a viewer of `track`, as [`viewer`] does.
pub fn watch(node: &mut Node, peer: &Peer, track: TrackId, rtx: bool) {
    let number = peer.id.0;
    let id = EgressId(number);
    node.command(Command::Subscribe { transport: peer.id, id, spec: video_egress(number, rtx) });
    let payload_types = vec![(96, (100, rtx.then_some(101)))];
    node.command(Command::SetSource { egress: id, track: Some(track), payload_types, layer: None });
}

/// A video track whose layers are told apart by rid.
pub fn simulcast_track(rids: &[&str]) -> TrackSpec {
    TrackSpec { ssrcs: vec![], rids: rids.iter().map(|rid| (*rid).to_owned()).collect(), ..video_track() }
}

/// Any RTP packet.
pub fn rtp_packet(fields: HeaderFields, extensions: &[(u8, &[u8])], payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0u8; 256];
    let len = rtp::write_header(&mut packet, &fields, extensions).unwrap();
    packet.truncate(len);
    packet.extend_from_slice(payload);
    packet
}

/// The fields of a header, to write another like it.
pub fn rtp_fields(header: &Header) -> HeaderFields {
    HeaderFields {
        marker: header.marker,
        payload_type: header.payload_type,
        sequence: header.sequence,
        timestamp: header.timestamp,
        ssrc: header.ssrc,
    }
}

/// A VP8 frame of one packet in a layer named by its rid, which is also its last byte.
pub fn layer_packet(ssrc: u32, rid: &str, sequence: u16, timestamp: u32, key: bool) -> Vec<u8> {
    let fields = HeaderFields { marker: true, payload_type: 96, sequence, timestamp, ssrc };
    let payload = [0x90, 0x80, 0x80, 0x01, u8::from(!key), rid.as_bytes()[0]];
    rtp_packet(fields, &[(MID, b"1"), (RID, rid.as_bytes())], &payload)
}

/// The last byte of each packet, as a character.
pub fn endings(media: &[Vec<u8>]) -> String {
    media.iter().map(|packet| char::from(*packet.last().unwrap())).collect()
}

/// The media packet as its RTX stream would repeat it (RFC 4588 section 4).
pub fn retransmission(media: &[u8], ssrc: u32, sequence: u16, extensions: &[(u8, &[u8])]) -> Vec<u8> {
    let header = Header::parse(media).unwrap();
    let fields = HeaderFields { marker: header.marker, payload_type: 97, sequence, timestamp: header.timestamp, ssrc };
    let mut payload = header.sequence.to_be_bytes().to_vec();
    payload.extend_from_slice(&media[header.payload_offset..]);
    rtp_packet(fields, extensions, &payload)
}

/// Sequence numbers of one SSRC, in the order they were received.
pub fn sequences(media: &[Vec<u8>], ssrc: u32) -> Vec<u16> {
    media.iter().map(|packet| Header::parse(packet).unwrap()).filter(|h| h.ssrc == ssrc).map(|h| h.sequence).collect()
}

/// Picture loss indications among these RTCP compounds.
pub fn plis(control: &[Vec<u8>]) -> usize {
    let packets = control.iter().flat_map(|compound| rtcp::parse(compound));
    packets.filter(|packet| matches!(packet, Ok(Packet::Pli { .. }))).count()
}

/// A VP8 packet with a 15-bit picture id.
pub fn vp8_packet(ssrc: u32, sequence: u16, timestamp: u32, key: bool, marker: bool, picture: u16) -> Vec<u8> {
    let mut packet = vec![0u8; 64];
    let fields = HeaderFields { marker, payload_type: 96, sequence, timestamp, ssrc };
    let len = rtp::write_header(&mut packet, &fields, &[(MID, b"1")]).unwrap();
    packet.truncate(len);
    packet.extend_from_slice(&[0x90, 0x80, 0x80 | (picture >> 8) as u8, picture as u8, u8::from(!key)]);
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0xab; 100]);
    packet
}
