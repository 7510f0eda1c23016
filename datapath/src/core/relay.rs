//! Allocations: packets between their clients and the peers, and what becomes of transports reached through one.

use core::net::{IpAddr, SocketAddr};
use core::ops::Range;

use super::Core;
use crate::command::RelayChange;
use crate::ids::RelayId;
use crate::packet::stun::indication::IcmpError;
use crate::packet::stun::{self, Kind};
use crate::packet::{classify, Class};
use crate::path::{Carrier, Path};
use crate::relay::Destination;
use crate::stats::RelayStats;
use crate::time::Instant;

impl Core {
    /// Keep the table of allocations. Paths within one that ends, end with it.
    pub fn handle_relay_change(&mut self, now: Instant, change: RelayChange) {
        let ended = if let RelayChange::Remove { id } = change { Some(id) } else { None };
        let known = self.relays.change(change);
        self.counters.ignored_stale += u64::from(!known);
        if let Some(id) = ended {
            let within = |path: &&Path| path.carrier == Carrier::Relay(id);
            let paths: Vec<Path> = self.paths.keys().filter(within).copied().collect();
            for path in paths {
                self.end_path(now, &path);
            }
        }
    }

    /// Whether a datagram is for [`Core::handle_relayed`]: it came to a relayed address, or has data for a peer.
    pub fn is_relayed(path: &Path, datagram: &[u8]) -> bool {
        matches!(path.carrier, Carrier::RelaySocket(_))
            || match classify(datagram) {
                Class::ChannelData => true,
                Class::Stun => stun::kind(datagram) == Ok(Kind::SendIndication),
                _ => false,
            }
    }

    /// Pass on one datagram between a client and a peer. If the peer is our own media port, it is not done: the result is
    /// the path that the data has come on, and where in the datagram it lies, for the core whose path that is.
    pub fn handle_relayed(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Option<(Path, Range<usize>)> {
        if let Carrier::RelaySocket(id) = path.carrier {
            self.relays.from_peer(now, id, path.remote, datagram, &mut self.direct);
            return None;
        }
        let outward = self.relays.from_client(now, &path, datagram)?;
        let data = &datagram[outward.data.clone()];
        match outward.to {
            Destination::Inside(inner) => return Some((inner, outward.data)),
            Destination::Client(id, from) => self.relays.deliver(now, id, from, data, &mut self.direct),
            Destination::Peer(peer) if outward.dont_fragment => self.direct.push_unfragmented(peer, data),
            Destination::Peer(peer) => self.direct.push(peer, data),
        }
        None
    }

    /// An ICMP error about what an allocation's socket sent to `peer`. `data` is the next hop's MTU where that is what the
    /// error is about, else 0.
    pub fn handle_icmp(&mut self, _: Instant, relay: RelayId, peer: SocketAddr, kind: u8, code: u8, data: u32) {
        self.relays.report_icmp(relay, peer, IcmpError { kind, code, data }, &mut self.direct);
    }

    /// A snapshot of every allocation.
    pub fn relay_stats(&self) -> Vec<RelayStats> {
        self.relays.stats().collect()
    }

    /// Whether a peer may reach the client of the allocation.
    pub fn permits(&self, relay: RelayId, peer: IpAddr) -> bool {
        self.relays.permits(relay, peer)
    }

    /// Whether the allocation is there.
    pub fn has_relay(&self, relay: RelayId) -> bool {
        self.relays.contains(relay)
    }
}
