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
        self.datagrams.iter().map(|datagram| {
            let start = datagram.start as usize;
            (datagram.path, &self.bytes[start..start + usize::from(datagram.len)])
        })
    }

    /// Append a finished datagram; longer than 65,535 bytes it is left out.
    pub fn push(&mut self, path: Path, datagram: &[u8]) {
        self.write(path, |bytes| bytes.extend_from_slice(datagram));
    }

    /// Append a datagram that `fill` writes at the end of the arena. If it writes nothing, there is none.
    pub fn write(&mut self, path: Path, fill: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        fill(&mut self.bytes);
        let written = self.bytes.len().saturating_sub(start);
        match (u32::try_from(start), u16::try_from(written)) {
            (Ok(start), Ok(len)) if len > 0 => self.datagrams.push(Datagram { path, start, len }),
            _ => self.bytes.truncate(start),
        }
    }
}
