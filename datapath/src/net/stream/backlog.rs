//! Bytes on their way into a socket that takes them when it can.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};

use crate::time::Instant;

/// Memory beyond this is given back when nothing waits any more.
const KEPT_CAPACITY: usize = 4096;

/// What the socket had no room for, in order.
#[derive(Debug, Default)]
pub struct Backlog {
    waiting: VecDeque<u8>,
    blocked_since: Option<Instant>,
}

impl Backlog {
    /// Bytes that wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Since when the socket has taken nothing although something waits.
    pub fn blocked_since(&self) -> Option<Instant> {
        self.blocked_since
    }

    /// Writes the parts, in order, behind what waits; what finds no room waits.
    ///
    /// # Errors
    /// The connection is broken: nothing will ever leave.
    pub fn write(&mut self, now: Instant, socket: &mut impl Write, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let mut sent = if self.is_empty() { attempt(socket.write_vectored(parts))? } else { 0 };
        for part in parts {
            let skipped = sent.min(part.len());
            sent -= skipped;
            self.waiting.extend(&part[skipped..]);
        }
        if !self.is_empty() {
            self.blocked_since.get_or_insert(now);
        }
        Ok(())
    }

    /// Writes what waits, as far as there is room.
    ///
    /// # Errors
    /// As [`Backlog::write`].
    pub fn flush(&mut self, now: Instant, socket: &mut impl Write) -> io::Result<()> {
        while !self.is_empty() {
            let (front, back) = self.waiting.as_slices();
            let sent = attempt(socket.write_vectored(&[IoSlice::new(front), IoSlice::new(back)]))?;
            if sent == 0 {
                return Ok(());
            }
            self.waiting.drain(..sent);
            self.blocked_since = Some(now);
        }
        self.blocked_since = None;
        if self.waiting.capacity() > KEPT_CAPACITY {
            self.waiting = VecDeque::new();
        }
        Ok(())
    }
}

/// What a call moved; no room now is nothing moved.
fn attempt(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(0),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Takes so many bytes, then has no room.
    struct Narrow {
        taken: Vec<u8>,
        room: usize,
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let len = bytes.len().min(self.room);
            self.room -= len;
            self.taken.extend_from_slice(&bytes[..len]);
            Ok(len)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn it_is_blocked_since_bytes_left_last() {
        let mut backlog = Backlog::default();
        let mut socket = Narrow { taken: vec![], room: 3 };
        backlog.write(at(1), &mut socket, &[IoSlice::new(b"ab")]).unwrap();
        assert_eq!((backlog.len(), backlog.blocked_since()), (0, None));
        backlog.write(at(2), &mut socket, &[IoSlice::new(b"cdef")]).unwrap();
        backlog.write(at(3), &mut socket, &[IoSlice::new(b"g")]).unwrap();
        assert_eq!((backlog.len(), backlog.blocked_since()), (4, Some(at(2))));
        backlog.flush(at(4), &mut socket).unwrap();
        assert_eq!(backlog.blocked_since(), Some(at(2)));
        socket.room = 1;
        backlog.flush(at(5), &mut socket).unwrap();
        assert_eq!(backlog.blocked_since(), Some(at(5)));
        socket.room = 9;
        backlog.flush(at(6), &mut socket).unwrap();
        assert_eq!((backlog.blocked_since(), socket.taken.as_slice()), (None, &b"abcdefg"[..]));
    }

    proptest! {
        #[test]
        fn bytes_leave_once_and_in_order(
            writes in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), 0usize..400), 0..40),
        ) {
            let mut backlog = Backlog::default();
            let mut socket = Narrow { taken: vec![], room: 0 };
            let mut expected = Vec::new();
            for (bytes, room) in &writes {
                socket.room = *room;
                let (one, two) = bytes.split_at(bytes.len() / 3);
                backlog.write(at(1), &mut socket, &[IoSlice::new(one), IoSlice::new(two)]).unwrap();
                backlog.flush(at(1), &mut socket).unwrap();
                expected.extend_from_slice(bytes);
                prop_assert_eq!(socket.taken.len() + backlog.len(), expected.len());
            }
            socket.room = usize::MAX;
            backlog.flush(at(2), &mut socket).unwrap();
            prop_assert_eq!(socket.taken, expected);
        }
    }
}
