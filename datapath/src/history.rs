//! What one egress sent lately, to answer its viewer's NACKs (RFC 4585 section 6.2.1).

use core::time::Duration;
use std::collections::VecDeque;

use crate::time::Instant;

/// A packet is resent at most this often: after that the path is the problem, and more packets make it worse.
const MAX_RESENDS: u8 = 3;
/// Two NACKs for one packet closer than this are one loss, however short the round trip is.
const MIN_RESEND_INTERVAL: Duration = Duration::from_millis(5);

/// A packet as it is remembered.
#[derive(Debug)]
pub struct Sent<T> {
    /// Whatever the egress needs to make the packet again.
    pub packet: T,
    /// Extended sequence number it was sent with.
    pub sequence: u64,
    at: Instant,
    resent_at: Instant,
    resends: u8,
}

/// The last packets sent, in the order of their sequence numbers, which may have holes. Memory grows with use, up
/// to the capacity.
#[derive(Debug)]
pub struct History<T> {
    capacity: usize,
    max_age: Duration,
    sent: VecDeque<Sent<T>>,
}

impl<T> History<T> {
    /// Remembers at most `capacity` packets (at least one), none of them for longer than `max_age`.
    pub fn new(capacity: usize, max_age: Duration) -> Self {
        Self { capacity: capacity.max(1), max_age, sent: VecDeque::new() }
    }

    /// Remembers a packet that was sent just now. One that is older than everything in a full history is forgotten
    /// at once; one whose number is there already replaces it.
    pub fn push(&mut self, now: Instant, sequence: u64, packet: T) {
        self.expire(now);
        let entry = Sent { packet, sequence, at: now, resent_at: now, resends: 0 };
        if self.sent.back().is_none_or(|newest| newest.sequence < sequence) {
            self.make_room();
            self.sent.push_back(entry);
        } else {
            self.insert_late(entry);
        }
    }

    /// The packet with this sequence number, if it is to be sent again now; that counts as done. Also gives its
    /// extended sequence number.
    ///
    /// `None` (which the viewer hears as silence) if it is not known, is too old, was resent three times, or was
    /// resent so lately that this NACK cannot have known. `rtt` is the round-trip time to the viewer.
    pub fn take_for_resend(&mut self, now: Instant, sequence: u16, rtt: Duration) -> Option<(&T, u64)> {
        let newest = self.sent.back()?.sequence;
        // The truncation keeps the low 16 bits: a NACK is about the past, so the number is at or below the newest.
        let wanted = newest.checked_sub(u64::from((newest as u16).wrapping_sub(sequence)))?;
        let place = self.place(wanted)?;
        let max_age = self.max_age;
        let sent = self.sent.get_mut(place)?;
        // A receiver repeats its NACKs once per round trip, by its own measure of it: leave room for the difference.
        let interval = (rtt * 9 / 10).max(MIN_RESEND_INTERVAL);
        let too_soon = sent.resends > 0 && now.since(sent.resent_at) < interval;
        if too_soon || sent.resends >= MAX_RESENDS || now.since(sent.at) > max_age {
            return None;
        }
        sent.resends += 1;
        sent.resent_at = now;
        Some((&sent.packet, sent.sequence))
    }

    /// Forgets what is older than the maximum age. Happens with every push too.
    pub fn expire(&mut self, now: Instant) {
        while self.sent.front().is_some_and(|oldest| now.since(oldest.at) > self.max_age) {
            self.sent.pop_front();
        }
    }

    /// How many packets are remembered.
    pub fn len(&self) -> usize {
        self.sent.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    fn insert_late(&mut self, entry: Sent<T>) {
        match self.sent.binary_search_by_key(&entry.sequence, |sent| sent.sequence) {
            Ok(same) => self.sent[same] = entry,
            Err(0) if self.sent.len() >= self.capacity => {}
            Err(place) => {
                let before = self.sent.len();
                self.make_room();
                self.sent.insert(place - (before - self.sent.len()), entry);
            }
        }
    }

    fn make_room(&mut self) {
        while self.sent.len() >= self.capacity {
            self.sent.pop_front();
        }
    }

    /// Index of a sequence number: without holes its distance from the oldest, otherwise somewhere before that.
    fn place(&self, sequence: u64) -> Option<usize> {
        let distance = sequence.checked_sub(self.sent.front()?.sequence)?;
        let guess = usize::try_from(distance).ok()?.min(self.sent.len() - 1);
        if self.sent.get(guess)?.sequence == sequence {
            return Some(guess);
        }
        self.sent.binary_search_by_key(&sequence, |sent| sent.sequence).ok()
    }
}
