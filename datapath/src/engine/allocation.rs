//! New ids, such that `id % workers` is the worker that owns the thing.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::ids::{ConnectionId, EgressId, RelayId, TrackId, TransportId, WorkerId};

/// Counts up; an id is never given twice.
pub struct IdAllocator {
    workers: u16,
    transports: AtomicU32,
    tracks: AtomicU32,
    egresses: AtomicU32,
    relays: AtomicU32,
    connections: AtomicU32,
}

/// All ids of a kind have been given: four thousand million, divided by the number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdsExhausted;

impl IdAllocator {
    /// For this many workers, at least 1.
    pub fn new(workers: u16) -> Self {
        Self {
            workers: workers.max(1),
            transports: AtomicU32::new(1),
            tracks: AtomicU32::new(1),
            egresses: AtomicU32::new(1),
            relays: AtomicU32::new(1),
            connections: AtomicU32::new(1),
        }
    }

    /// For how many workers.
    pub fn workers(&self) -> u16 {
        self.workers
    }

    /// Workers take turns.
    pub fn transport(&self) -> Result<TransportId, IdsExhausted> {
        next(&self.transports).map(TransportId)
    }

    /// At home where its transport is.
    pub fn track(&self, transport: TransportId) -> Result<TrackId, IdsExhausted> {
        self.at_home(transport.home(self.workers), &self.tracks).map(TrackId)
    }

    /// At home where its transport is.
    pub fn egress(&self, transport: TransportId) -> Result<EgressId, IdsExhausted> {
        self.at_home(transport.home(self.workers), &self.egresses).map(EgressId)
    }

    /// Workers take turns.
    pub fn relay(&self) -> Result<RelayId, IdsExhausted> {
        next(&self.relays).map(RelayId)
    }

    /// At home where its allocation is.
    pub fn connection(&self, relay: RelayId) -> Result<ConnectionId, IdsExhausted> {
        self.at_home(relay.home(self.workers), &self.connections).map(ConnectionId)
    }

    fn at_home(&self, home: WorkerId, counter: &AtomicU32) -> Result<u32, IdsExhausted> {
        let base = next(counter)?.checked_mul(u32::from(self.workers)).ok_or(IdsExhausted)?;
        base.checked_add(u32::from(home.0)).ok_or(IdsExhausted)
    }
}

fn next(counter: &AtomicU32) -> Result<u32, IdsExhausted> {
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |value| value.checked_add(1)).map_err(|_| IdsExhausted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn what_belongs_to_something_lives_with_it_and_ids_are_unique() {
        let ids = IdAllocator::new(3);
        let mut seen = HashSet::new();
        for _ in 0..30 {
            let transport = ids.transport().unwrap();
            let (track, egress) = (ids.track(transport).unwrap(), ids.egress(transport).unwrap());
            assert_eq!(track.home(3), transport.home(3));
            assert_eq!(egress.home(3), transport.home(3));
            assert!(seen.insert(("transport", transport.0)));
            assert!(seen.insert(("track", track.0)));
            assert!(seen.insert(("egress", egress.0)));
            let relay = ids.relay().unwrap();
            let connection = ids.connection(relay).unwrap();
            assert_eq!(connection.home(3), relay.home(3));
            assert!(seen.insert(("connection", connection.0)));
        }
    }

    #[test]
    fn an_exhausted_counter_never_wraps() {
        let ids = IdAllocator::new(2);
        ids.transports.store(u32::MAX, Ordering::Relaxed);
        assert_eq!((ids.transport(), ids.transport()), (Err(IdsExhausted), Err(IdsExhausted)));
        ids.tracks.store(u32::MAX / 2 + 1, Ordering::Relaxed);
        assert_eq!(ids.track(TransportId(1)), Err(IdsExhausted));
    }
}
