//! Maps keyed by addresses and paths: looked up for every packet, with keys that others choose.
//!
//! The standard hash takes as long as copying the packet. This one multiplies by secrets of the map and folds the
//! product (as wyhash and its kin do): whoever does not know them cannot choose keys that collide.

use core::hash::{BuildHasher, Hasher};
use std::collections::hash_map::RandomState;
use std::collections::HashMap;

/// A map from an address or a path.
pub type AddressMap<K, V> = HashMap<K, V, Secrets>;

/// What makes the hashes of one map its own.
#[derive(Clone)]
pub struct Secrets {
    start: u64,
    factor: u64,
}

/// A hash in the making.
pub struct FoldedHasher {
    state: u64,
    factor: u64,
}

impl Default for Secrets {
    fn default() -> Self {
        let random = RandomState::new();
        // An even factor would lose bits.
        Self { start: random.hash_one(0), factor: random.hash_one(1) | 1 }
    }
}

impl BuildHasher for Secrets {
    type Hasher = FoldedHasher;

    fn build_hasher(&self) -> FoldedHasher {
        FoldedHasher { state: self.start, factor: self.factor }
    }
}

impl FoldedHasher {
    #[inline]
    fn fold(&mut self, word: u64) {
        let product = u128::from(self.state ^ word).wrapping_mul(u128::from(self.factor));
        // Both halves of the product.
        self.state = (product as u64 ^ (product >> 64) as u64).wrapping_add(self.factor);
    }
}

impl Hasher for FoldedHasher {
    #[inline]
    fn finish(&self) -> u64 {
        self.state.wrapping_mul(self.factor).rotate_left(32) ^ self.state
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.fold(u64::from_le_bytes(word));
        }
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.fold(u64::from(value));
    }

    #[inline]
    fn write_u16(&mut self, value: u16) {
        self.fold(u64::from(value));
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.fold(u64::from(value));
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.fold(value);
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.fold(value as u64);
    }

    #[inline]
    fn write_isize(&mut self, value: isize) {
        self.fold(value as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Path;
    use std::collections::HashSet;
    use std::net::SocketAddr;

    /// Paths that differ as little as those of clients behind one address, or of one network, do.
    fn paths() -> Vec<Path> {
        let local = SocketAddr::from(([192, 0, 2, 1], 3478));
        let ports = (0..10_000u16).map(|port| SocketAddr::from(([198, 51, 100, 1], 40_000 + port)));
        let hosts = (0..10_000u16).map(|host| SocketAddr::from(([10, 0, (host >> 8) as u8, host as u8], 5000)));
        let sixes = (0..10_000u16).map(|host| SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, host], 5000)));
        ports.chain(hosts).chain(sixes).map(|remote| Path::udp(local, remote)).collect()
    }

    #[test]
    fn similar_paths_are_spread_evenly() {
        let secrets = Secrets::default();
        let hashes: Vec<u64> = paths().iter().map(|path| secrets.hash_one(path)).collect();
        assert_eq!(hashes.iter().collect::<HashSet<_>>().len(), hashes.len());
        // The map takes its place in the table from the low bits and its tags from the high ones.
        for shift in [0, 57 - 7] {
            let mut buckets = [0; 128];
            for hash in &hashes {
                buckets[(hash >> shift) as usize % buckets.len()] += 1;
            }
            let expected = hashes.len() / buckets.len();
            assert!(buckets.iter().all(|count| (expected / 2..expected * 2).contains(count)), "{buckets:?}");
        }
    }

    #[test]
    fn maps_hash_differently() {
        let path = paths()[0];
        assert_ne!(Secrets::default().hash_one(path), Secrets::default().hash_one(path));
    }
}
