//! One TURN allocation: its client and its addresses, whom it may reach, and what has gone through it.

use core::net::{IpAddr, SocketAddr};

use super::Dropped;
use crate::bucket::{Rate, TokenBucket};
use crate::command::{Reach, RelayedAddress};
use crate::ids::RelayId;
use crate::path::Path;
use crate::stats::RelayStats;
use crate::time::Instant;

/// Permissions one allocation has at most. Python allows far fewer.
const MAX_PERMISSIONS: usize = 1024;
/// What may pass at once is at least this much, and as much as comes in a tenth of a second.
const MIN_BURST: u64 = 64 << 10;

/// One TURN allocation (RFC 8656 section 2.2).
#[derive(Debug)]
pub struct Allocation {
    /// Its id.
    pub id: RelayId,
    /// Its client's 5-tuple.
    pub client: Path,
    /// What came from the client.
    pub received: Flow,
    /// What went to the client.
    pub sent: Flow,
    /// Packets of either direction that went no further.
    pub dropped: u64,
    relayed: Vec<RelayedAddress>,
    permitted: Vec<(IpAddr, Reach)>,
    /// By number.
    channels: Vec<(u16, SocketAddr)>,
    limit: Option<Rate>,
    indications: u32,
}

/// What went in one direction: payloads, without what wraps them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flow {
    packets: u64,
    bytes: u64,
    bucket: TokenBucket,
}

impl Allocation {
    /// It relays nothing until something is permitted. Of several relayed addresses of a family the first counts.
    pub fn new(id: RelayId, client: Path, relayed: Vec<RelayedAddress>, max_bytes_per_second: u64) -> Self {
        let burst = (max_bytes_per_second / 10).max(MIN_BURST);
        let limit = (max_bytes_per_second > 0).then_some(Rate { per_second: max_bytes_per_second, burst });
        Self {
            id,
            client,
            received: Flow::default(),
            sent: Flow::default(),
            dropped: 0,
            relayed,
            permitted: Vec::new(),
            channels: Vec::new(),
            limit,
            indications: 0,
        }
    }

    /// Its relayed addresses.
    pub fn relayed(&self) -> &[RelayedAddress] {
        &self.relayed
    }

    /// The relayed address that a peer of this address deals with.
    pub fn relayed_for(&self, peer: SocketAddr) -> Option<RelayedAddress> {
        self.relayed.iter().find(|relayed| relayed.address.is_ipv4() == peer.is_ipv4()).copied()
    }

    /// Let packets from and to this address pass; false if there are too many such already.
    pub fn permit(&mut self, peer: IpAddr, reach: Reach) -> bool {
        self.forbid(peer);
        let room = self.permitted.len() < MAX_PERMISSIONS;
        if room {
            self.permitted.push((peer, reach));
        }
        room
    }

    /// Let them no longer pass.
    pub fn forbid(&mut self, peer: IpAddr) -> bool {
        let before = self.permitted.len();
        self.permitted.retain(|(permitted, _)| *permitted != peer);
        self.permitted.len() < before
    }

    /// Whether they pass, and how far. By address, whatever the port (RFC 8656 section 9).
    pub fn reach(&self, peer: IpAddr) -> Option<Reach> {
        self.permitted.iter().find(|(permitted, _)| *permitted == peer).map(|(_, reach)| *reach)
    }

    /// The channel stands for the peer from now on, and the peer for the channel.
    pub fn bind_channel(&mut self, channel: u16, peer: SocketAddr) {
        self.channels.retain(|(number, bound)| *number != channel && *bound != peer);
        let at = self.channels.partition_point(|(number, _)| *number < channel);
        self.channels.insert(at, (channel, peer));
    }

    /// It no longer does.
    pub fn unbind_channel(&mut self, channel: u16) -> bool {
        let found = self.channels.binary_search_by_key(&channel, |(number, _)| *number);
        found.map(|at| self.channels.remove(at)).is_ok()
    }

    /// Whom a channel stands for.
    pub fn peer_of(&self, channel: u16) -> Option<SocketAddr> {
        let found = self.channels.binary_search_by_key(&channel, |(number, _)| *number);
        found.ok().map(|at| self.channels[at].1)
    }

    /// The channel that stands for a peer.
    pub fn channel_of(&self, peer: SocketAddr) -> Option<u16> {
        self.channels.iter().find(|(_, bound)| *bound == peer).map(|(number, _)| *number)
    }

    /// Account for a payload from the client, if the limit lets it pass.
    pub fn receive(&mut self, now: Instant, bytes: usize) -> Result<(), Dropped> {
        self.received.pass(now, self.limit.as_ref(), bytes as u64)
    }

    /// Account for a payload to the client, if the limit lets it pass.
    pub fn send(&mut self, now: Instant, bytes: usize) -> Result<(), Dropped> {
        self.sent.pass(now, self.limit.as_ref(), bytes as u64)
    }

    /// For the next indication. It answers nothing and nothing answers it: it need not be hard to guess.
    pub fn next_transaction(&mut self) -> [u8; 12] {
        self.indications = self.indications.wrapping_add(1);
        let mut id = *b"data\0\0\0\0\0\0\0\0";
        id[4..8].copy_from_slice(&self.id.0.to_be_bytes());
        id[8..].copy_from_slice(&self.indications.to_be_bytes());
        id
    }

    /// A snapshot.
    pub fn stats(&self) -> RelayStats {
        RelayStats {
            relay: self.id,
            packets_received: self.received.packets,
            bytes_received: self.received.bytes,
            packets_sent: self.sent.packets,
            bytes_sent: self.sent.bytes,
            dropped: self.dropped,
        }
    }
}

impl Flow {
    fn pass(&mut self, now: Instant, limit: Option<&Rate>, bytes: u64) -> Result<(), Dropped> {
        if limit.is_some_and(|rate| !self.bucket.take(now, rate, bytes)) {
            return Err(Dropped::OverLimit);
        }
        self.packets += 1;
        self.bytes += bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allocation(max_bytes_per_second: u64) -> Allocation {
        let client = Path::udp(([192, 0, 2, 1], 3478).into(), ([198, 51, 100, 1], 1).into());
        let relayed = ["192.0.2.1:50000", "[2001:db8::1]:50000"]
            .map(|address| RelayedAddress { address: address.parse().unwrap(), has_socket: false });
        Allocation::new(RelayId(7), client, relayed.to_vec(), max_bytes_per_second)
    }

    #[test]
    fn each_family_has_its_relayed_address() {
        let allocation = allocation(0);
        let for_peer = |peer: &str| allocation.relayed_for(peer.parse().unwrap()).map(|found| found.address.is_ipv4());
        assert_eq!((for_peer("203.0.113.1:1"), for_peer("[2001:db8::9]:1")), (Some(true), Some(false)));
    }

    #[test]
    fn permission_is_by_address_and_ends() {
        let mut allocation = allocation(0);
        let [one, other]: [IpAddr; 2] = ["203.0.113.1", "203.0.113.2"].map(|ip| ip.parse().unwrap());
        assert!(allocation.permit(one, Reach::Anywhere) && allocation.permit(one, Reach::Inside));
        assert_eq!((allocation.reach(one), allocation.reach(other)), (Some(Reach::Inside), None));
        assert!(allocation.forbid(one) && !allocation.forbid(one));
        assert_eq!(allocation.reach(one), None);
    }

    #[test]
    fn permissions_are_bounded() {
        let mut allocation = allocation(0);
        for number in 0..MAX_PERMISSIONS as u32 {
            assert!(allocation.permit(IpAddr::from(number.to_be_bytes()), Reach::Anywhere));
        }
        assert!(!allocation.permit([255, 255, 255, 255].into(), Reach::Anywhere));
        assert!(allocation.permit([0, 0, 0, 0].into(), Reach::Inside), "it has that one");
    }

    #[test]
    fn a_channel_stands_for_one_peer_and_a_peer_for_one_channel() {
        let mut allocation = allocation(0);
        let [one, other]: [SocketAddr; 2] = ["203.0.113.1:9", "203.0.113.1:10"].map(|peer| peer.parse().unwrap());
        allocation.bind_channel(0x4002, one);
        allocation.bind_channel(0x4001, other);
        assert_eq!((allocation.peer_of(0x4002), allocation.channel_of(other)), (Some(one), Some(0x4001)));
        allocation.bind_channel(0x4001, one);
        assert_eq!((allocation.peer_of(0x4001), allocation.peer_of(0x4002)), (Some(one), None));
        assert_eq!((allocation.channel_of(one), allocation.channel_of(other)), (Some(0x4001), None));
        assert!(allocation.unbind_channel(0x4001) && !allocation.unbind_channel(0x4001));
        assert_eq!(allocation.channel_of(one), None);
    }

    #[test]
    fn each_direction_has_the_whole_limit() {
        let mut allocation = allocation(10_000);
        let now = Instant::from_micros(1);
        let passed = |results: Vec<bool>| results.into_iter().filter(|passed| *passed).count();
        assert_eq!(passed((0..100).map(|_| allocation.receive(now, 1 << 10).is_ok()).collect()), 64);
        assert_eq!(passed((0..100).map(|_| allocation.send(now, 1 << 10).is_ok()).collect()), 64);
        let later = Instant::from_micros(1_024_000 + 1);
        assert_eq!(passed((0..100).map(|_| allocation.send(later, 1 << 10).is_ok()).collect()), 10);
        let stats = allocation.stats();
        assert_eq!((stats.packets_received, stats.bytes_received, stats.packets_sent), (64, 65_536, 74));
    }
}
