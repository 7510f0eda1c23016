//! What the workers tell Python: one bounded queue with a descriptor that is readable while something waits.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::event::Event;
use crate::ids::TransportId;
use crate::net::sys::EventFd;

/// Of the room there is, DTLS takes one part in this many at most: it is repeated if it is lost, by itself or by the SCTP
/// within, and most of the rest is said once.
const DTLS_SHARE: usize = 2;

/// What a client can cause at will waits in these numbers at most, so that one that floods us does not take the others'
/// room: DTLS datagrams, and changes of path.
const MAX_DTLS: u32 = 256;
const MAX_MOVES: u32 = 128;

/// What anybody can cause, STUN requests, HTTP and peers that connect, waits in this number at most. Clients repeat requests.
const MAX_STRANGERS: usize = 1024;

/// Audio levels of workers wait in this number at most: what they say is soon out of date.
const MAX_LEVELS: usize = 128;

/// The queue.
pub struct EventQueue {
    capacity: usize,
    inner: Mutex<Inner>,
    bell: EventFd,
}

#[derive(Default)]
struct Inner {
    events: VecDeque<Event>,
    waiting: HashMap<TransportId, Waiting>,
    dtls: usize,
    strangers: usize,
    levels: usize,
    dropped: u64,
}

/// What waits of one transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Waiting {
    dtls: u32,
    moves: u32,
}

impl EventQueue {
    /// Room for `capacity` events, at least 1.
    pub fn new(capacity: usize) -> io::Result<Self> {
        Ok(Self { capacity: capacity.max(1), inner: Mutex::default(), bell: EventFd::new()? })
    }

    /// Appends an event, or drops it and counts that: if there is no room for its kind, or if the queue is full and nothing
    /// in it says less. Else it takes the place of the oldest that says least.
    pub fn push(&self, event: Event) {
        let mut inner = self.lock();
        if !inner.has_room_for(&event, self.capacity) {
            inner.dropped += 1;
            return;
        }
        if inner.events.len() >= self.capacity {
            inner.dropped += 1;
            if !inner.evict_below(weight(&event)) {
                return;
            }
        }
        inner.count(&event);
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
            inner.discount(event);
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
    fn has_room_for(&self, event: &Event, capacity: usize) -> bool {
        let of = |transport| self.waiting.get(transport).copied().unwrap_or_default();
        match event {
            Event::DtlsReceived { transport, .. } => {
                self.dtls < capacity.div_ceil(DTLS_SHARE) && of(transport).dtls < MAX_DTLS
            }
            Event::IceConnected { transport, .. } => of(transport).moves < MAX_MOVES,
            Event::AudioLevels { .. } => self.levels < MAX_LEVELS,
            _ => !is_strangers(event) || self.strangers < MAX_STRANGERS,
        }
    }

    /// Makes room for one event of this weight; false if nothing weighs less.
    fn evict_below(&mut self, limit: Weight) -> bool {
        for least in [Weight::Repeated, Weight::News].into_iter().filter(|weight| *weight < limit) {
            let oldest = self.events.iter().position(|event| weight(event) == least);
            if let Some(evicted) = oldest.and_then(|index| self.events.remove(index)) {
                self.discount(&evicted);
                return true;
            }
        }
        false
    }

    fn count(&mut self, event: &Event) {
        self.strangers += usize::from(is_strangers(event));
        match event {
            Event::DtlsReceived { transport, .. } => {
                self.dtls += 1;
                self.waiting.entry(*transport).or_default().dtls += 1;
            }
            Event::IceConnected { transport, .. } => self.waiting.entry(*transport).or_default().moves += 1,
            Event::AudioLevels { .. } => self.levels += 1,
            _ => {}
        }
    }

    fn discount(&mut self, event: &Event) {
        self.strangers -= usize::from(is_strangers(event));
        self.levels -= usize::from(matches!(event, Event::AudioLevels { .. }));
        let (transport, dtls, moves) = match event {
            Event::DtlsReceived { transport, .. } => (transport, 1, 0),
            Event::IceConnected { transport, .. } => (transport, 0, 1),
            _ => return,
        };
        self.dtls -= dtls as usize;
        if let Some(waiting) = self.waiting.get_mut(transport) {
            waiting.dtls -= dtls;
            waiting.moves -= moves;
            if *waiting == Waiting::default() {
                self.waiting.remove(transport);
            }
        }
    }
}

/// How bad it is to lose an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// Somebody says it again.
    Repeated,
    /// Said once.
    News,
    /// Said once, and what it is about would never be cleared away.
    End,
}

fn weight(event: &Event) -> Weight {
    match event {
        Event::DtlsReceived { .. } | Event::StunReceived { .. } | Event::AudioLevels { .. } => Weight::Repeated,
        Event::TransportClosed { .. } | Event::StreamClosed { .. } => Weight::End,
        _ => Weight::News,
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
    use crate::ids::TrackId;
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

    fn layer(track: u32) -> Event {
        Event::LayerChanged { track: TrackId(track), layer: 0, rid: None, active: true }
    }

    #[test]
    fn a_full_queue_drops_the_newest_but_never_that_a_transport_closed() {
        let queue = EventQueue::new(2).unwrap();
        queue.push(closed(1));
        for track in 0..2 {
            queue.push(layer(track));
        }
        queue.push(closed(3));
        assert_eq!(queue.dropped(), 2);
        assert_eq!(queue.drain(9), [closed(1), closed(3)]);
    }

    #[test]
    fn dtls_has_half_of_the_room_and_gives_way_to_what_is_said_once() {
        let queue = EventQueue::new(8).unwrap();
        for data in 0..8 {
            queue.push(dtls(u32::from(data), data));
        }
        assert_eq!(queue.dropped(), 4);
        for track in 0..6 {
            queue.push(layer(track));
        }
        assert_eq!(queue.dropped(), 6, "two of DTLS made room");
        let (dtls_left, news): (Vec<Event>, Vec<Event>) =
            queue.drain(9).into_iter().partition(|event| matches!(event, Event::DtlsReceived { .. }));
        assert_eq!((dtls_left, news), (vec![dtls(2, 2), dtls(3, 3)], (0..6).map(layer).collect()));
        for data in 0..8 {
            queue.push(dtls(1, data));
        }
        assert_eq!(queue.drain(9).len(), 4, "what was counted is counted off");
    }

    #[test]
    fn audio_levels_do_not_pile_up() {
        let queue = EventQueue::new(1000).unwrap();
        let levels = || Event::AudioLevels { levels: Vec::new() };
        for _ in 0..2 {
            (0..500).for_each(|_| queue.push(levels()));
            assert_eq!(queue.drain(usize::MAX).len(), MAX_LEVELS);
        }
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
        assert_eq!(events.len() as u32, MAX_DTLS + MAX_MOVES + 1);
        assert_eq!(events.last(), Some(&dtls(2, 0)));
        queue.push(dtls(1, 7));
        assert_eq!(queue.drain(1), [dtls(1, 7)]);
    }
}
