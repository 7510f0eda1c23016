//! A histogram of latencies with microsecond buckets.

const BUCKETS: usize = 1 << 20;

/// Counts of latencies by whole microseconds; what takes longer than about a second counts as that.
pub struct Histogram {
    buckets: Vec<u32>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], total: 0 }
    }
}

impl Histogram {
    /// Count one latency.
    pub fn add(&mut self, nanoseconds: u64) {
        let bucket = usize::try_from(nanoseconds / 1000).unwrap_or(usize::MAX).min(BUCKETS - 1);
        self.buckets[bucket] = self.buckets[bucket].saturating_add(1);
        self.total += 1;
    }

    /// The latency in milliseconds that `per_mille` of 1000 do not exceed; 0 if nothing was counted.
    pub fn percentile_ms(&self, per_mille: u64) -> f64 {
        let rank = (self.total * per_mille).div_ceil(1000);
        let mut seen = 0;
        for (microseconds, count) in self.buckets.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= rank && seen > 0 {
                return microseconds as f64 / 1000.0;
            }
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_hundred_even_latencies() {
        let mut histogram = Histogram::default();
        for milliseconds in 1..=100 {
            histogram.add(milliseconds * 1_000_000);
        }
        assert_eq!(histogram.percentile_ms(500), 50.0);
        assert_eq!(histogram.percentile_ms(990), 99.0);
        assert_eq!(histogram.percentile_ms(1000), 100.0);
    }

    #[test]
    fn nothing_counted_and_far_too_late() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile_ms(990), 0.0);
        histogram.add(u64::MAX);
        assert!(histogram.percentile_ms(990) > 1000.0);
    }
}
