//! What was published and what of it arrived, by the window in which it was published.

use crate::latency::Histogram;

#[derive(Default)]
struct Window {
    end_ns: u64,
    published: u64,
    expected: u64,
    received: u64,
    cpu_us: u64,
    latency: Histogram,
}

/// All windows, one after the other.
pub struct Windows {
    start_ns: u64,
    all: Vec<Window>,
    /// Boundaries passed, and the server's CPU time at the last.
    passed: usize,
    last_cpu_us: u64,
    /// Packets that would not open or carried a wrong payload, at any time.
    pub corrupt: u64,
    /// Packets that arrived twice, at any time.
    pub replayed: u64,
}

impl Windows {
    /// Windows of these seconds from a point on the monotonic clock.
    pub fn new(start_ns: u64, lengths: &[f64]) -> Self {
        let mut end_ns = start_ns;
        let all = lengths.iter().map(|seconds| {
            end_ns += (seconds * 1e9) as u64;
            Window { end_ns, ..Window::default() }
        });
        Self { start_ns, all: all.collect(), passed: 0, last_cpu_us: 0, corrupt: 0, replayed: 0 }
    }

    /// When the last window ends.
    pub fn end_ns(&self) -> u64 {
        self.all.last().map_or(self.start_ns, |window| window.end_ns)
    }

    /// Whether a window begins or ends that was not passed yet.
    pub fn is_boundary(&self, now_ns: u64) -> bool {
        match self.passed {
            0 => now_ns >= self.start_ns,
            passed => self.all.get(passed - 1).is_some_and(|window| now_ns >= window.end_ns),
        }
    }

    /// One boundary is passed, at this CPU time of the server.
    pub fn pass(&mut self, cpu_us: u64) {
        if let Some(window) = self.passed.checked_sub(1).and_then(|ended| self.all.get_mut(ended)) {
            window.cpu_us = cpu_us - self.last_cpu_us;
        }
        self.last_cpu_us = cpu_us;
        self.passed += 1;
    }

    /// A packet was published, which that many are to receive.
    pub fn published(&mut self, sent_ns: u64, receivers: u64) {
        if let Some(window) = self.at(sent_ns) {
            window.published += 1;
            window.expected += receivers;
        }
    }

    /// A packet arrived whole.
    pub fn received(&mut self, sent_ns: u64, now_ns: u64) {
        if let Some(window) = self.at(sent_ns) {
            window.received += 1;
            window.latency.add(now_ns.saturating_sub(sent_ns));
        }
    }

    /// Everything as members of a JSON object.
    pub fn json(&self) -> String {
        let windows = self.all.iter().map(|each| {
            format!(
                "{{\"cpu_us\":{},\"published\":{},\"expected\":{},\"received\":{},\"p50_ms\":{:.3},\"p99_ms\":{:.3}}}",
                each.cpu_us,
                each.published,
                each.expected,
                each.received,
                each.latency.percentile_ms(500),
                each.latency.percentile_ms(990),
            )
        });
        let windows = windows.collect::<Vec<_>>().join(",");
        format!("\"corrupt\":{},\"replayed\":{},\"windows\":[{windows}]", self.corrupt, self.replayed)
    }

    fn at(&mut self, sent_ns: u64) -> Option<&mut Window> {
        if sent_ns < self.start_ns {
            return None;
        }
        self.all.iter_mut().find(|window| sent_ns < window.end_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_packet_counts_in_the_window_in_which_it_was_published() {
        let mut windows = Windows::new(SECOND, &[1.0, 2.0]);
        for sent_ns in [SECOND - 1, SECOND, 2 * SECOND - 1, 2 * SECOND, 4 * SECOND] {
            windows.published(sent_ns, 3);
            windows.received(sent_ns, 5 * SECOND);
        }
        let counts: Vec<_> = windows.all.iter().map(|each| (each.published, each.expected, each.received)).collect();
        assert_eq!(counts, [(2, 6, 2), (1, 3, 1)]);
        assert_eq!(windows.end_ns(), 4 * SECOND);
    }

    #[test]
    fn each_window_has_the_server_time_between_its_ends() {
        let mut windows = Windows::new(SECOND, &[1.0, 1.0]);
        assert!(!windows.is_boundary(SECOND - 1));
        for (now_ns, cpu_us) in [(SECOND, 100), (2 * SECOND, 130), (3 * SECOND, 190)] {
            assert!(windows.is_boundary(now_ns));
            windows.pass(cpu_us);
            assert!(!windows.is_boundary(now_ns));
        }
        assert!(!windows.is_boundary(9 * SECOND));
        assert_eq!(windows.all.iter().map(|each| each.cpu_us).collect::<Vec<_>>(), [30, 60]);
    }
}
