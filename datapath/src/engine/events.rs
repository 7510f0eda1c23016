//! What the workers tell Python: one bounded queue with a descriptor that is readable while something waits.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::event::Event;
use crate::ids::TransportId;
use crate::net::sys::EventFd;

/// What a client can cause at will, its DTLS datagrams and changes of path, waits in this number at most, so that one
/// that floods us does not take the others' room. DTLS repeats what is lost.
const MAX_WAITING: u32 = 128;

/// What anybody can cause, STUN requests, HTTP and peers that connect, waits in this number at most. Clients repeat requests.
const MAX_STRANGERS: usize = 1024;

/// The queue.
pub struct EventQueue {
    capacity: usize,
    inner: Mutex<Inner>,
    bell: EventFd,
}

#[derive(Default)]
struct Inner {
    events: VecDeque<Event>,
    waiting: HashMap<TransportId, u32>,
    strangers: usize,
    dropped: u64,
}

impl EventQueue {
    /// Room for `capacity` events, at least 1.
    pub fn new(capacity: usize) -> io::Result<Self> {
        Ok(Self { capacity: capacity.max(1), inner: Mutex::default(), bell: EventFd::new()? })
    }

    /// Appends an event. If the queue is full it is dropped and counted; that something ended takes the place of the
    /// oldest event that says less.
    pub fn push(&self, event: Event) {
        let mut inner = self.lock();
        let at_will = caused_at_will(&event);
        if let Some(transport) = at_will {
            let waiting = inner.waiting.get(&transport).copied().unwrap_or(0);
            if waiting >= MAX_WAITING {
                inner.dropped += 1;
                return;
            }
        }
        if is_strangers(&event) && inner.strangers >= MAX_STRANGERS {
            inner.dropped += 1;
            return;
        }
        if inner.events.len() >= self.capacity {
            inner.dropped += 1;
            let is_lesser =
                |waiting: &Event| !matches!(waiting, Event::TransportClosed { .. } | Event::StreamClosed { .. });
            let lesser = inner.events.iter().position(is_lesser).filter(|_| !is_lesser(&event));
            let Some(evicted) = lesser.and_then(|index| inner.events.remove(index)) else { return };
            inner.note_removed(&evicted);
        }
        if let Some(transport) = at_will {
            *inner.waiting.entry(transport).or_default() += 1;
        }
        inner.strangers += usize::from(is_strangers(&event));
        inner.events.push_back(event);
        if inner.events.len() == 1 {
            self.bell.raise();
        }
    }

    /// Takes up to `limit` events, oldest first.
    pub fn drain(&self, limit: usize) -> Vec<Event> {
        let mut inner = self.lock();
        let count = limit.min(inner.events.len());
        let events: Vec<Event> = inner.events.drain(..count).collect();
        for event in &events {
            inner.note_removed(event);
        }
        if inner.events.is_empty() {
            self.bell.clear();
        }
        events
    }

    /// Events dropped since start.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn note_removed(&mut self, event: &Event) {
        self.strangers -= usize::from(is_strangers(event));
        let Some(transport) = caused_at_will(event) else { return };
        if let Some(waiting) = self.waiting.get_mut(&transport) {
            *waiting = waiting.saturating_sub(1);
            if *waiting == 0 {
                self.waiting.remove(&transport);
            }
        }
    }
}

fn caused_at_will(event: &Event) -> Option<TransportId> {
    match event {
        Event::DtlsReceived { transport, .. } | Event::IceConnected { transport, .. } => Some(*transport),
        _ => None,
    }
}

fn is_strangers(event: &Event) -> bool {
    matches!(event, Event::StunReceived { .. } | Event::HttpAccepted { .. } | Event::PeerArrived { .. })
}

impl AsFd for EventQueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::CloseReason;
    use crate::net::sys::{Interest, WaitSet};
    use crate::path::Path;
    use core::time::Duration;

    fn dtls(transport: u32, data: u8) -> Event {
        Event::DtlsReceived { transport: TransportId(transport), data: vec![data] }
    }

    fn closed(transport: u32) -> Event {
        Event::TransportClosed {
            transport: TransportId(transport),
            reason: CloseReason::ConsentExpired,
            paths: Vec::new(),
        }
    }

    fn is_readable(queue: &EventQueue) -> bool {
        let mut wait = WaitSet::default();
        let place = wait.add(queue.as_fd(), Interest::Readable);
        wait.wait(Some(Duration::ZERO)).unwrap();
        wait.is_ready(place)
    }

    #[test]
    fn the_descriptor_is_readable_while_events_wait() {
        let queue = EventQueue::new(8).unwrap();
        assert!(!is_readable(&queue));
        queue.push(dtls(1, 1));
        queue.push(dtls(1, 2));
        assert!(is_readable(&queue));
        assert_eq!(queue.drain(1), [dtls(1, 1)]);
        assert!(is_readable(&queue));
        assert_eq!(queue.drain(8), [dtls(1, 2)]);
        assert!(!is_readable(&queue));
    }

    #[test]
    fn a_full_queue_drops_the_newest_but_never_that_a_transport_closed() {
        let queue = EventQueue::new(2).unwrap();
        queue.push(closed(1));
        for data in 0..2 {
            queue.push(dtls(2, data));
        }
        queue.push(closed(3));
        assert_eq!(queue.dropped(), 2);
        assert_eq!(queue.drain(9), [closed(1), closed(3)]);
    }

    #[test]
    fn one_transport_cannot_take_all_the_room() {
        let queue = EventQueue::new(1000).unwrap();
        let path = Path::udp(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
        for _ in 0..500 {
            queue.push(dtls(1, 0));
            queue.push(Event::IceConnected { transport: TransportId(1), path });
        }
        queue.push(dtls(2, 0));
        let events = queue.drain(usize::MAX);
        assert_eq!(events.len() as u32, MAX_WAITING + 1);
        assert_eq!(events.last(), Some(&dtls(2, 0)));
        queue.push(dtls(1, 7));
        assert_eq!(queue.drain(1), [dtls(1, 7)]);
    }
}
