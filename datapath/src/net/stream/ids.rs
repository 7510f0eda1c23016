//! Ids of one worker's connections: `id % workers` is the worker.

use crate::ids::{StreamId, WorkerId};

/// Counts up.
#[derive(Debug)]
pub struct StreamIds {
    first: u32,
    step: u32,
    next: u32,
}

impl StreamIds {
    /// For worker `worker` of `workers`.
    pub fn new(worker: WorkerId, workers: u16) -> Self {
        let step = u32::from(workers.max(1));
        // Not 0, which in Python means none.
        let first = step + u32::from(worker.0);
        Self { first, step, next: first }
    }

    /// One that is not in use. They come round again after four thousand million, divided by the number of workers.
    pub fn next(&mut self, is_used: impl Fn(StreamId) -> bool) -> StreamId {
        loop {
            let id = StreamId(self.next);
            self.next = self.next.checked_add(self.step).unwrap_or(self.first);
            if !is_used(id) {
                return id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_the_workers_own_and_pass_over_those_in_use() {
        let mut ids = StreamIds::new(WorkerId(1), 2);
        let given: Vec<u32> = (0..3).map(|_| ids.next(|id| id.0 == 5).0).collect();
        assert_eq!(given, [3, 7, 9]);
        ids.next = u32::MAX;
        assert_eq!([ids.next(|_| false).0, ids.next(|id| id.0 == 3).0], [u32::MAX, 5]);
    }
}
