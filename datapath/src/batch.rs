//! Datagrams on their way out.

use crate::path::Path;

/// One datagram within a batch.
#[derive(Clone, Copy, Debug)]
pub struct Datagram {
    /// From which of our addresses, to whom.
    pub path: Path,
    /// Where it starts in the arena.
    pub start: u32,
    /// Its length.
    pub len: u16,
    /// It is to be lost rather than fragmented.
    pub dont_fragment: bool,
}

/// Datagrams to send, in order. Neighbours of the same path and size can leave in one GSO send.
#[derive(Debug, Default)]
pub struct SendBatch {
    bytes: Vec<u8>,
    datagrams: Vec<Datagram>,
}

impl SendBatch {
    /// Datagrams after which it is full. A core may exceed it by one egress's share of a receive batch.
    pub const MAX_DATAGRAMS: usize = 1024;
    /// Bytes after which it is full.
    pub const MAX_BYTES: usize = 2 << 20;

    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forget everything, keep the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.datagrams.clear();
    }

    /// It is time to send.
    pub fn is_full(&self) -> bool {
        self.datagrams.len() >= Self::MAX_DATAGRAMS || self.bytes.len() >= Self::MAX_BYTES
    }

    /// Nothing to send.
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// What is to be sent, with `start` and `len` referring to `bytes()`.
    pub fn datagrams(&self) -> &[Datagram] {
        &self.datagrams
    }

    /// The arena all datagrams lie in, in order.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Path and content of each, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Path, &[u8])> {
        self.datagrams.iter().map(|datagram| (datagram.path, self.content(datagram)))
    }

    /// What one of [`SendBatch::datagrams`] holds.
    pub fn content(&self, datagram: &Datagram) -> &[u8] {
        let start = datagram.start as usize;
        &self.bytes[start..start + usize::from(datagram.len)]
    }

    /// Append a finished datagram; longer than 65,535 bytes it is left out.
    pub fn push(&mut self, path: Path, datagram: &[u8]) {
        self.write(path, |bytes| {
            bytes.extend_from_slice(datagram);
            true
        });
    }

    /// The same, to be lost rather than fragmented on its way.
    pub fn push_unfragmented(&mut self, path: Path, datagram: &[u8]) {
        let before = self.datagrams.len();
        self.push(path, datagram);
        if let Some(pushed) = self.datagrams.get_mut(before) {
            pushed.dont_fragment = true;
        }
    }

    /// Append a datagram that `fill` writes at the end of the arena; false: there is none after all.
    pub fn write(&mut self, path: Path, fill: impl FnOnce(&mut Vec<u8>) -> bool) {
        let start = self.bytes.len();
        let filled = fill(&mut self.bytes);
        let written = self.bytes.len().saturating_sub(start);
        match (u32::try_from(start), u16::try_from(written)) {
            (Ok(start), Ok(len)) if filled => {
                self.datagrams.push(Datagram { path, start, len, dont_fragment: false });
            }
            _ => self.bytes.truncate(start),
        }
    }

    /// Move all of `other` to the end: without copying it, if there is nothing here yet.
    pub fn append(&mut self, other: &mut Self) {
        if self.is_empty() {
            core::mem::swap(self, other);
            return;
        }
        for datagram in &other.datagrams {
            let start = datagram.start as usize;
            let bytes = &other.bytes[start..start + usize::from(datagram.len)];
            if datagram.dont_fragment {
                self.push_unfragmented(datagram.path, bytes);
            } else {
                self.push(datagram.path, bytes);
            }
        }
        other.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(last: u8) -> Path {
        Path::udp(([127, 0, 0, 1], 3478).into(), ([192, 0, 2, last], 5000).into())
    }

    fn contents(batch: &SendBatch) -> Vec<(u16, Vec<u8>, bool)> {
        let flags = batch.datagrams().iter().map(|datagram| datagram.dont_fragment);
        batch.iter().zip(flags).map(|((path, bytes), whole)| (path.remote.port(), bytes.to_vec(), whole)).collect()
    }

    #[test]
    fn an_empty_datagram_is_one_too_but_none_that_was_not_written() {
        let mut batch = SendBatch::new();
        batch.push(path(1), &[]);
        batch.write(path(1), |bytes| {
            bytes.extend([1, 2, 3]);
            false
        });
        batch.push(path(1), &[4]);
        assert_eq!(contents(&batch), [(5000, vec![], false), (5000, vec![4], false)]);
        assert_eq!(batch.bytes(), [4]);
    }

    #[test]
    fn what_no_datagram_can_hold_is_left_out() {
        let mut batch = SendBatch::new();
        batch.push_unfragmented(path(1), &vec![0; 65_536]);
        assert!(batch.is_empty() && batch.bytes().is_empty());
    }

    #[test]
    fn one_batch_takes_the_place_of_an_empty_one_and_follows_another() {
        let mut batch = SendBatch::new();
        for round in 0..2 {
            let mut more = SendBatch::new();
            more.push(path(1), &[round; 3]);
            more.push_unfragmented(path(2), &[round; 2]);
            batch.append(&mut more);
            assert!(more.is_empty() && more.bytes().is_empty());
        }
        let one = |round| [(5000, vec![round; 3], false), (5000, vec![round; 2], true)];
        assert_eq!(contents(&batch), [one(0), one(1)].concat());
    }
}
