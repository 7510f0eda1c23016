//! The table of TURN allocations: what their clients send, what peers send them (RFC 8656 sections 10 to 12).
//!
//! Python decides what is in it; nothing here expires. Every core has the whole table, so that whichever a packet
//! reaches can take it out of its wrapping or put it in.

mod allocation;
mod downlink;

use core::net::{IpAddr, SocketAddr};
use core::ops::Range;

pub use allocation::Allocation;
pub use downlink::{Downlink, Way};

use crate::addressmap::AddressMap;
use crate::batch::SendBatch;
use crate::command::{Reach, RelayChange};
use crate::idmap::IdMap;
use crate::ids::RelayId;
use crate::packet::stun::indication::{self, IcmpError, SendIndication};
use crate::packet::{channel_data, classify, Class, Malformed};
use crate::path::{Carrier, Path};
use crate::stats::{Counters, RelayStats};
use crate::time::Instant;

/// Addresses our media port may have.
const MAX_OWN_ADDRESSES: usize = 256;

/// The table.
#[derive(Default)]
pub struct Relays {
    allocations: IdMap<RelayId, Allocation>,
    clients: AddressMap<Path, RelayId>,
    relayed: AddressMap<SocketAddr, RelayId>,
    own: Vec<SocketAddr>,
    counters: Counters,
}

/// What a client has for a peer, and where that peer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outward {
    /// Where it goes.
    pub to: Destination,
    /// Where in the datagram it lies.
    pub data: Range<usize>,
    /// It is to be lost rather than fragmented.
    pub dont_fragment: bool,
}

/// Where a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// It is our own media port; data has come on this path.
    Inside(Path),
    /// It is another allocation's relayed address, or the same one's; data comes to it from this address.
    Client(RelayId, SocketAddr),
    /// Elsewhere, by the allocation's socket.
    Peer(Path),
}

/// Why a packet goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// Neither ChannelData nor a Send indication, or a broken one.
    Malformed,
    /// Its 5-tuple has no allocation, or the allocation is gone.
    NoAllocation,
    /// Nothing is bound to its channel.
    NoChannel,
    /// The peer is not permitted.
    NotPermitted,
    /// The allocation has no way to such a peer.
    Unreachable,
    /// More than the allocation may have in a second.
    OverLimit,
}

impl From<Malformed> for Dropped {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl Relays {
    /// The 5-tuple of an allocation's client.
    pub fn client(&self, id: RelayId) -> Option<Path> {
        self.allocations.get(&id).map(|allocation| allocation.client)
    }

    /// Carry out a change; false if it names something that is gone, or makes somebody a client who is inside a relay.
    pub fn change(&mut self, change: RelayChange) -> bool {
        match change {
            RelayChange::Add { client, .. } | RelayChange::Move { client, .. } if is_inside(&client) => false,
            RelayChange::Add { id, client, relayed, max_bytes_per_second } => {
                self.remove(id);
                for relayed in &relayed {
                    self.relayed.insert(relayed.address, id);
                }
                self.clients.insert(client, id);
                self.allocations.insert(id, Allocation::new(id, client, relayed, max_bytes_per_second));
                true
            }
            RelayChange::Move { id, client } => {
                let Some(allocation) = self.allocations.get_mut(&id) else { return false };
                remove_if(&mut self.clients, &allocation.client, id);
                allocation.client = client;
                self.clients.insert(client, id);
                true
            }
            RelayChange::Remove { id } => self.remove(id),
            RelayChange::Permit { id, peer, reach } => self.on(id, |allocation| allocation.permit(peer, reach)),
            RelayChange::Forbid { id, peer } => self.on(id, |allocation| allocation.forbid(peer)),
            RelayChange::BindChannel { id, channel, peer } => self.on(id, |allocation| {
                allocation.bind_channel(channel, peer);
                true
            }),
            RelayChange::UnbindChannel { id, channel } => self.on(id, |allocation| allocation.unbind_channel(channel)),
            RelayChange::OwnAddresses(mut addresses) => {
                addresses.truncate(MAX_OWN_ADDRESSES);
                self.own = addresses;
                true
            }
        }
    }

    fn on(&mut self, id: RelayId, change: impl FnOnce(&mut Allocation) -> bool) -> bool {
        self.allocations.get_mut(&id).is_some_and(change)
    }

    /// What another allocation has taken over by now stays with that.
    fn remove(&mut self, id: RelayId) -> bool {
        let Some(allocation) = self.allocations.remove(&id) else { return false };
        remove_if(&mut self.clients, &allocation.client, id);
        for relayed in allocation.relayed() {
            remove_if(&mut self.relayed, &relayed.address, id);
        }
        true
    }

    /// What came from a client, by its 5-tuple: whose it is, for whom, and whether it may pass.
    pub fn from_client(&mut self, now: Instant, client: &Path, datagram: &[u8]) -> Option<Outward> {
        let Self { allocations, clients, relayed, own, counters } = self;
        let Some(allocation) = clients.get(client).and_then(|id| allocations.get_mut(id)) else {
            note(counters, None, Dropped::NoAllocation);
            return None;
        };
        match outward(now, allocation, relayed, own, datagram) {
            Ok(outward) => {
                counters.relayed_from_clients += 1;
                Some(outward)
            }
            Err(dropped) => {
                note(counters, Some(allocation), dropped);
                None
            }
        }
    }

    /// The way from a peer to the client of an allocation, if that permits the peer where it is.
    fn downlink(&mut self, now: Instant, id: RelayId, peer: SocketAddr, from: Reach) -> Option<Downlink<'_>> {
        let Self { allocations, counters, .. } = self;
        let Some(allocation) = allocations.get_mut(&id) else {
            note(counters, None, Dropped::NoAllocation);
            return None;
        };
        let permitted = allocation.reach(peer.ip());
        if permitted != Some(Reach::Anywhere) && permitted != Some(from) {
            note(counters, Some(allocation), Dropped::NotPermitted);
            return None;
        }
        let channel = allocation.channel_of(peer);
        Some(Downlink { now, allocation, peer, channel, counters })
    }

    /// The way a datagram of ours takes to the other end of a path; inside an allocation, from what its client calls us.
    pub fn way(&mut self, now: Instant, path: Path) -> Option<Way<'_>> {
        match path.carrier {
            Carrier::Relay(id) => self.downlink(now, id, path.local, Reach::Inside).map(Way::Wrapped),
            Carrier::Udp | Carrier::Tcp(_) | Carrier::Tls(_) | Carrier::RelaySocket(_) => Some(Way::Plain(path)),
        }
    }

    /// Write one datagram of ours for `path`.
    pub fn send(&mut self, now: Instant, path: Path, datagram: &[u8], batch: &mut SendBatch) {
        if let Some(mut way) = self.way(now, path) {
            way.push(batch, datagram);
        }
    }

    /// Write what the client of one allocation has for that of another; `peer` is the relayed address of the first.
    pub fn deliver(&mut self, now: Instant, id: RelayId, peer: SocketAddr, data: &[u8], batch: &mut SendBatch) {
        if let Some(downlink) = self.downlink(now, id, peer, Reach::Inside) {
            Way::Wrapped(downlink).push(batch, data);
        }
    }

    /// Write what has come from a peer to the socket of an allocation.
    pub fn from_peer(&mut self, now: Instant, id: RelayId, peer: SocketAddr, data: &[u8], batch: &mut SendBatch) {
        if let Some(downlink) = self.downlink(now, id, peer, Reach::Anywhere) {
            Way::Wrapped(downlink).push(batch, data);
        }
    }

    /// Tell a client that what it sent to `peer` met with an ICMP error, if it is of a kind to be told and the peer is
    /// permitted: its address, not that of whoever reports the error (RFC 8656 section 11.5).
    pub fn report_icmp(&mut self, id: RelayId, peer: SocketAddr, error: IcmpError, batch: &mut SendBatch) {
        let Self { allocations, counters, .. } = self;
        let told: &[u8] = if peer.is_ipv4() { &[3, 11] } else { &[1, 2, 3] };
        if !told.contains(&error.kind) {
            counters.dropped_relay_icmp += 1;
            return;
        }
        match allocations.get_mut(&id) {
            None => note(counters, None, Dropped::NoAllocation),
            Some(allocation) if allocation.reach(peer.ip()) != Some(Reach::Anywhere) => {
                note(counters, Some(allocation), Dropped::NotPermitted);
            }
            Some(allocation) => {
                let transaction = allocation.next_transaction();
                batch.write(allocation.client, |bytes| indication::write_icmp(bytes, transaction, peer, error));
            }
        }
    }

    /// Whether a peer may reach the allocation's client from anywhere.
    pub fn permits(&self, id: RelayId, peer: IpAddr) -> bool {
        self.allocations.get(&id).is_some_and(|allocation| allocation.reach(peer) == Some(Reach::Anywhere))
    }

    /// Whether there is such an allocation.
    pub fn contains(&self, id: RelayId) -> bool {
        self.allocations.contains_key(&id)
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.allocations.is_empty() && self.clients.is_empty() && self.relayed.is_empty()
    }

    /// A snapshot of every allocation.
    pub fn stats(&self) -> impl Iterator<Item = RelayStats> + '_ {
        self.allocations.values().map(Allocation::stats)
    }

    /// What was relayed and what was not, and why.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}

/// Or behind one.
fn is_inside(path: &Path) -> bool {
    matches!(path.carrier, Carrier::Relay(_) | Carrier::RelaySocket(_))
}

fn remove_if<K: core::hash::Hash + Eq>(map: &mut AddressMap<K, RelayId>, key: &K, id: RelayId) {
    if map.get(key) == Some(&id) {
        map.remove(key);
    }
}

/// From ChannelData (RFC 8656 section 12.6) or a Send indication (section 11.2) to where its data goes.
fn outward(
    now: Instant,
    allocation: &mut Allocation,
    relayed: &AddressMap<SocketAddr, RelayId>,
    own: &[SocketAddr],
    datagram: &[u8],
) -> Result<Outward, Dropped> {
    let (peer, data, dont_fragment) = if classify(datagram) == Class::ChannelData {
        let (channel, data) = channel_data::parse(datagram)?;
        (allocation.peer_of(channel).ok_or(Dropped::NoChannel)?, data, false)
    } else {
        let SendIndication { peer, data, dont_fragment } = SendIndication::parse(datagram)?;
        (peer, data, dont_fragment)
    };
    let reach = allocation.reach(peer.ip()).ok_or(Dropped::NotPermitted)?;
    let ours = allocation.relayed_for(peer).ok_or(Dropped::Unreachable)?;
    let to = if own.contains(&peer) {
        Destination::Inside(Path { local: peer, remote: ours.address, carrier: Carrier::Relay(allocation.id) })
    } else if let Some(&other) = relayed.get(&peer) {
        Destination::Client(other, ours.address)
    } else if ours.has_socket && reach == Reach::Anywhere {
        Destination::Peer(Path { local: ours.address, remote: peer, carrier: Carrier::RelaySocket(allocation.id) })
    } else {
        return Err(Dropped::Unreachable);
    };
    allocation.receive(now, data.len())?;
    Ok(Outward { to, data, dont_fragment })
}

/// Count what goes no further, also for its allocation.
fn note(counters: &mut Counters, allocation: Option<&mut Allocation>, dropped: Dropped) {
    if let Some(allocation) = allocation {
        allocation.dropped += 1;
    }
    *match dropped {
        Dropped::Malformed => &mut counters.dropped_relay_malformed,
        Dropped::NoAllocation => &mut counters.dropped_relay_unknown,
        Dropped::NoChannel => &mut counters.dropped_relay_unbound_channel,
        Dropped::NotPermitted => &mut counters.dropped_relay_not_permitted,
        Dropped::Unreachable => &mut counters.dropped_relay_unreachable,
        Dropped::OverLimit => &mut counters.dropped_relay_over_limit,
    } += 1;
}

#[cfg(test)]
mod tests;
