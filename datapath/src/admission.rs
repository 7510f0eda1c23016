//! The gate before Python: so many STUN messages per second from each prefix of addresses.
//!
//! What strangers send costs Python a hundred times what it costs a worker, so one that floods us must not take the
//! others' share. Prefixes are what one customer of a provider has: an IPv4 address, a /56 of IPv6.

use core::hash::BuildHasher;
use core::net::IpAddr;
use std::collections::hash_map::RandomState;

use crate::bucket::{Rate, TokenBucket};
use crate::time::Instant;

/// Messages per second from one prefix, unless told otherwise.
pub const DEFAULT_PER_SECOND: u32 = 200;

/// Prefixes are remembered in sets of this many; a new one takes the place of the one that has used least of its share.
const WAYS: usize = 4;
/// With the ways: 4,096 prefixes, in 100 kB.
const SETS: usize = 1024;

/// Sources and what each has used. Of fixed size, whoever sends.
pub struct AdmissionGate {
    rate: Rate,
    hash: RandomState,
    sets: Vec<[Slot; WAYS]>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    prefix: u64,
    bucket: TokenBucket,
}

impl AdmissionGate {
    /// Lets so many messages per second pass from each prefix, twice as many at once; 0: none.
    pub fn new(per_second: u32) -> Self {
        let rate = Rate { per_second: u64::from(per_second), burst: 2 * u64::from(per_second) };
        Self { rate, hash: RandomState::new(), sets: vec![[Slot::default(); WAYS]; SETS] }
    }

    /// Whether one more message from this address may pass.
    pub fn admit(&mut self, now: Instant, source: IpAddr) -> bool {
        let prefix = prefix(source);
        // The remainder is below SETS.
        let set = &mut self.sets[(self.hash.hash_one(prefix) % SETS as u64) as usize];
        let rate = self.rate;
        let slot = match set.iter().position(|slot| slot.prefix == prefix) {
            Some(known) => &mut set[known],
            None => {
                let least = (0..WAYS).min_by_key(|&way| set[way].bucket.missing_at(now, &rate)).unwrap_or(0);
                set[least] = Slot { prefix, bucket: TokenBucket::default() };
                &mut set[least]
            }
        };
        slot.bucket.take(now, &rate, 1)
    }
}

/// One number per prefix, never 0, which stands for none.
fn prefix(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => 1 << 56 | u64::from(u32::from(address)),
        // The first 56 of 128 bits.
        IpAddr::V6(address) => 2 << 56 | (u128::from(address) >> 72) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_micros(1_000_000);

    fn admitted(gate: &mut AdmissionGate, now: Instant, source: &str, asked: usize) -> usize {
        let source = source.parse().unwrap();
        (0..asked).filter(|_| gate.admit(now, source)).count()
    }

    #[test]
    fn each_ipv4_address_and_each_56_bits_of_ipv6_have_their_own_share() {
        let mut gate = AdmissionGate::new(10);
        assert_eq!(admitted(&mut gate, NOW, "192.0.2.1", 30), 20);
        assert_eq!(admitted(&mut gate, NOW, "192.0.2.2", 30), 20);
        assert_eq!(admitted(&mut gate, NOW, "2001:db8:1:200::1", 15), 15);
        assert_eq!(admitted(&mut gate, NOW, "2001:db8:1:2ff:9::1", 15), 5);
        assert_eq!(admitted(&mut gate, NOW, "2001:db8:1:300::1", 15), 15);
        assert_eq!(admitted(&mut gate, Instant::from_micros(1_500_000), "192.0.2.1", 30), 5);
    }

    #[test]
    fn a_flood_from_everywhere_takes_no_memory_and_little_from_those_who_come_again() {
        let mut gate = AdmissionGate::new(10);
        assert_eq!(admitted(&mut gate, NOW, "192.0.2.1", 20), 20);
        for source in 0..100_000u32 {
            gate.admit(NOW, IpAddr::from((0x0a00_0000 + source).to_be_bytes()));
        }
        assert_eq!(gate.sets.len() * WAYS, 4_096);
        assert_eq!(admitted(&mut gate, NOW, "192.0.2.1", 20), 0, "who has used most is remembered longest");
    }

    #[test]
    fn a_rate_of_nothing_lets_nothing_pass() {
        assert_eq!(admitted(&mut AdmissionGate::new(0), NOW, "192.0.2.1", 5), 0);
    }
}
