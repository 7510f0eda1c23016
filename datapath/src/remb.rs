//! A bandwidth estimate on the receiving side, for publishers that do not speak transport-wide feedback
//! (draft-alvestrand-rmcat-remb-03).
//!
//! It follows loss alone: up while there is none, down when there is much, as in draft-ietf-rmcat-gcc-02 section 6.

use core::time::Duration;

use crate::rate::RateMeter;
use crate::time::Instant;

const START: u64 = 1_000_000;
const MIN: u64 = 50_000;
const MAX: u64 = 50_000_000;
/// The estimate is told this often, ...
const INTERVAL: Duration = Duration::from_secs(1);
/// ... at once if it fell by more than 3 %, ...
const URGENT_PERCENT: u64 = 97;
/// ... and not at all when nothing came for this long.
const IDLE: Duration = Duration::from_secs(5);
/// Below 2 % loss there is room for more; above 10 % there is too much. In 1/256.
const LOW_LOSS: u8 = 5;
const HIGH_LOSS: u8 = 26;
/// A loss report covers at most this much growth.
const MAX_STEP: Duration = Duration::from_secs(2);

/// The estimate for one publishing transport.
#[derive(Debug)]
pub struct ReceiveEstimate {
    received: RateMeter,
    bitrate: u64,
    /// No loss yet: grow fast.
    starting: bool,
    last_packet: Option<Instant>,
    last_interval: Option<Instant>,
    last_told: Option<(Instant, u64)>,
}

impl Default for ReceiveEstimate {
    fn default() -> Self {
        Self::new()
    }
}

impl ReceiveEstimate {
    /// Nothing known yet: 1 Mbit/s.
    pub fn new() -> Self {
        Self {
            received: RateMeter::default(),
            bitrate: START,
            starting: true,
            last_packet: None,
            last_interval: None,
            last_told: None,
        }
    }

    /// Counts a packet of any stream of the transport.
    pub fn on_packet(&mut self, now: Instant, bytes: usize) {
        self.received.on_packet(now, bytes, false);
        self.last_packet = Some(now);
    }

    /// The share of packets lost since the last call, in 1/256 as in a receiver report.
    pub fn on_interval(&mut self, now: Instant, fraction_lost: u8) {
        let elapsed = self.last_interval.map_or(INTERVAL, |last| now.since(last).min(MAX_STEP));
        self.last_interval = Some(now);
        if fraction_lost > HIGH_LOSS {
            self.starting = false;
            // rate * (1 - 0.5 * loss)
            self.bitrate = self.bitrate * (512 - u64::from(fraction_lost)) / 512;
        } else if fraction_lost >= LOW_LOSS {
            self.starting = false;
        } else {
            let received = self.received.bits_per_second(now);
            let percent_per_second = if self.starting { 50 } else { 8 };
            let growth = self.bitrate * percent_per_second / 100 * elapsed.as_millis() as u64 / 1000;
            // A publisher that does not fill the path says nothing about how wide it is.
            let ceiling = received + received / 2;
            self.bitrate = self.bitrate.max((self.bitrate + growth).min(ceiling));
        }
        self.bitrate = self.bitrate.clamp(MIN, MAX);
    }

    /// The estimate in bit/s, if it is time to tell it; that counts as done.
    pub fn poll(&mut self, now: Instant) -> Option<u64> {
        if self.next_deadline().is_none_or(|due| due > now) {
            return None;
        }
        if self.last_packet.is_none_or(|last| now.since(last) > IDLE) {
            // The next packet starts it again.
            self.last_packet = None;
            return None;
        }
        self.last_told = Some((now, self.bitrate));
        Some(self.bitrate)
    }

    /// When to poll again.
    pub fn next_deadline(&self) -> Option<Instant> {
        let last_packet = self.last_packet?;
        match self.last_told {
            None => Some(last_packet),
            Some((_, told)) if self.bitrate < told * URGENT_PERCENT / 100 => Some(last_packet),
            Some((at, _)) => Some(at + INTERVAL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    /// A publisher that sends at `rate(estimate)` bit/s for `seconds`, losing `lost`/256. Gives the last estimate told.
    fn publish(estimate: &mut ReceiveEstimate, from: u64, seconds: u64, lost: u8, rate: impl Fn(u64) -> u64) -> u64 {
        let mut told = estimate.bitrate;
        for millis in (from * 1000..(from + seconds) * 1000).step_by(10) {
            estimate.on_packet(at(millis), rate(told) as usize / 8 / 100);
            if millis % 1000 == 990 {
                estimate.on_interval(at(millis), lost);
            }
            told = estimate.poll(at(millis)).unwrap_or(told);
        }
        told
    }

    #[test]
    fn without_loss_it_grows_with_what_is_received() {
        let mut estimate = ReceiveEstimate::new();
        let told = publish(&mut estimate, 0, 10, 0, |told| told.min(4_000_000));
        assert!((4_000_000..=6_200_000).contains(&told), "{told}");
    }

    #[test]
    fn a_publisher_that_sends_little_does_not_make_it_grow_or_shrink() {
        let mut estimate = ReceiveEstimate::new();
        assert_eq!(publish(&mut estimate, 0, 60, 0, |_| 100_000), START);
    }

    #[test]
    fn a_little_loss_holds_it_and_much_lowers_it() {
        let mut estimate = ReceiveEstimate::new();
        assert_eq!(publish(&mut estimate, 0, 10, 13, |told| told), START);
        let told = publish(&mut estimate, 10, 1, 128, |told| told);
        assert_eq!(told, START * 3 / 4);
    }

    #[test]
    fn it_recovers_slowly_after_loss() {
        let mut estimate = ReceiveEstimate::new();
        publish(&mut estimate, 0, 5, 128, |told| told);
        let low = estimate.bitrate;
        assert!(low < START / 3);
        publish(&mut estimate, 5, 10, 0, |told| told);
        let percent = estimate.bitrate * 100 / low;
        assert!((180..=220).contains(&percent), "{percent}: 8 % in each of ten seconds");
    }

    #[test]
    fn it_stays_within_bounds() {
        let mut estimate = ReceiveEstimate::new();
        publish(&mut estimate, 0, 60, 255, |told| told);
        assert_eq!(estimate.bitrate, MIN);
        publish(&mut estimate, 60, 60, 0, |_| 1_000_000_000);
        publish(&mut estimate, 120, 120, 0, |_| 1_000_000_000);
        assert_eq!(estimate.bitrate, MAX);
    }

    #[test]
    fn it_is_told_once_a_second_and_at_once_when_it_falls() {
        let mut estimate = ReceiveEstimate::new();
        assert_eq!((estimate.next_deadline(), estimate.poll(at(0))), (None, None));
        estimate.on_packet(at(0), 1000);
        assert_eq!(estimate.poll(at(0)), Some(START));
        assert_eq!(estimate.next_deadline(), Some(at(1000)));
        assert_eq!(estimate.poll(at(500)), None);
        estimate.on_interval(at(500), 200);
        assert!(estimate.next_deadline().is_some_and(|due| due <= at(500)));
        assert!(estimate.poll(at(500)).is_some_and(|told| told < START));
        assert_eq!(estimate.next_deadline(), Some(at(1500)));
    }

    #[test]
    fn nothing_is_told_when_nothing_comes() {
        let mut estimate = ReceiveEstimate::new();
        estimate.on_packet(at(0), 1000);
        for seconds in 0..=5 {
            assert!(estimate.poll(at(seconds * 1000)).is_some());
        }
        assert_eq!(estimate.poll(at(6000)), None);
        assert_eq!(estimate.next_deadline(), None);
        estimate.on_packet(at(9000), 1000);
        assert!(estimate.poll(at(9000)).is_some());
    }
}
