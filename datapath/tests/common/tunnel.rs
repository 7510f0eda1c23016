//! A TURN client as the data path knows one: its allocation, and how it wraps what it sends.

use std::net::SocketAddr;

use sluice_datapath::command::{Reach, RelayChange, RelayedAddress};
use sluice_datapath::ids::RelayId;
use sluice_datapath::packet::stun::indication::{write_data, SendIndication};
use sluice_datapath::packet::{channel_data, classify, Class};
use sluice_datapath::path::{Carrier, Path};

use super::{Node, SERVER};

/// An allocation and its client.
#[derive(Clone, Debug)]
pub struct Tunnel {
    pub relay: RelayId,
    pub client: Path,
    pub relayed: SocketAddr,
    pub channels: Vec<(u16, SocketAddr)>,
}

impl Tunnel {
    /// A client of its own and an IPv4 address that nothing is bound to; nothing is permitted.
    pub fn open(node: &mut Node, number: u32) -> Self {
        Self::open_by(node, number, false, 0)
    }

    pub fn open_by(node: &mut Node, number: u32, has_socket: bool, max_bytes_per_second: u64) -> Self {
        let relay = RelayId(number);
        let client = SocketAddr::from(([203, 0, 113, (number % 250) as u8], 20_000 + number as u16));
        let client = Path::udp(SERVER.parse().unwrap(), client);
        let relayed = SocketAddr::from(([192, 0, 2, 1], 50_000 + number as u16));
        let address = RelayedAddress { address: relayed, has_socket };
        node.relay(RelayChange::Add { id: relay, client, relayed: vec![address], max_bytes_per_second });
        Self { relay, client, relayed, channels: Vec::new() }
    }

    pub fn permit(&self, node: &mut Node, peer: SocketAddr) {
        node.relay(RelayChange::Permit { id: self.relay, peer: peer.ip(), reach: Reach::Anywhere });
    }

    pub fn bind(&mut self, node: &mut Node, channel: u16, peer: SocketAddr) {
        node.relay(RelayChange::BindChannel { id: self.relay, channel, peer });
        self.channels.push((channel, peer));
    }

    /// The path on which data for `peer` comes, if that is our own media port.
    pub fn inside(&self, peer: SocketAddr) -> Path {
        Path { local: peer, remote: self.relayed, carrier: Carrier::Relay(self.relay) }
    }

    /// By channel where one is bound, else by Send indication.
    pub fn wrap(&self, peer: SocketAddr, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let fill = |out: &mut Vec<u8>| {
            out.extend_from_slice(data);
            true
        };
        match self.channels.iter().find(|(_, bound)| *bound == peer) {
            Some((channel, _)) => assert!(channel_data::write(&mut out, *channel, fill)),
            None => {
                assert!(write_data(&mut out, [3; 12], peer, fill));
                out[1] = 0x16; // one bit from a Send indication
            }
        }
        out
    }

    /// Whom a message is from, and what it says.
    pub fn unwrap(&self, message: &[u8]) -> (SocketAddr, Vec<u8>) {
        if classify(message) == Class::ChannelData {
            let (channel, data) = channel_data::parse(message).unwrap();
            let peer = self.channels.iter().find(|(bound, _)| *bound == channel).unwrap().1;
            return (peer, message[data].to_vec());
        }
        assert_eq!(message[..2], [0x00, 0x17], "neither ChannelData nor a Data indication");
        let mut send = message.to_vec();
        send[1] = 0x16;
        let read = SendIndication::parse(&send).unwrap();
        (read.peer, send[read.data].to_vec())
    }

    pub fn send(&self, node: &mut Node, peer: SocketAddr, data: &[u8]) {
        let message = self.wrap(peer, data);
        node.receive(self.client, &message);
    }

    /// Everything sent to the client since, unwrapped.
    pub fn received(&self, node: &mut Node) -> Vec<(SocketAddr, Vec<u8>)> {
        node.take_for(self.client.remote).iter().map(|message| self.unwrap(message)).collect()
    }
}
