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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const RTT: Duration = Duration::from_millis(100);

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    /// Sent these at time zero; a packet is its own sequence number.
    fn history(sequences: impl IntoIterator<Item = u64>) -> History<u64> {
        let mut history = History::new(512, Duration::from_secs(1));
        for sequence in sequences {
            history.push(at(0), sequence, sequence);
        }
        history
    }

    fn resend(history: &mut History<u64>, millis: u64, sequence: u16) -> Option<u64> {
        let (packet, extended) = history.take_for_resend(at(millis), sequence, RTT)?;
        assert_eq!(*packet, extended);
        Some(extended)
    }

    #[test]
    fn what_was_sent_can_be_sent_again() {
        let mut history = history(65_500..65_600);
        assert_eq!(resend(&mut history, 50, 65_500), Some(65_500));
        assert_eq!(resend(&mut history, 50, 63), Some(65_599), "with its extended number");
    }

    #[test]
    fn unknown_numbers_are_met_with_silence() {
        let mut history = history([100, 101, 104]);
        for unknown in [99, 102, 103, 105, 40_000, 0] {
            assert_eq!(resend(&mut history, 50, unknown), None);
        }
        assert_eq!(resend(&mut history, 50, 104), Some(104));
        assert_eq!(resend(&mut History::new(10, RTT), 0, 0), None);
    }

    #[test]
    fn numbers_below_zero_are_unknown() {
        assert_eq!(resend(&mut history([3]), 50, 65_535), None);
    }

    #[test]
    fn packets_sent_late_find_their_place() {
        let mut history = history([100, 103, 102, 105, 101, 99]);
        for sequence in [99, 100, 101, 102, 103, 105] {
            assert_eq!(resend(&mut history, 50, sequence), Some(u64::from(sequence)));
        }
        assert_eq!(resend(&mut history, 50, 104), None);
    }

    #[test]
    fn a_packet_is_resent_once_in_a_round_trip() {
        let mut history = history([7]);
        assert_eq!(resend(&mut history, 10, 7), Some(7), "the first NACK may come soon");
        assert_eq!(resend(&mut history, 99, 7), None);
        assert_eq!(resend(&mut history, 100, 7), Some(7));
    }

    #[test]
    fn however_short_the_round_trip_a_packet_is_not_resent_twice_in_5_ms() {
        let mut history = history([7]);
        assert!(history.take_for_resend(at(10), 7, Duration::ZERO).is_some());
        assert!(history.take_for_resend(at(14), 7, Duration::ZERO).is_none());
        assert!(history.take_for_resend(at(15), 7, Duration::ZERO).is_some());
    }

    #[test]
    fn a_packet_is_resent_three_times_at_most() {
        let mut history = history([7]);
        let resent = (0..10).filter(|round| resend(&mut history, round * 100, 7).is_some()).count();
        assert_eq!(resent, 3);
    }

    #[test]
    fn what_is_too_old_is_not_resent_and_forgotten() {
        let mut history = history([7, 8]);
        assert_eq!(resend(&mut history, 1000, 7), Some(7));
        assert_eq!(resend(&mut history, 1001, 8), None);
        history.push(at(1001), 9, 9);
        assert_eq!(history.len(), 1);
    }

    #[test]
    fn at_capacity_the_oldest_give_way() {
        let mut history = history(0..1000);
        assert_eq!(history.len(), 512);
        assert_eq!(resend(&mut history, 50, 487), None);
        assert_eq!(resend(&mut history, 50, 488), Some(488));
        history.push(at(0), 3, 3);
        assert_eq!(resend(&mut history, 50, 3), None, "older than all of a full history");
        assert_eq!(history.len(), 512);
    }

    #[test]
    fn memory_is_for_what_is_used() {
        assert_eq!(history([]).sent.capacity(), 0);
        let mut history = History::new(4096, Duration::from_secs(1));
        // 150 packets a second for a minute.
        for packet in 0..9000 {
            history.push(at(packet * 20 / 3), packet, [0u8; 16]);
        }
        assert!(history.sent.capacity() <= 256, "{}", history.sent.capacity());
        assert!(size_of::<Sent<[u8; 16]>>() <= 56);
    }

    proptest! {
        #[test]
        fn it_knows_what_a_plain_map_knows(
            pushes in prop::collection::vec((1u64..4, 0u64..40, 0u64..30), 1..400), capacity in 1usize..100,
        ) {
            let mut history = History::new(capacity, Duration::from_millis(500));
            let mut model: BTreeMap<u64, Instant> = BTreeMap::new();
            let (mut newest, mut now) = (65_000, at(0));
            for (advance, back, pause) in pushes {
                now = now + Duration::from_millis(pause);
                newest += advance;
                let sequence = newest - back;
                history.push(now, sequence, sequence);
                newest = newest.max(sequence);
                model.insert(sequence, now);
            }
            prop_assert!(history.len() <= capacity);
            let last = model.keys().next_back().copied().unwrap_or(0);
            for sequence in last - 600..=last + 5 {
                let mut copy = history.take_for_resend(now, sequence as u16, RTT).map(|(packet, _)| *packet);
                if let Some(packet) = copy.take() {
                    prop_assert_eq!(packet, sequence);
                    prop_assert!(model.get(&sequence).is_some_and(|sent| now.since(*sent).as_millis() <= 500));
                }
            }
        }
    }
}
