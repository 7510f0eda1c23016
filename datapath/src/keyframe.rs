//! Asking a publisher for a keyframe of one layer.
//!
//! Many viewers ask at once, and a keyframe costs as much as five to ten other frames: requests are coalesced and
//! throttled. Feedback packets get lost, and a static screen share sends nothing on its own: a request is repeated
//! until the keyframe comes.

use core::time::Duration;

use crate::time::{earliest, Instant};

/// Least time between asking for one keyframe and asking for the next.
const MIN_INTERVAL: Duration = Duration::from_millis(500);
/// Least time to wait for an answer before asking again.
const MIN_RETRY: Duration = Duration::from_millis(300);
/// Retries back off up to this (or one answer's time, if that is longer).
const MAX_RETRY: Duration = Duration::from_secs(1);
/// Round-trip times beyond this are taken for it.
const MAX_RTT: Duration = Duration::from_secs(1);
/// When nobody asked for this long, nobody waits any more.
const PATIENCE: Duration = Duration::from_secs(10);

/// The state of asking for keyframes of one layer.
#[derive(Debug, Default)]
pub struct KeyframeRequester {
    wanted: Option<Wanted>,
    last_sent: Option<Instant>,
    rtt: Duration,
}

/// Somebody waits for a keyframe.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    asked_at: Instant,
    /// Requests sent so far for this keyframe.
    attempts: u32,
}

impl KeyframeRequester {
    /// Nobody waits for a keyframe.
    pub fn new() -> Self {
        Self::default()
    }

    /// Somebody needs a keyframe. Whoever still waits must say so again within 10 s.
    pub fn request(&mut self, now: Instant) {
        self.wanted.get_or_insert(Wanted { asked_at: now, attempts: 0 }).asked_at = now;
    }

    /// A keyframe began to arrive: whoever asked so far has it.
    pub fn on_keyframe(&mut self, _now: Instant) {
        self.wanted = None;
    }

    /// Whether to send a PLI or FIR (RFC 4585 section 6.3.1, RFC 5104 section 4.3.1) now; that counts as done.
    pub fn poll(&mut self, now: Instant, rtt: Duration) -> bool {
        self.rtt = rtt.min(MAX_RTT);
        if self.wanted.is_some_and(|wanted| now.since(wanted.asked_at) > PATIENCE) {
            self.wanted = None;
        }
        let due = self.due();
        let Some(wanted) = self.wanted.as_mut() else { return false };
        if due.is_some_and(|due| due > now) {
            return false;
        }
        wanted.attempts = wanted.attempts.saturating_add(1);
        self.last_sent = Some(now);
        true
    }

    /// When to poll again.
    pub fn next_deadline(&self) -> Option<Instant> {
        let wanted = self.wanted?;
        earliest(Some(self.due().unwrap_or(wanted.asked_at)), Some(wanted.asked_at + PATIENCE))
    }

    /// When the next request may leave; `None`: at once.
    fn due(&self) -> Option<Instant> {
        let attempts = self.wanted?.attempts;
        let last_sent = self.last_sent?;
        let Some(retries) = attempts.checked_sub(1) else { return Some(last_sent + MIN_INTERVAL) };
        let first = (self.rtt * 2).max(MIN_RETRY);
        Some(last_sent + (first * (1 << retries.min(8))).min(MAX_RETRY.max(first)))
    }
}
