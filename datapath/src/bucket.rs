//! A token bucket: how much may pass at a rate, with some at once.

use crate::time::Instant;

/// Tokens are counted in millionths, so that a microsecond at any rate brings a whole number of them.
const PARTS: u64 = 1_000_000;

/// What may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens that come per second.
    pub per_second: u64,
    /// Tokens that gather at most.
    pub burst: u64,
}

/// A bucket, full at first. It does not know its rate, so that many can share one.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenBucket {
    /// Missing to the brim at `updated`.
    missing: u64,
    updated: Instant,
}

impl TokenBucket {
    /// Takes `tokens` if that many are there.
    pub fn take(&mut self, now: Instant, rate: &Rate, tokens: u64) -> bool {
        self.missing = self.missing_at(now, rate);
        self.updated = now;
        let missing = tokens.saturating_mul(PARTS).saturating_add(self.missing);
        let admitted = missing <= rate.burst.saturating_mul(PARTS);
        if admitted {
            self.missing = missing;
        }
        admitted
    }

    /// Millionths of a token missing to the brim.
    pub fn missing_at(&self, now: Instant, rate: &Rate) -> u64 {
        let micros = now.as_micros().saturating_sub(self.updated.as_micros());
        self.missing.saturating_sub(micros.saturating_mul(rate.per_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: Rate = Rate { per_second: 10, burst: 20 };

    #[test]
    fn the_burst_passes_at_once_and_then_one_per_interval() {
        let mut bucket = TokenBucket::default();
        let start = Instant::from_micros(5_000_000);
        assert_eq!((0..30).filter(|_| bucket.take(start, &RATE, 1)).count(), 20);
        assert!(!bucket.take(Instant::from_micros(5_099_999), &RATE, 1));
        assert!(bucket.take(Instant::from_micros(5_100_000), &RATE, 1));
        assert!(!bucket.take(Instant::from_micros(5_100_000), &RATE, 1));
    }

    #[test]
    fn what_is_refused_costs_nothing() {
        let mut bucket = TokenBucket::default();
        let now = Instant::from_micros(1);
        assert!(!bucket.take(now, &RATE, 21));
        assert!(bucket.take(now, &RATE, 20));
    }

    proptest! {
        #[test]
        fn no_more_passes_than_the_rate_and_the_burst(
            per_second in 1u64..100_000, burst in 1u64..1_000_000,
            asked in prop::collection::vec((0u64..200_000, 1u64..5_000), 1..200),
        ) {
            let rate = Rate { per_second, burst };
            let (mut bucket, mut micros, mut passed) = (TokenBucket::default(), 0, 0);
            for (wait, tokens) in asked {
                micros += wait;
                if bucket.take(Instant::from_micros(micros), &rate, tokens) {
                    passed += tokens;
                }
                prop_assert!(passed <= burst + per_second * micros / 1_000_000 + 1);
            }
        }

        #[test]
        fn no_rate_overflows(per_second: u64, burst: u64, micros: u64, tokens: u64) {
            let rate = Rate { per_second, burst };
            let mut bucket = TokenBucket::default();
            let admitted = bucket.take(Instant::from_micros(micros), &rate, tokens);
            prop_assert!(admitted || tokens.saturating_mul(PARTS) > burst.saturating_mul(PARTS));
        }
    }
}
