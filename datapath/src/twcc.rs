//! Transport-wide feedback: when each packet of one publishing transport arrived
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01).
//!
//! The publisher estimates its bandwidth from this alone, so every status must be told: losses before the first
//! packet of a feedback, and packets that come after a feedback called them lost.

use core::time::Duration;
use std::collections::VecDeque;

use crate::serial::Unwrapper16;
use crate::time::Instant;

/// Feedback is sent this long after the first packet it is about, ...
const INTERVAL: Duration = Duration::from_millis(100);
/// ... or when it is about this many packets, ...
const FULL: usize = 100;
/// ... but never two at once.
const MIN_INTERVAL: Duration = Duration::from_millis(50);
/// Arrivals are kept this long after they were reported, to be reported again if an earlier packet comes late.
const KEPT: Duration = Duration::from_millis(500);
/// Arrivals kept at most; the oldest are forgotten first.
const MAX_ARRIVALS: usize = 8192;
/// Packets that arrived in one feedback. Each takes at most a chunk (2 bytes), a chunk for the run of losses before
/// it and a delta (2 bytes); runs are split at 8,191, and a feedback is about less than 2^16 packets. So it has at
/// most 20 + 180 * 6 + 9 * 2 + 3 bytes.
const MAX_RECEIVED: usize = 180;
/// Statuses in one feedback, by the width of their count. A gap is half of that at most, by how it is unwrapped.
const MAX_STATUSES: u64 = 0xffff;
/// Arrival times are told in units of 250 µs, the reference time in units of 64 ms.
const TICK_MICROS: u64 = 250;
const TICKS_PER_REFERENCE: u64 = 256;

const MAX_RUN: usize = 8191;
const ONE_BIT_SYMBOLS: usize = 14;
const TWO_BIT_SYMBOLS: usize = 7;
/// Losses in a row that are worth a run of their own.
const LONG_GAP: u64 = 2 * ONE_BIT_SYMBOLS as u64;

/// Statuses as they are written (section 3.1.1).
const LOST: u8 = 0;
const SMALL_DELTA: u8 = 1;
const LARGE_DELTA: u8 = 2;

/// Records arrivals and writes feedback about them.
#[derive(Debug, Default)]
pub struct ArrivalRecorder {
    unwrapper: Unwrapper16,
    /// In the order of their sequence numbers; lost packets take no room.
    arrivals: VecDeque<Arrival>,
    /// The next feedback begins with this packet.
    next: Option<u64>,
    /// Nothing is remembered of packets before this.
    floor: u64,
    pending: usize,
    pending_since: Option<Instant>,
    last_sent: Option<Instant>,
    feedback_count: u8,
}

#[derive(Clone, Copy, Debug)]
struct Arrival {
    sequence: u64,
    at: Instant,
}

impl Arrival {
    fn tick(&self) -> u64 {
        self.at.as_micros() / TICK_MICROS
    }
}

impl ArrivalRecorder {
    /// Nothing arrived yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records the transport-wide sequence number of a packet, whatever else becomes of the packet. Of duplicates
    /// the first counts.
    pub fn on_packet(&mut self, now: Instant, sequence: u16) {
        let sequence = self.unwrapper.unwrap(sequence);
        if sequence < self.floor {
            return;
        }
        let arrival = Arrival { sequence, at: now };
        if self.arrivals.back().is_none_or(|newest| newest.sequence < sequence) {
            self.arrivals.push_back(arrival);
        } else {
            let place = self.arrivals.partition_point(|arrival| arrival.sequence < sequence);
            if self.arrivals.get(place).is_some_and(|arrival| arrival.sequence == sequence) {
                return;
            }
            self.arrivals.insert(place, arrival);
        }
        self.next = Some(self.next.map_or(sequence, |next| next.min(sequence)));
        self.pending += 1;
        self.pending_since.get_or_insert(now);
        while self.arrivals.len() > MAX_ARRIVALS {
            self.forget_oldest();
        }
    }

    /// Appends the feedback packets that are due, each one RTCP packet of at most 1,200 bytes. `media_ssrc` may be
    /// any SSRC of the publisher's.
    pub fn poll(&mut self, now: Instant, sender_ssrc: u32, media_ssrc: u32, out: &mut Vec<Vec<u8>>) {
        if self.next_deadline().is_none_or(|due| due > now) {
            return;
        }
        let Some(mut base) = self.next else { return };
        let mut place = self.arrivals.partition_point(|arrival| arrival.sequence < base);
        while place < self.arrivals.len() {
            let end = place + self.feedback_len(base, place);
            let header = Header { sender_ssrc, media_ssrc, base, count: self.feedback_count };
            out.push(write_feedback(&header, self.arrivals.range(place..end)));
            self.feedback_count = self.feedback_count.wrapping_add(1);
            // Every feedback has one packet at least, so this ends.
            base = self.arrivals.get(end - 1).map_or(base, |last| last.sequence + 1);
            place = end;
        }
        self.next = Some(base);
        self.pending = 0;
        self.pending_since = None;
        self.last_sent = Some(now);
        while self.arrivals.front().is_some_and(|oldest| oldest.sequence < base && now.since(oldest.at) > KEPT) {
            self.forget_oldest();
        }
    }

    /// When to poll again. `None`: nothing to report.
    pub fn next_deadline(&self) -> Option<Instant> {
        let since = self.pending_since?;
        let wanted = if self.pending >= FULL { since } else { since + INTERVAL };
        Some(self.last_sent.map_or(wanted, |sent| wanted.max(sent + MIN_INTERVAL)))
    }

    /// How many arrivals from `place` on fit into one feedback that begins with `base`.
    fn feedback_len(&self, base: u64, place: usize) -> usize {
        let mut previous: Option<Arrival> = None;
        self.arrivals
            .range(place..)
            .take(MAX_RECEIVED)
            .take_while(|arrival| {
                let fits = previous.is_none_or(|previous| i16::try_from(delta(&previous, arrival)).is_ok());
                previous = Some(**arrival);
                fits && arrival.sequence - base < MAX_STATUSES
            })
            .count()
            .max(1)
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.arrivals.pop_front() {
            self.floor = self.floor.max(oldest.sequence + 1);
            self.next = self.next.map(|next| next.max(self.floor));
        }
    }
}

/// Ticks from one arrival to another, which may have come earlier.
fn delta(from: &Arrival, to: &Arrival) -> i64 {
    // Ticks are microseconds divided by 250, far below 2^63.
    to.tick() as i64 - from.tick() as i64
}

struct Header {
    sender_ssrc: u32,
    media_ssrc: u32,
    base: u64,
    count: u8,
}

/// Writes one feedback packet (section 3.1) about `arrivals`, of which there is one at least.
fn write_feedback<'a>(header: &Header, arrivals: impl Iterator<Item = &'a Arrival>) -> Vec<u8> {
    let mut chunks = Chunks::default();
    let mut deltas = Vec::with_capacity(256);
    let mut reference = 0;
    let mut previous_tick: Option<u64> = None;
    let mut next = header.base;
    for arrival in arrivals {
        chunks.lost(arrival.sequence - next);
        next = arrival.sequence + 1;
        let tick = arrival.tick();
        let from = previous_tick.unwrap_or_else(|| {
            reference = tick / TICKS_PER_REFERENCE;
            reference * TICKS_PER_REFERENCE
        });
        previous_tick = Some(tick);
        // The caller has checked that it fits into 16 bits; the first is below 256.
        let delta = tick as i64 - from as i64;
        if let Ok(small) = u8::try_from(delta) {
            chunks.symbols.push(SMALL_DELTA);
            deltas.push(small);
        } else {
            chunks.symbols.push(LARGE_DELTA);
            deltas.extend((delta as i16).to_be_bytes());
        }
    }
    chunks.flush();

    let mut out = Vec::with_capacity(20 + chunks.bytes.len() + deltas.len() + 3);
    out.extend([0x8f, 205, 0, 0]);
    out.extend(header.sender_ssrc.to_be_bytes());
    out.extend(header.media_ssrc.to_be_bytes());
    // The truncations keep the bits that the fields have. There are at most MAX_STATUSES.
    out.extend((header.base as u16).to_be_bytes());
    out.extend(((next - header.base) as u16).to_be_bytes());
    out.extend(&(reference as u32).to_be_bytes()[1..]);
    out.push(header.count);
    out.extend(chunks.bytes);
    out.extend(deltas);
    pad(&mut out);
    out
}

/// Packet status chunks (sections 3.1.3 and 3.1.4): runs where they are long, vectors elsewhere.
#[derive(Default)]
struct Chunks {
    bytes: Vec<u8>,
    /// Not written yet.
    symbols: Vec<u8>,
}

impl Chunks {
    fn lost(&mut self, count: u64) {
        if count < LONG_GAP {
            self.symbols.extend((0..count).map(|_| LOST));
            return;
        }
        // The last vector has room for less than a long gap.
        let mut left = count - self.flush() as u64;
        while left > 0 {
            let run = left.min(MAX_RUN as u64);
            self.bytes.extend((u16::from(LOST) << 13 | run as u16).to_be_bytes());
            left -= run;
        }
    }

    /// Writes the symbols. Gives how many more, all of them lost, the last vector tells of.
    fn flush(&mut self) -> usize {
        let mut symbols = self.symbols.as_slice();
        let mut excess = 0;
        while let Some(&first) = symbols.first() {
            let run = symbols.iter().take(MAX_RUN).take_while(|&&symbol| symbol == first).count();
            let one_bit = symbols.iter().take(ONE_BIT_SYMBOLS).all(|&symbol| symbol != LARGE_DELTA);
            let width = if one_bit { ONE_BIT_SYMBOLS } else { TWO_BIT_SYMBOLS };
            let (chunk, taken) = if run >= width || run == symbols.len() {
                (u16::from(first) << 13 | run as u16, run)
            } else {
                let taken = symbols.len().min(width);
                excess = width - taken;
                (vector(&symbols[..taken], one_bit), taken)
            };
            self.bytes.extend(chunk.to_be_bytes());
            symbols = &symbols[taken..];
        }
        self.symbols.clear();
        excess
    }
}

/// A status vector chunk (section 3.1.4), filled up with lost packets.
fn vector(symbols: &[u8], one_bit: bool) -> u16 {
    let (head, bits) = if one_bit { (0x8000, 1) } else { (0xc000, 2) };
    symbols
        .iter()
        .enumerate()
        .fold(head, |chunk, (index, &symbol)| chunk | u16::from(symbol) << (ONE_BIT_SYMBOLS - bits * (index + 1)))
}

/// Pads to a whole number of words (RFC 3550 section 6.4.1, P bit) and fills in the length.
fn pad(out: &mut Vec<u8>) {
    let padding = out.len().next_multiple_of(4) - out.len();
    if padding > 0 {
        out[0] |= 0x20;
        out.resize(out.len() + padding - 1, 0);
        out.push(padding as u8);
    }
    let words = (out.len() / 4 - 1) as u16;
    out[2..4].copy_from_slice(&words.to_be_bytes());
}

#[cfg(test)]
mod tests;
