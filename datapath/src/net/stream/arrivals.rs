//! What connections brought, as datagrams.

use core::ops::Range;

use crate::path::Path;

/// Datagrams, and the bytes they lie in.
#[derive(Debug, Default)]
pub struct Arrivals {
    bytes: Vec<u8>,
    datagrams: Vec<(Path, Range<usize>)>,
}

impl Arrivals {
    /// Forget everything, keep the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.datagrams.clear();
    }

    /// All bytes so far; more go to the end.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Lets `find` say where among the bytes there are more datagrams, which came on `path`.
    pub fn split<T>(&mut self, path: Path, find: impl FnOnce(&[u8], &mut dyn FnMut(Range<usize>)) -> T) -> T {
        let Self { bytes, datagrams } = self;
        find(bytes, &mut |range| datagrams.push((path, range)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.datagrams.len()
    }

    /// Nothing came.
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// Path and content of each, in order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Path, &mut [u8])> {
        let mut rest = self.bytes.as_mut_slice();
        let mut at = 0;
        self.datagrams.iter().map(move |(path, range)| {
            let (datagram, behind) = core::mem::take(&mut rest)[range.start - at..].split_at_mut(range.len());
            rest = behind;
            at = range.end;
            (*path, datagram)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_where_it_was_found_whatever_lies_between() {
        let path = |port| Path::udp(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], port).into());
        let mut arrivals = Arrivals::default();
        for (port, places) in [(1, vec![1..3, 3..4]), (2, vec![]), (3, vec![7..7, 8..10])] {
            arrivals.bytes().extend_from_slice(b"abcde");
            arrivals.split(path(port), |_, found| places.into_iter().for_each(found));
        }
        let found: Vec<(u16, Vec<u8>)> =
            arrivals.iter_mut().map(|(path, bytes)| (path.remote.port(), bytes.to_vec())).collect();
        let expected = [(1, &b"bc"[..]), (1, b"d"), (3, b""), (3, b"de")];
        assert_eq!(found, expected.map(|(port, bytes)| (port, bytes.to_vec())));
        arrivals.clear();
        assert!(arrivals.is_empty() && arrivals.iter_mut().next().is_none());
    }
}
