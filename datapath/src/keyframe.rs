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
        if self.wanted.is_some_and(|wanted| now.since(wanted.asked_at) >= PATIENCE) {
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

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(50);

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    /// Polls at every deadline before `until` and gives the times in milliseconds at which a request was sent.
    fn sent(requester: &mut KeyframeRequester, until: u64, rtt: Duration) -> Vec<u64> {
        let mut times = Vec::new();
        let mut now = Instant::default();
        while let Some(due) = requester.next_deadline().filter(|due| *due < at(until)) {
            now = now.max(due) + Duration::from_micros(1);
            if requester.poll(now, rtt) {
                times.push(now.as_micros() / 1000);
            }
        }
        times
    }

    #[test]
    fn at_the_very_moment_of_its_deadline_it_has_a_later_one() {
        let mut requester = KeyframeRequester::new();
        requester.request(at(0));
        let mut deadlines = Vec::new();
        while let Some(due) = requester.next_deadline() {
            assert!(deadlines.last().is_none_or(|last| *last < due), "{deadlines:?} {due:?}");
            deadlines.push(due);
            requester.poll(due, RTT);
        }
    }

    #[test]
    fn nothing_is_sent_unasked() {
        let mut requester = KeyframeRequester::new();
        assert_eq!(requester.next_deadline(), None);
        assert!(!requester.poll(at(0), RTT));
    }

    #[test]
    fn many_requests_become_one() {
        let mut requester = KeyframeRequester::new();
        for _ in 0..1000 {
            requester.request(at(10));
        }
        assert_eq!(requester.next_deadline(), Some(at(10)));
        assert!(requester.poll(at(10), RTT));
        requester.request(at(20));
        assert!(!requester.poll(at(20), RTT));
    }

    #[test]
    fn a_request_is_repeated_until_the_keyframe_comes() {
        let mut requester = KeyframeRequester::new();
        requester.request(at(0));
        assert_eq!(sent(&mut requester, 4000, RTT), [0, 300, 900, 1900, 2900, 3900]);
        requester.on_keyframe(at(4000));
        assert_eq!(requester.next_deadline(), None);
        assert!(!requester.poll(at(9000), RTT));
    }

    #[test]
    fn on_a_long_path_an_answer_is_given_two_round_trips() {
        let mut requester = KeyframeRequester::new();
        requester.request(at(0));
        assert!(requester.poll(at(0), Duration::from_millis(700)));
        assert_eq!(sent(&mut requester, 4000, Duration::from_millis(700)), [1400, 2800]);
        let mut requester = KeyframeRequester::new();
        requester.request(at(0));
        assert!(requester.poll(at(0), Duration::from_secs(3600)));
        assert_eq!(requester.next_deadline(), Some(at(2000)), "a round trip of an hour is not believed");
    }

    #[test]
    fn a_storm_of_viewers_gets_two_keyframes_a_second() {
        let mut requester = KeyframeRequester::new();
        let mut keyframes = 0;
        for millis in 0..10_000 {
            requester.request(at(millis));
            if requester.poll(at(millis), RTT) {
                keyframes += 1;
                requester.on_keyframe(at(millis));
            }
        }
        assert_eq!(keyframes, 20);
    }

    #[test]
    fn a_viewer_who_comes_after_the_keyframe_gets_another_one() {
        let mut requester = KeyframeRequester::new();
        requester.request(at(0));
        assert!(requester.poll(at(0), RTT));
        requester.on_keyframe(at(40));
        requester.request(at(60));
        assert_eq!(requester.next_deadline(), Some(at(500)));
        assert!(!requester.poll(at(499), RTT));
        assert!(requester.poll(at(500), RTT));
    }

    #[test]
    fn after_a_quiet_time_a_request_leaves_at_once() {
        let mut requester = KeyframeRequester::new();
        requester.request(at(0));
        assert!(requester.poll(at(0), RTT));
        requester.on_keyframe(at(40));
        requester.request(at(5000));
        assert!(requester.poll(at(5000), RTT));
    }

    #[test]
    fn a_keyframe_nobody_asks_for_any_more_is_given_up() {
        let mut requester = KeyframeRequester::new();
        requester.request(at(0));
        let times = sent(&mut requester, 60_000, RTT);
        assert!(times.iter().all(|millis| *millis <= 10_000), "{times:?}");
        assert_eq!(requester.next_deadline(), None);
    }

    #[test]
    fn a_static_source_is_asked_as_long_as_somebody_waits() {
        let mut requester = KeyframeRequester::new();
        let mut count = 0;
        for seconds in 0..60 {
            requester.request(at(seconds * 1000));
            count += sent(&mut requester, (seconds + 1) * 1000, RTT).len();
        }
        assert!((58..=62).contains(&count), "{count}");
    }
}
