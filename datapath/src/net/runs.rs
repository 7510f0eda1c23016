//! Which neighbours of a batch can leave in one segmentation-offload send.

use core::ops::Range;

use crate::batch::{Datagram, SendBatch};
use crate::path::Path;

/// Segments the kernel takes in one send: UDP_MAX_SEGMENTS before Linux 6.9.
const MAX_SEGMENTS: usize = 64;

/// Bytes in one send, below what an IPv6 or IPv4 packet can hold with its headers.
const MAX_RUN_BYTES: usize = 60 * 1024;

/// Datagrams on one path that follow each other in the batch and in its memory: all as long as the first but the last,
/// which may be shorter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where they go.
    pub path: Path,
    /// Their bytes in the batch.
    pub bytes: Range<usize>,
    /// Length of each but the last.
    pub segment: u16,
    /// How many they are, at least 1.
    pub count: usize,
    /// They are to be lost rather than fragmented.
    pub dont_fragment: bool,
}

impl Run {
    /// The run as single datagrams, in order.
    pub fn split(self) -> impl Iterator<Item = Self> {
        let step = usize::from(self.segment);
        let Self { path, bytes, segment, dont_fragment, .. } = self;
        (0..self.count).map(move |index| {
            let start = bytes.start + index * step;
            let end = (start + step).min(bytes.end);
            Self { path, bytes: start..end, segment, count: 1, dont_fragment }
        })
    }
}

/// The batch as runs, in order. With `coalesce` off, every run is one datagram.
pub fn runs(batch: &SendBatch, coalesce: bool) -> impl Iterator<Item = Run> + '_ {
    let mut rest = batch.datagrams();
    core::iter::from_fn(move || {
        let (first, others) = rest.split_first()?;
        rest = others;
        let mut run = Run {
            path: first.path,
            bytes: range(first),
            segment: first.len,
            count: 1,
            dont_fragment: first.dont_fragment,
        };
        let mut last = first;
        while let Some((next, others)) = rest.split_first() {
            let continues = coalesce
                && run.count < MAX_SEGMENTS
                && last.len == run.segment
                && (1..=run.segment).contains(&next.len)
                && !(run.dont_fragment || next.dont_fragment)
                && next.start as usize == run.bytes.end
                && run.bytes.len() + usize::from(next.len) <= MAX_RUN_BYTES
                && next.path == run.path;
            if !continues {
                break;
            }
            run.bytes.end = range(next).end;
            run.count += 1;
            last = next;
            rest = others;
        }
        Some(run)
    })
}

fn range(datagram: &Datagram) -> Range<usize> {
    let start = datagram.start as usize;
    start..start + usize::from(datagram.len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(last: u8) -> Path {
        Path::udp(([127, 0, 0, 1], 3478).into(), ([192, 0, 2, last], 5000).into())
    }

    fn batch(datagrams: &[(u8, usize)]) -> SendBatch {
        let mut batch = SendBatch::new();
        for &(to, len) in datagrams {
            batch.push(path(to), &vec![to; len]);
        }
        batch
    }

    fn shape(datagrams: &[(u8, usize)]) -> Vec<(usize, u16, usize)> {
        runs(&batch(datagrams), true).map(|run| (run.count, run.segment, run.bytes.len())).collect()
    }

    #[test]
    fn equal_neighbours_with_a_shorter_last_are_one_run() {
        assert_eq!(shape(&[(1, 1100), (1, 1100), (1, 300)]), [(3, 1100, 2500)]);
    }

    #[test]
    fn nothing_follows_a_shorter_datagram_and_nothing_longer_joins() {
        assert_eq!(shape(&[(1, 9), (1, 5), (1, 5), (1, 9)]), [(2, 9, 14), (1, 5, 5), (1, 9, 9)]);
    }

    #[test]
    fn an_empty_datagram_is_a_run_of_its_own_and_survives_being_split() {
        assert_eq!(shape(&[(1, 9), (1, 0), (1, 0), (1, 9)]), [(1, 9, 9), (1, 0, 0), (1, 0, 0), (1, 9, 9)]);
        let batch = batch(&[(1, 0)]);
        assert_eq!(runs(&batch, true).flat_map(Run::split).count(), 1);
    }

    #[test]
    fn what_must_not_be_fragmented_is_alone() {
        let mut batch = SendBatch::new();
        batch.push(path(1), &[0; 9]);
        batch.push_unfragmented(path(1), &[0; 9]);
        batch.push_unfragmented(path(1), &[0; 5]);
        let found: Vec<(usize, bool)> = runs(&batch, true).map(|run| (run.count, run.dont_fragment)).collect();
        assert_eq!(found, [(1, false), (1, true), (1, true)]);
    }

    #[test]
    fn another_path_begins_another_run() {
        assert_eq!(shape(&[(1, 9), (2, 9), (1, 9)]), [(1, 9, 9); 3]);
    }

    #[test]
    fn runs_end_at_64_segments_and_at_60_kib() {
        assert_eq!(shape(&[(1, 10); 65]), [(64, 10, 640), (1, 10, 10)]);
        assert_eq!(shape(&[(1, 1200); 52]), [(51, 1200, 61_200), (1, 1200, 1200)]);
    }

    proptest! {
        #[test]
        fn every_datagram_is_in_one_run_in_order(
            datagrams in prop::collection::vec((1u8..4, prop::sample::select(vec![0usize, 1, 2, 700, 1200])), 0..200),
            coalesce: bool,
        ) {
            let batch = batch(&datagrams);
            let all: Vec<Run> = runs(&batch, coalesce).collect();
            prop_assert!(all.iter().all(|run| run.count <= MAX_SEGMENTS && run.bytes.len() <= MAX_RUN_BYTES));
            prop_assert!(coalesce || all.iter().all(|run| run.count == 1));
            let split: Vec<(Path, usize)> =
                all.into_iter().flat_map(Run::split).map(|run| (run.path, run.bytes.len())).collect();
            let expected: Vec<(Path, usize)> = datagrams.iter().map(|&(to, len)| (path(to), len)).collect();
            prop_assert_eq!(split, expected);
        }
    }
}
