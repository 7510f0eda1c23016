//! The table of allocations against a slow and simple one: who may send what where, after any changes.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};

use proptest::prelude::*;
use sluice_datapath::batch::SendBatch;
use sluice_datapath::command::{Reach, RelayChange, RelayedAddress};
use sluice_datapath::ids::RelayId;
use sluice_datapath::packet::channel_data;
use sluice_datapath::packet::stun::indication::write_data;
use sluice_datapath::path::{Carrier, Path};
use sluice_datapath::relay::{Destination, Relays};
use sluice_datapath::time::Instant;

const NOW: Instant = Instant::from_micros(1);
/// Our media port, two relayed addresses of each family, and two peers elsewhere, one of them at an IP address of ours.
const PEERS: [&str; 7] = [
    "192.0.2.1:3478",
    "192.0.2.1:50001",
    "192.0.2.1:50002",
    "[2001:db8::1]:50001",
    "[2001:db8::1]:50002",
    "192.0.2.1:22",
    "203.0.113.9:9000",
];

fn peer(index: usize) -> SocketAddr {
    PEERS[index % PEERS.len()].parse().unwrap()
}

fn client(index: usize) -> Path {
    Path::udp(peer(0), ([198, 51, 100, (index % 4) as u8], 4000).into())
}

/// Everything that was ever said of an allocation that is there.
#[derive(Clone)]
struct Entry {
    client: Path,
    relayed: Vec<RelayedAddress>,
    permitted: HashMap<IpAddr, Reach>,
    channels: BTreeMap<u16, SocketAddr>,
}

/// Claims are kept for ever; the last one counts, if its allocation is there and still stands by it.
#[derive(Default)]
struct Model {
    entries: HashMap<RelayId, Entry>,
    clients: Vec<(Path, RelayId)>,
    addresses: Vec<(SocketAddr, RelayId)>,
}

impl Model {
    fn change(&mut self, change: &RelayChange) {
        match change {
            RelayChange::Add { id, client, relayed, .. } => {
                let entry = Entry {
                    client: *client,
                    relayed: relayed.clone(),
                    permitted: HashMap::new(),
                    channels: BTreeMap::new(),
                };
                self.entries.insert(*id, entry);
                self.clients.push((*client, *id));
                self.addresses.extend(relayed.iter().map(|relayed| (relayed.address, *id)));
            }
            RelayChange::Move { id, client } => {
                if let Some(entry) = self.entries.get_mut(id) {
                    entry.client = *client;
                    self.clients.push((*client, *id));
                }
            }
            RelayChange::Remove { id } => {
                self.entries.remove(id);
            }
            RelayChange::Permit { id, peer, reach } => {
                self.entries.get_mut(id).map(|entry| entry.permitted.insert(*peer, *reach));
            }
            RelayChange::Forbid { id, peer } => {
                self.entries.get_mut(id).map(|entry| entry.permitted.remove(peer));
            }
            RelayChange::BindChannel { id, channel, peer } => {
                if let Some(entry) = self.entries.get_mut(id) {
                    entry.channels.retain(|_, bound| bound != peer);
                    entry.channels.insert(*channel, *peer);
                }
            }
            RelayChange::UnbindChannel { id, channel } => {
                self.entries.get_mut(id).map(|entry| entry.channels.remove(channel));
            }
            RelayChange::OwnAddresses(_) => {}
        }
    }

    fn of_client(&self, path: &Path) -> Option<(RelayId, &Entry)> {
        let (_, id) = self.clients.iter().rev().find(|(claimed, _)| claimed == path)?;
        self.entries.get(id).filter(|entry| entry.client == *path).map(|entry| (*id, entry))
    }

    fn of_address(&self, address: SocketAddr) -> Option<RelayId> {
        let (_, id) = self.addresses.iter().rev().find(|(claimed, _)| *claimed == address)?;
        let stands = |entry: &&Entry| entry.relayed.iter().any(|relayed| relayed.address == address);
        self.entries.get(id).filter(stands).map(|_| *id)
    }

    fn destination(&self, path: &Path, peer: SocketAddr) -> Option<Destination> {
        let (id, entry) = self.of_client(path)?;
        let reach = *entry.permitted.get(&peer.ip())?;
        let ours = entry.relayed.iter().find(|relayed| relayed.address.is_ipv4() == peer.is_ipv4())?;
        if peer == self::peer(0) {
            let inner = Path { local: peer, remote: ours.address, carrier: Carrier::Relay(id) };
            return Some(Destination::Inside(inner));
        }
        if let Some(other) = self.of_address(peer) {
            return Some(Destination::Client(other, ours.address));
        }
        let out = Path { local: ours.address, remote: peer, carrier: Carrier::RelaySocket(id) };
        (ours.has_socket && reach == Reach::Anywhere).then_some(Destination::Peer(out))
    }
}

fn change() -> impl Strategy<Value = RelayChange> {
    let id = || (0u32..4).prop_map(RelayId);
    let relayed = prop::sample::subsequence(vec![1usize, 2, 3, 4], 0..=2).prop_filter("one per family", |indexes| {
        let fours = indexes.iter().filter(|index| peer(**index).is_ipv4()).count();
        fours <= 1 && indexes.len() - fours <= 1
    });
    prop_oneof![
        2 => (id(), 0usize..4, relayed, any::<bool>()).prop_map(|(id, number, relayed, has_socket)| {
            let relayed = relayed.into_iter().map(|index| RelayedAddress { address: peer(index), has_socket }).collect();
            RelayChange::Add { id, client: client(number), relayed, max_bytes_per_second: 0 }
        }),
        1 => (id(), 0usize..4).prop_map(|(id, number)| RelayChange::Move { id, client: client(number) }),
        1 => id().prop_map(|id| RelayChange::Remove { id }),
        4 => (id(), 0..PEERS.len(), any::<bool>()).prop_map(|(id, index, inside)| RelayChange::Permit {
            id, peer: peer(index).ip(), reach: if inside { Reach::Inside } else { Reach::Anywhere },
        }),
        1 => (id(), 0..PEERS.len()).prop_map(|(id, index)| RelayChange::Forbid { id, peer: peer(index).ip() }),
        4 => (id(), 0x4000u16..0x4003, 0..PEERS.len())
            .prop_map(|(id, channel, index)| RelayChange::BindChannel { id, channel, peer: peer(index) }),
        1 => (id(), 0x4000u16..0x4003).prop_map(|(id, channel)| RelayChange::UnbindChannel { id, channel }),
    ]
}

fn fill(out: &mut Vec<u8>) -> bool {
    out.extend_from_slice(b"data");
    true
}

proptest! {
    #[test]
    fn packets_go_where_the_simple_table_says(changes in prop::collection::vec(change(), 0..40)) {
        let (mut relays, mut model) = (Relays::default(), Model::default());
        relays.change(RelayChange::OwnAddresses(vec![peer(0)]));
        for change in changes {
            model.change(&change);
            relays.change(change);
        }
        for path in (0..4).map(client) {
            for peer in (0..PEERS.len()).map(peer) {
                let mut send = Vec::new();
                prop_assert!(write_data(&mut send, [1; 12], peer, fill));
                send[1] = 0x16;
                let outward = relays.from_client(NOW, &path, &send).map(|outward| outward.to);
                prop_assert_eq!(outward, model.destination(&path, peer));
            }
            for channel in 0x4000..0x4003 {
                let mut message = Vec::new();
                prop_assert!(channel_data::write(&mut message, channel, fill));
                let outward = relays.from_client(NOW, &path, &message).map(|outward| outward.to);
                let bound = model.of_client(&path).and_then(|(_, entry)| entry.channels.get(&channel).copied());
                prop_assert_eq!(outward, bound.and_then(|peer| model.destination(&path, peer)));
            }
        }
        for id in (0..4).map(RelayId) {
            for peer in (0..PEERS.len()).map(peer) {
                let entry = model.entries.get(&id);
                let reach = entry.and_then(|entry| entry.permitted.get(&peer.ip()));
                let (mut from_peer, mut inside) = (SendBatch::new(), SendBatch::new());
                relays.from_peer(NOW, id, peer, b"data", &mut from_peer);
                relays.deliver(NOW, id, peer, b"data", &mut inside);
                prop_assert_eq!(from_peer.is_empty(), reach != Some(&Reach::Anywhere));
                prop_assert_eq!(inside.is_empty(), reach.is_none());
                let channel = entry.and_then(|entry| entry.channels.iter().find(|(_, bound)| **bound == peer));
                for (path, message) in inside.iter() {
                    prop_assert_eq!(Some(path), entry.map(|entry| entry.client));
                    let expected = channel.map_or(0x0017, |(channel, _)| *channel);
                    prop_assert_eq!(u16::from_be_bytes([message[0], message[1]]), expected);
                }
            }
            relays.change(RelayChange::Remove { id });
        }
        prop_assert!(relays.is_empty(), "something is left of allocations that are gone");
    }
}
