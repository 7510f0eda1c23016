//! Sequence number and timestamp rewriting for one egress.
//!
//! A viewer sees one unbroken RTP stream while its sources come, go and restart. Each source's numbers are moved by
//! an offset that is right for a range of them; dropped packets end one range and begin the next, so that a packet
//! that comes late still gets the number that was kept free for it, and no number is ever given out twice.

use core::time::Duration;
use std::collections::VecDeque;

use crate::time::Instant;

/// Ranges remembered for late packets; those that belong before the oldest are not forwarded any more.
const MAX_RANGES: usize = 128;
/// A jump forward beyond this is a restart of the source, not loss: the viewer sees one missing number.
const MAX_JUMP: u64 = 1000;
/// How far a timestamp derived from sender reports may be from the wall clock before it is disbelieved.
const HINT_TOLERANCE: Duration = Duration::from_millis(200);
/// How much the output timestamp advances at least when a source takes over.
const MIN_STEP: Duration = Duration::from_millis(10);
/// Every RTP video payload format runs at this rate (RFC 3551 section 5), and no WebRTC audio format does.
const VIDEO_CLOCK_RATE: u32 = 90_000;

/// Where a packet goes in the viewer's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// Extended sequence number: the low 16 bits go into the header, the rest is the SRTP rollover counter.
    pub sequence: u64,
    /// RTP timestamp.
    pub timestamp: u32,
}

/// Source numbers from `start` on, up to the next range, and what to add to them (modulo their width).
#[derive(Clone, Copy, Debug)]
struct Range {
    start: u64,
    sequence_offset: u64,
    timestamp_offset: u32,
}

impl Range {
    fn map(&self, sequence: u64, timestamp: u32) -> Mapped {
        Mapped {
            sequence: sequence.wrapping_add(self.sequence_offset),
            timestamp: timestamp.wrapping_add(self.timestamp_offset),
        }
    }

    fn first_output(&self) -> u64 {
        self.start.wrapping_add(self.sequence_offset)
    }
}

/// The newest source number seen, and what the newest forwarded packet became.
#[derive(Clone, Copy, Debug)]
struct Frontier {
    source: u64,
    output: Mapped,
    at: Instant,
    /// The newest forwarded packet ended its frame.
    closed: bool,
}

/// Rewriting state of one egress. Source sequence numbers are extended ones, in a space of each source's own.
#[derive(Debug)]
pub struct Munger {
    first_sequence: u16,
    clock_rate: u32,
    current: Option<(Range, Frontier)>,
    /// Earlier ranges of the current source, oldest first.
    past: VecDeque<Range>,
}

impl Munger {
    /// `first_sequence` is the caller's choice; below 2^15 it keeps a loss at the start from hiding the first
    /// rollover from the receiver (RFC 3711 section 3.3.1).
    pub fn new(first_sequence: u16, clock_rate: u32) -> Self {
        Self { first_sequence, clock_rate: clock_rate.max(1), current: None, past: VecDeque::new() }
    }

    /// A new source takes over with this packet, which for video starts a keyframe.
    ///
    /// The first source ever keeps its timestamps. Later ones continue after the last output timestamp: at `hint`,
    /// the output timestamp that the sender reports give, if the wall clock agrees to within 200 ms; otherwise
    /// where the wall clock says. A video frame that was cut short is followed by one missing number, so that a
    /// receiver does not take it for a complete one.
    pub fn switch(&mut self, now: Instant, sequence: u64, timestamp: u32, hint: Option<u32>) -> Mapped {
        let output = match self.current {
            None => Mapped { sequence: u64::from(self.first_sequence), timestamp },
            Some((range, last)) => Mapped {
                sequence: unclaimed(&range, &last).wrapping_add(if self.is_closed(&last) { 0 } else { 1 }),
                timestamp: self.continued_timestamp(now, &last, hint),
            },
        };
        self.past.clear();
        self.begin(now, sequence, timestamp, output);
        output
    }

    /// The place of a packet of the current source. Each source number may be forwarded once only: duplicates are
    /// the caller's to drop.
    ///
    /// `None` for what has no place of its own: packets from before the switch, before the remembered ranges, or
    /// that were skipped.
    pub fn forward(&mut self, now: Instant, sequence: u64, timestamp: u32, marker: bool) -> Option<Mapped> {
        let (range, frontier) = self.current.as_mut()?;
        if sequence > frontier.source {
            if sequence - frontier.source > MAX_JUMP {
                return Some(self.restart(now, sequence, timestamp, marker));
            }
            let output = range.map(sequence, timestamp);
            *frontier = Frontier { source: sequence, output, at: now, closed: marker };
            return Some(output);
        }
        if sequence >= range.start {
            let output = range.map(sequence, timestamp);
            if output.sequence == frontier.output.sequence {
                frontier.closed |= marker;
            }
            return Some(output);
        }
        self.late(sequence, timestamp)
    }

    /// The next source runs at another rate.
    pub fn set_clock_rate(&mut self, clock_rate: u32) {
        self.clock_rate = clock_rate.max(1);
    }

    /// The packet passed to [`Munger::switch`] ended its frame.
    pub fn mark_closed(&mut self) {
        if let Some((_, frontier)) = self.current.as_mut() {
            frontier.closed = true;
        }
    }

    /// A packet of the current source is not forwarded, e.g. because it is padding only: the numbers after it move
    /// up by one. If later ones have been sent already, its number stays unused.
    pub fn skip(&mut self, sequence: u64) {
        let Some((range, frontier)) = self.current.as_mut() else { return };
        if sequence <= frontier.source || sequence - frontier.source > MAX_JUMP {
            return;
        }
        frontier.source = sequence;
        let next = Range { start: sequence + 1, sequence_offset: range.sequence_offset.wrapping_sub(1), ..*range };
        // A range that ended where it began was never used, and late packets need not find it.
        let previous = core::mem::replace(range, next);
        if previous.start < sequence {
            remember(&mut self.past, previous);
        }
    }

    /// The newest packet forwarded (not counting late ones), and when.
    pub fn last(&self) -> Option<(Mapped, Instant)> {
        self.current.map(|(_, frontier)| (frontier.output, frontier.at))
    }

    /// What a timestamp of the current source is in the viewer's stream; for sender reports.
    pub fn to_output_timestamp(&self, source_timestamp: u32) -> Option<u32> {
        self.current.map(|(range, _)| source_timestamp.wrapping_add(range.timestamp_offset))
    }

    fn begin(&mut self, now: Instant, sequence: u64, timestamp: u32, output: Mapped) {
        let range = Range {
            start: sequence,
            sequence_offset: output.sequence.wrapping_sub(sequence),
            timestamp_offset: output.timestamp.wrapping_sub(timestamp),
        };
        self.current = Some((range, Frontier { source: sequence, output, at: now, closed: false }));
    }

    /// The same source goes on at an unrelated number. Its timestamps are kept if they still follow the wall clock.
    fn restart(&mut self, now: Instant, sequence: u64, timestamp: u32, marker: bool) -> Mapped {
        let Some((range, last)) = self.current else { return self.switch(now, sequence, timestamp, None) };
        let unchanged = timestamp.wrapping_add(range.timestamp_offset);
        let output = Mapped {
            sequence: unclaimed(&range, &last).wrapping_add(1),
            timestamp: self.continued_timestamp(now, &last, Some(unchanged)),
        };
        remember(&mut self.past, range);
        self.begin(now, sequence, timestamp, output);
        if marker {
            self.mark_closed();
        }
        output
    }

    fn late(&self, sequence: u64, timestamp: u32) -> Option<Mapped> {
        let after = self.past.partition_point(|range| range.start <= sequence);
        let range = self.past.get(after.checked_sub(1)?)?;
        let next = self.past.get(after).or(self.current.as_ref().map(|(range, _)| range))?;
        let output = range.map(sequence, timestamp);
        // A number that the next range gave away belonged to a packet that was skipped.
        (output.sequence < next.first_output()).then_some(output)
    }

    fn is_closed(&self, last: &Frontier) -> bool {
        last.closed || self.clock_rate != VIDEO_CLOCK_RATE
    }

    /// The timestamp with which a source goes on now: always later than the last one.
    fn continued_timestamp(&self, now: Instant, last: &Frontier, hint: Option<u32>) -> u32 {
        let elapsed = self.ticks(now.since(last.at));
        if let Some(hint) = hint {
            // The truncation keeps the low 32 bits, which is all a timestamp has.
            let expected = last.output.timestamp.wrapping_add(elapsed as u32);
            let error = i64::from(hint.wrapping_sub(expected) as i32);
            let advances = i64::try_from(elapsed).is_ok_and(|elapsed| elapsed.saturating_add(error) > 0);
            if advances && error.unsigned_abs() <= self.ticks(HINT_TOLERANCE) {
                return hint;
            }
        }
        last.output.timestamp.wrapping_add(elapsed.max(self.ticks(MIN_STEP)).max(1) as u32)
    }

    fn ticks(&self, duration: Duration) -> u64 {
        u64::try_from(duration.as_micros() * u128::from(self.clock_rate) / 1_000_000).unwrap_or(u64::MAX)
    }
}

/// The first number that no packet up to the newest has or can still get. One that was skipped may leave numbers before
/// its place to packets that come late, so this can be after the newest number forwarded.
fn unclaimed(range: &Range, newest: &Frontier) -> u64 {
    range.map(newest.source, 0).sequence.wrapping_add(1)
}

fn remember(past: &mut VecDeque<Range>, range: Range) {
    if past.len() >= MAX_RANGES {
        past.pop_front();
    }
    past.push_back(range);
}

#[cfg(test)]
mod tests;
