//! Allocations: packets between their clients and the peers.

use super::Core;
use crate::command::RelayChange;

impl Core {
    /// Keep the table of allocations.
    pub fn handle_relay_change(&mut self, _: RelayChange) {}
}
