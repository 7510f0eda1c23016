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
