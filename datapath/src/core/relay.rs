//! Allocations: packets between their clients and the peers.

use core::ops::Range;
use std::net::SocketAddr;

use super::Core;
use crate::command::RelayChange;
use crate::ids::RelayId;
use crate::path::Path;
use crate::time::Instant;

impl Core {
    /// Keep the table of allocations.
    pub fn handle_relay_change(&mut self, _: RelayChange) {}

    /// A datagram from a client or a peer.
    pub fn handle_relayed(&mut self, _: Instant, _: Path, _: &mut [u8]) -> Option<(Path, Range<usize>)> {
        None
    }

    /// The network's answer to a datagram to a peer.
    pub fn handle_icmp(&mut self, _: Instant, _: RelayId, _: SocketAddr, _: u8, _: u8, _: u32) {}
}
