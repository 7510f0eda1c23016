//! Asking a publisher for lost packets of one stream (RFC 4585 section 6.2.1), and telling duplicates apart.
//!
//! A gap is not a loss yet: packets overtake each other, so the first NACK waits a little. It is repeated, ever less
//! often, until the packet comes or its time is up. What cannot be repaired any more needs a keyframe instead.

use core::time::Duration;
use std::collections::VecDeque;

use crate::time::{earliest, Instant};

/// The longest a packet may be late before it is taken for lost. A quarter of the round-trip time if that is less.
const MAX_GRACE: Duration = Duration::from_millis(20);
/// A NACK is repeated after a round trip and this, which grows by half with every attempt.
const RETRY_STEP: Duration = Duration::from_millis(10);
/// The longest time between two NACKs for one packet.
const MAX_RETRY: Duration = Duration::from_millis(500);
/// NACKs sent for one packet.
const MAX_TRIES: u8 = 8;
/// How long a lost packet is of use: a jitter buffer for sound is shorter.
const MAX_AGE_VIDEO: Duration = Duration::from_secs(1);
const MAX_AGE_AUDIO: Duration = Duration::from_millis(200);
/// Packets missing at a time. More than this is an outage, which a keyframe ends sooner than NACKs.
const MAX_MISSING: usize = 300;
/// A jump forward beyond this is a restart of the sender, not loss.
const MAX_JUMP: u64 = 1000;
/// A retransmission this far ahead of everything else is not believed.
const MAX_RECOVERED_LEAD: u64 = 100;
/// After NACKs were sent the next ones wait this long, so that they share a packet.
const BATCH: Duration = Duration::from_millis(20);
/// Parameter sets travel in packets of their own before a keyframe, which is of no use without them.
const KEYFRAME_LEAD: u64 = 16;
/// Until a round-trip time is known.
const DEFAULT_RTT: Duration = Duration::from_millis(100);
/// Sequence numbers for which it is known whether they arrived.
const WINDOW: u64 = 2048;
const WORD: u64 = u64::BITS as u64;

/// What a packet turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Seen for the first time.
    New,
    /// Seen before, or too old or too strange to tell: not to be forwarded.
    Duplicate,
}

/// The packets missing from one stream.
#[derive(Debug)]
pub struct NackGenerator {
    video: bool,
    arrived: ArrivalWindow,
    /// In the order of their sequence numbers.
    missing: VecDeque<Missing>,
    /// No missing packet is due before this. `None`: nothing is missing.
    next_due: Option<Instant>,
    last_sent: Option<Instant>,
    rtt: Duration,
    gave_up: bool,
    repaired: u64,
    lost: u64,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    sequence: u64,
    since: Instant,
    due: Instant,
    tries: u8,
}

impl NackGenerator {
    /// `video`: its packets are of use for longer, and what is lost for good needs a keyframe.
    pub fn new(video: bool) -> Self {
        Self {
            video,
            arrived: ArrivalWindow::default(),
            missing: VecDeque::new(),
            next_due: None,
            last_sent: None,
            rtt: DEFAULT_RTT,
            gave_up: false,
            repaired: 0,
            lost: 0,
        }
    }

    /// Takes note of a packet, with its extended sequence number; `recovered` if it came as a retransmission.
    pub fn on_packet(&mut self, now: Instant, sequence: u64, recovered: bool) -> Arrival {
        let Some(newest) = self.arrived.newest else {
            if recovered {
                // A retransmission says nothing about where the stream is.
                return Arrival::Duplicate;
            }
            self.arrived.restart(sequence, 0);
            return Arrival::New;
        };
        if sequence <= newest {
            return self.on_late(sequence, recovered);
        }
        let lead = sequence - newest;
        if recovered && lead > MAX_RECOVERED_LEAD {
            return Arrival::Duplicate;
        }
        if lead > MAX_JUMP {
            self.forget_missing();
            self.arrived.restart(sequence, sequence);
            return Arrival::New;
        }
        if lead > 1 {
            self.add_missing(now, newest + 1..sequence);
        }
        self.arrived.advance(sequence);
        if recovered {
            self.repaired += 1;
        }
        Arrival::New
    }

    /// A keyframe starts at or shortly before this packet: what is missing from before is not needed any more.
    pub fn on_keyframe(&mut self, sequence: u64) {
        let start = sequence.saturating_sub(KEYFRAME_LEAD);
        while self.missing.front().is_some_and(|missing| missing.sequence < start) {
            self.missing.pop_front();
            self.lost += 1;
        }
        if self.missing.is_empty() {
            self.next_due = None;
        }
        self.gave_up = false;
    }

    /// Appends the sequence numbers to send NACKs for now, in order; that counts as done. `rtt` is the round-trip
    /// time to the publisher. True if a packet was given up that only a keyframe can make good.
    pub fn poll(&mut self, now: Instant, rtt: Duration, out: &mut Vec<u16>) -> bool {
        self.rtt = rtt.min(MAX_RETRY);
        if self.next_deadline().is_some_and(|due| due <= now) {
            self.collect_due(now, out);
        }
        core::mem::take(&mut self.gave_up) && self.video
    }

    /// When to poll again.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.gave_up && self.video {
            return Some(Instant::default());
        }
        let due = self.next_due?;
        Some(self.last_sent.map_or(due, |sent| due.max(sent + BATCH)))
    }

    /// Lost packets that came after all, because they were asked for.
    pub fn repaired(&self) -> u64 {
        self.repaired
    }

    /// Packets that were given up.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    fn on_late(&mut self, sequence: u64, recovered: bool) -> Arrival {
        if !self.arrived.insert_late(sequence) {
            return Arrival::Duplicate;
        }
        if let Ok(place) = self.missing.binary_search_by_key(&sequence, |missing| missing.sequence) {
            if let Some(missing) = self.missing.remove(place) {
                self.repaired += u64::from(recovered || missing.tries > 0);
            }
            if self.missing.is_empty() {
                self.next_due = None;
            }
        }
        Arrival::New
    }

    fn add_missing(&mut self, now: Instant, gap: core::ops::Range<u64>) {
        let count = usize::try_from(gap.end - gap.start).unwrap_or(usize::MAX);
        let mut skip = 0;
        if self.missing.len().saturating_add(count) > MAX_MISSING {
            if self.video {
                self.lost += count as u64;
                self.forget_missing();
                self.gave_up = true;
                return;
            }
            // Sound needs no keyframe: only the oldest are given up.
            skip = count.saturating_sub(MAX_MISSING);
            let room = (count - skip).min(MAX_MISSING);
            let excess = self.missing.len().saturating_sub(MAX_MISSING - room);
            self.missing.drain(..excess);
            self.lost += (skip + excess) as u64;
        }
        let due = now + (self.rtt / 4).min(MAX_GRACE);
        for sequence in gap.skip(skip) {
            self.missing.push_back(Missing { sequence, since: now, due, tries: 0 });
        }
        self.next_due = earliest(self.next_due, Some(due));
    }

    fn forget_missing(&mut self) {
        self.lost += self.missing.len() as u64;
        self.missing.clear();
        self.next_due = None;
    }

    fn collect_due(&mut self, now: Instant, out: &mut Vec<u16>) {
        let max_age = if self.video { MAX_AGE_VIDEO } else { MAX_AGE_AUDIO };
        let before = (self.missing.len(), out.len());
        let mut next_due = None;
        let rtt = self.rtt;
        self.missing.retain_mut(|missing| {
            if missing.due <= now {
                if missing.tries >= MAX_TRIES || now.since(missing.since) > max_age {
                    return false;
                }
                // NACKs carry the low 16 bits.
                out.push(missing.sequence as u16);
                missing.due = now + retry_interval(rtt, missing.tries);
                missing.tries += 1;
            }
            next_due = earliest(next_due, Some(missing.due));
            true
        });
        self.next_due = next_due;
        let given_up = before.0 - self.missing.len();
        self.lost += given_up as u64;
        self.gave_up |= given_up > 0;
        if out.len() > before.1 {
            self.last_sent = Some(now);
        }
    }
}

/// Time to wait for an answer to the attempt after `tries` others.
fn retry_interval(rtt: Duration, tries: u8) -> Duration {
    let step = (0..tries).fold(RETRY_STEP, |step, _| step * 3 / 2);
    (rtt + step).min(MAX_RETRY)
}

/// Which of the last 2,048 sequence numbers arrived.
#[derive(Debug, Default)]
struct ArrivalWindow {
    newest: Option<u64>,
    /// Nothing before this is of the current run of numbers.
    floor: u64,
    words: [u64; (WINDOW / WORD) as usize],
}

impl ArrivalWindow {
    fn restart(&mut self, sequence: u64, floor: u64) {
        *self = Self { newest: Some(sequence), floor, ..Self::default() };
        self.insert(sequence);
    }

    /// The newest number moves on to `sequence`, which arrived; those between have not.
    fn advance(&mut self, sequence: u64) {
        let newest = self.newest.unwrap_or(sequence);
        // Callers advance by at most MAX_JUMP; beyond a whole window there is nothing left to clear.
        for missing in (newest + 1..sequence).take(WINDOW as usize) {
            let (word, bit) = position(missing);
            self.words[word] &= !bit;
        }
        self.newest = Some(sequence);
        self.insert(sequence);
    }

    /// Takes note of a number not after the newest. False if it is known already, or too old to tell.
    fn insert_late(&mut self, sequence: u64) -> bool {
        let newest = self.newest.unwrap_or(sequence);
        if sequence < self.floor || newest - sequence >= WINDOW {
            return false;
        }
        let (word, bit) = position(sequence);
        let fresh = self.words[word] & bit == 0;
        self.words[word] |= bit;
        fresh
    }

    fn insert(&mut self, sequence: u64) {
        let (word, bit) = position(sequence);
        self.words[word] |= bit;
    }
}

fn position(sequence: u64) -> (usize, u64) {
    // The remainder is below the number of bits.
    let bit = sequence % WINDOW;
    ((bit / WORD) as usize, 1 << (bit % WORD))
}

#[cfg(test)]
mod tests;
