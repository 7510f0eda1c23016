//! One core without threads, sockets or clock: whoever holds it moves the time and carries the datagrams.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::addresses::AddressBook;
use super::allocation::IdAllocator;
use super::controls::{Controls, Refused};
use super::mailbox::PeerRequest;
use crate::batch::SendBatch;
use crate::command::{Command, RelayChange};
use crate::core::Core;
use crate::event::Event;
use crate::ids::{RelayId, StreamId, TransportId, WorkerId};
use crate::net::relay_socket::RelaySocket;
use crate::path::Path;
use crate::stats::{RelayStats, TransportStats};
use crate::time::Instant;

/// Events that wait at most; more are dropped. Nobody who drains now and then gets near.
const MAX_EVENTS: usize = 65_536;

/// A core in virtual time. A command takes effect at once, at the latest time an input had.
pub struct Stepper {
    ids: IdAllocator,
    addresses: AddressBook,
    inner: Mutex<Inner>,
}

struct Inner {
    core: Core,
    now: Instant,
    /// Drained from the core after every input, because that a transport closed frees its ICE user at once.
    events: VecDeque<Event>,
}

impl Stepper {
    /// A core that knows nobody, at time zero.
    pub fn new() -> Self {
        Self {
            ids: IdAllocator::new(1),
            addresses: AddressBook::new(1),
            inner: Mutex::new(Inner {
                core: Core::new(WorkerId(0), 1),
                now: Instant::default(),
                events: VecDeque::new(),
            }),
        }
    }

    /// A datagram arrived on `path`.
    pub fn handle_datagram(&self, now: Instant, path: Path, datagram: &mut [u8]) {
        self.input(now, |core, now| {
            if !Core::is_relayed(&path, datagram) {
                core.handle_datagram(now, path, datagram);
            } else if let Some((inner, data)) = core.handle_relayed(now, path, datagram) {
                core.handle_datagram(now, inner, &mut datagram[data]);
            }
        });
    }

    /// The time is `now`.
    pub fn handle_timeout(&self, now: Instant) {
        self.input(now, Core::handle_timeout);
    }

    /// When [`Stepper::handle_timeout`] is to be called next, if nothing else happens.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.lock().core.next_deadline()
    }

    /// Everything that is to be sent now, in order.
    pub fn poll_transmits(&self, now: Instant) -> Vec<(Path, Vec<u8>)> {
        let mut datagrams = Vec::new();
        self.input(now, |core, now| {
            let mut batch = SendBatch::new();
            loop {
                batch.clear();
                let more = core.poll_transmit(now, &mut batch);
                datagrams.extend(batch.iter().map(|(path, bytes)| (path, bytes.to_vec())));
                if !more || batch.is_empty() {
                    break;
                }
            }
        });
        datagrams
    }

    fn input(&self, now: Instant, call: impl FnOnce(&mut Core, Instant)) {
        let mut inner = self.lock();
        inner.now = inner.now.max(now);
        let now = inner.now;
        call(&mut inner.core, now);
        // All paths are this core's: there is nobody to tell.
        while inner.core.poll_claim().is_some() {}
        while let Some(event) = inner.core.poll_event() {
            if let Event::TransportClosed { transport, .. } = event {
                self.addresses.forget(transport);
            }
            if inner.events.len() < MAX_EVENTS {
                inner.events.push_back(event);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Stepper {
    fn default() -> Self {
        Self::new()
    }
}

impl Controls for Stepper {
    fn ids(&self) -> &IdAllocator {
        &self.ids
    }

    fn addresses(&self) -> &AddressBook {
        &self.addresses
    }

    fn submit(&self, command: Command) -> Result<(), Refused> {
        self.input(Instant::default(), |core, now| core.handle_command(now, command));
        Ok(())
    }

    fn change_relays(&self, change: RelayChange) -> Result<(), Refused> {
        self.input(Instant::default(), |core, now| core.handle_relay_change(now, change));
        Ok(())
    }

    /// In virtual time nothing comes to a socket, and what is sent through one is polled.
    fn adopt(&self, _: RelayId, _: Vec<(SocketAddr, RelaySocket)>) -> Result<(), Refused> {
        Ok(())
    }

    fn abandon(&self, _: RelayId) {}

    /// Nor with peers.
    fn ask(&self, _: WorkerId, _: PeerRequest) -> Result<(), Refused> {
        Ok(())
    }

    /// There are no connections in virtual time.
    fn close_stream(&self, _: StreamId) -> Result<(), Refused> {
        Ok(())
    }

    fn drain_events(&self, limit: usize) -> Vec<Event> {
        let mut inner = self.lock();
        let count = limit.min(inner.events.len());
        inner.events.drain(..count).collect()
    }

    fn stats(&self) -> Vec<TransportStats> {
        let mut inner = self.lock();
        let now = inner.now;
        inner.core.stats(now)
    }

    fn transport_stats(&self, id: TransportId) -> Option<TransportStats> {
        self.stats().into_iter().find(|stats| stats.transport == id)
    }

    fn relay_stats(&self) -> Vec<RelayStats> {
        self.lock().core.relay_stats()
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.lock().core.counters().iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::CloseReason;
    use crate::ice::Credentials;
    use crate::packet::extensions::ExtensionMap;

    #[test]
    fn a_transport_nobody_checks_ends_and_its_user_is_free_again() {
        let stepper = Stepper::new();
        let credentials = Credentials { ufrag: "ours".into(), pwd: "p".repeat(22), remote_ufrag: "them".into() };
        let add = || stepper.add_transport(credentials.clone(), ExtensionMap::new([]));
        let id = add().unwrap();
        assert_eq!(add(), Err(Refused::UfragTaken));
        let mut steps = 0;
        while let Some(deadline) = stepper.next_deadline() {
            stepper.handle_timeout(deadline);
            steps += 1;
            assert!(steps < 1000, "the deadline does not move");
        }
        let closed = Event::TransportClosed { transport: id, reason: CloseReason::ConsentExpired, paths: Vec::new() };
        assert_eq!(stepper.drain_events(9), [closed]);
        assert!(add().is_ok());
    }
}
