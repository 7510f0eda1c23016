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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    /// 1,000 bytes every 10 ms, ten packets a frame, from `from` to `to` (in milliseconds).
    fn steady(meter: &mut RateMeter, from: u64, to: u64) {
        for millis in (from..to).step_by(10) {
            meter.on_packet(at(millis), 1000, millis % 100 == 90);
        }
    }

    #[test]
    fn a_steady_stream_is_read_as_it_is() {
        let mut meter = RateMeter::default();
        steady(&mut meter, 3000, 8000);
        for now in [8000, 8010, 8049] {
            let rate = meter.bits_per_second(at(now));
            assert!((750_000..=850_000).contains(&rate), "{rate}");
        }
        let frames = meter.frames_per_second(at(8000));
        assert!((9.0..=11.0).contains(&frames), "{frames}");
    }

    #[test]
    fn a_young_stream_is_read_by_its_age() {
        let mut meter = RateMeter::default();
        steady(&mut meter, 1_000_000, 1_000_700);
        let rate = meter.bits_per_second(at(1_000_700));
        assert!((790_000..=810_000).contains(&rate), "{rate}");
    }

    #[test]
    fn the_first_burst_is_not_a_rate() {
        let mut meter = RateMeter::default();
        meter.on_packet(at(0), 50_000, true);
        assert_eq!(meter.bits_per_second(at(1)), 800_000);
    }

    #[test]
    fn what_is_over_is_forgotten_within_a_second() {
        let mut meter = RateMeter::default();
        steady(&mut meter, 0, 5000);
        assert!(meter.bits_per_second(at(5900)) > 0);
        assert_eq!(meter.bits_per_second(at(6000)), 0);
        assert_eq!(meter.frames_per_second(at(6000)), 0.0);
        steady(&mut meter, 1_000_000, 1_001_000);
        assert!((750_000..=850_000).contains(&meter.bits_per_second(at(1_001_000))));
    }

    #[test]
    fn an_unused_meter_reads_zero() {
        assert_eq!(RateMeter::default().bits_per_second(at(123)), 0);
        assert_eq!(RateMeter::default().frames_per_second(at(123)), 0.0);
    }

    proptest! {
        #[test]
        fn it_counts_the_last_second(packets in prop::collection::vec((0u64..300_000, 0usize..1500), 1..200)) {
            let mut meter = RateMeter::default();
            let mut now = Instant::from_micros(7);
            let mut all = Vec::new();
            for (pause, bytes) in packets {
                now = now + Duration::from_micros(pause);
                meter.on_packet(now, bytes, true);
                all.push((now, bytes));
            }
            let within = |window: Duration| {
                all.iter().filter(|(at, _)| now.since(*at) < window).map(|(_, bytes)| *bytes as u64).sum::<u64>()
            };
            prop_assert!(meter.total.bytes >= within(WINDOW - BUCKET));
            prop_assert!(meter.total.bytes <= within(WINDOW));
        }

        #[test]
        fn no_input_makes_it_fail(packets in prop::collection::vec((any::<u64>(), any::<usize>()), 0..100)) {
            let mut meter = RateMeter::default();
            for (micros, bytes) in packets {
                let now = Instant::from_micros(micros);
                meter.on_packet(now, bytes, true);
                meter.bits_per_second(now);
                prop_assert!(meter.frames_per_second(now).is_finite());
            }
        }
    }
}
