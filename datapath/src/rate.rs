//! How much arrives: bit rate and frame rate over the last second.

use core::time::Duration;

use crate::time::Instant;

const BUCKETS: usize = 20;
const BUCKET: Duration = Duration::from_millis(50);
const WINDOW: Duration = Duration::from_secs(1);
/// A meter younger than this is read as if it were this old, so that the first burst is not taken for a rate.
const MIN_SPAN: Duration = Duration::from_millis(500);

/// Counts bytes and frames in twenty buckets of 50 ms. All calls take constant time.
#[derive(Clone, Debug, Default)]
pub struct RateMeter {
    buckets: [Bucket; BUCKETS],
    total: Bucket,
    /// Number of the newest bucket since the driver's epoch.
    newest: u64,
    started: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    bytes: u64,
    frames: u32,
}

impl RateMeter {
    /// Counts a packet; `frame_end` if it ends a frame.
    pub fn on_packet(&mut self, now: Instant, bytes: usize, frame_end: bool) {
        self.advance(now);
        self.started.get_or_insert(now);
        let packet = Bucket { bytes: bytes as u64, frames: u32::from(frame_end) };
        self.total.add(packet);
        self.buckets[slot(self.newest)].add(packet);
    }

    /// Bits per second over the last second.
    pub fn bits_per_second(&mut self, now: Instant) -> u64 {
        self.advance(now);
        let micros = u64::try_from(self.span(now).as_micros()).unwrap_or(u64::MAX).max(1);
        self.total.bytes.saturating_mul(8_000_000) / micros
    }

    /// Frames per second over the last second.
    pub fn frames_per_second(&mut self, now: Instant) -> f64 {
        self.advance(now);
        f64::from(self.total.frames) / self.span(now).as_secs_f64()
    }

    /// Empties the buckets that time has passed by.
    fn advance(&mut self, now: Instant) {
        let newest = now.as_micros() / BUCKET.as_micros() as u64;
        let passed = newest.saturating_sub(self.newest);
        for number in newest.saturating_sub(passed.min(BUCKETS as u64))..newest {
            let old = core::mem::take(&mut self.buckets[slot(number + 1)]);
            self.total.remove(old);
        }
        self.newest = self.newest.max(newest);
    }

    /// The time that the buckets cover: the newest one is not full yet.
    fn span(&self, now: Instant) -> Duration {
        let into_newest = now.since(Instant::from_micros(self.newest * BUCKET.as_micros() as u64)).min(BUCKET);
        let covered = WINDOW.saturating_sub(BUCKET) + into_newest;
        self.started.map_or(covered, |started| covered.min(now.since(started).max(MIN_SPAN)))
    }
}

impl Bucket {
    fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.frames = self.frames.saturating_add(other.frames);
    }

    fn remove(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_sub(other.bytes);
        self.frames = self.frames.saturating_sub(other.frames);
    }
}

fn slot(number: u64) -> usize {
    // The remainder is below BUCKETS.
    (number % BUCKETS as u64) as usize
}
