//! A connection that carries STUN messages and datagrams. Its own worker reads it, any worker may write to it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::arrivals::Arrivals;
use super::census::Seat;
use super::line::Line;
use crate::net::counters::ShellCounters;
use crate::net::sys::{Epoll, Readiness};
use crate::packet::framing::{Deframer, Framing};
use crate::path::Path;
use crate::time::Instant;

/// Bytes that wait for a client at most; messages beyond are dropped whole. About a second of video.
pub const MAX_BACKLOG: usize = 256 * 1024;

/// Bytes written at once: what one TLS record holds.
const MAX_RECORD: usize = 16 * 1024;

/// One connection.
#[derive(Debug)]
pub struct Stream {
    path: Path,
    token: u64,
    epoll: Arc<Epoll>,
    /// Python was told of it.
    raised: AtomicBool,
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    line: Line,
    deframer: Deframer,
    /// When it was accepted.
    since: Instant,
    last_message: Option<Instant>,
    seat: Seat,
}

/// How alive a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liveliness {
    /// When it was accepted.
    pub since: Instant,
    /// When the last message came, if any has.
    pub last_message: Option<Instant>,
    /// Since when nothing could leave although something waits.
    pub blocked: Option<Instant>,
}

/// What a connection was made of, for what it becomes.
#[derive(Debug)]
pub struct Parts {
    /// Its bytes.
    pub line: Line,
    /// Bytes that came and were not used.
    pub rest: Vec<u8>,
    /// Its place.
    pub seat: Seat,
}

impl Stream {
    /// A connection accepted at `since` whose first bytes have told the framing, and are given to
    /// [`Stream::receive_first`]. `epoll` watches it under `token`.
    pub fn new(path: Path, epoll: Arc<Epoll>, token: u64, since: Instant, framing: Framing, parts: Parts) -> Self {
        let Parts { line, seat, .. } = parts;
        let open = Open { line, deframer: Deframer::new(framing), since, last_message: None, seat };
        Self { path, token, epoll, raised: AtomicBool::new(false), open: Mutex::new(Some(open)) }
    }

    /// Our address and the client's.
    pub fn path(&self) -> Path {
        self.path
    }

    /// Python is told of this connection, and has to be told when it ends.
    pub fn note_raised(&self) {
        self.raised.store(true, Ordering::Release);
    }

    /// Whether it is.
    pub fn was_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    /// Takes in the connection's first bytes, after TLS.
    ///
    /// # Errors
    /// They are no messages.
    pub fn receive_first(&self, now: Instant, first: &[u8], out: &mut Arrivals) -> io::Result<()> {
        self.with(|open| {
            let start = out.bytes().len();
            out.bytes().extend_from_slice(first);
            open.split(now, self.path, start, out)?;
            open.line.watch(&self.epoll, self.token, true)
        })
    }

    /// The connection is ready: goes on writing, reads once, and appends the messages that gives to `out`.
    ///
    /// # Errors
    /// It is over; what was appended is good.
    pub fn handle_ready(
        &self,
        now: Instant,
        ready: Readiness,
        scratch: &mut [u8],
        out: &mut Arrivals,
        counters: &mut ShellCounters,
    ) -> io::Result<()> {
        self.with(|open| {
            if ready.write {
                open.line.flush(now)?;
            }
            if ready.read {
                let start = out.bytes().len();
                open.deframer.resume(out.bytes());
                let oversize = open.deframer.oversize();
                // What came before the connection broke counts.
                let read = open.line.read(now, scratch, out.bytes());
                open.split(now, self.path, start, out)?;
                counters.dropped_oversize += open.deframer.oversize() - oversize;
                read?;
                if open.line.has_ended() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            open.line.watch(&self.epoll, self.token, true)
        })
    }

    /// Sends messages, several in one write. Those without room are dropped, and so are those that cannot be told from
    /// each other in a stream.
    pub fn send<'a>(
        &self,
        now: Instant,
        messages: impl Iterator<Item = &'a [u8]>,
        scratch: &mut Vec<u8>,
        counters: &mut ShellCounters,
    ) {
        let sent = self.with(|open| {
            scratch.clear();
            for message in messages {
                if open.line.backlog() + scratch.len() + message.len() > MAX_BACKLOG {
                    counters.dropped_stream_full += 1;
                    continue;
                }
                let before = scratch.len();
                if !open.deframer.framing().write(message, scratch) {
                    counters.dropped_stream_unframed += 1;
                    continue;
                }
                if scratch.len() > MAX_RECORD && before > 0 {
                    open.write(now, &scratch[..before], counters)?;
                    scratch.drain(..before);
                }
                counters.datagrams_sent += 1;
                counters.bytes_sent += message.len() as u64;
            }
            open.write(now, scratch, counters)?;
            open.line.watch(&self.epoll, self.token, true)
        });
        if sent.is_err() {
            self.abort();
        }
    }

    /// None: it is over.
    pub fn liveliness(&self) -> Option<Liveliness> {
        self.lock().as_ref().map(|open| Liveliness {
            since: open.since,
            last_message: open.last_message,
            blocked: open.line.blocked_since(),
        })
    }

    /// Nothing that waits for the client will leave any more.
    pub fn forget_unsent(&self) {
        if let Some(open) = self.lock().as_ref() {
            open.line.forget_unsent();
        }
    }

    /// Tells the client that no more comes.
    ///
    /// # Errors
    /// The connection is over.
    pub fn finish(&self, now: Instant) -> io::Result<()> {
        self.with(|open| open.line.finish(now))
    }

    /// Ends both directions. Its worker finds out.
    pub fn abort(&self) {
        if let Some(open) = self.lock().as_mut() {
            open.line.abort();
        }
    }

    /// Takes the connection for something else; nobody watches it any more. None: it is over.
    pub fn take(&self) -> Option<Parts> {
        let mut open = self.lock().take()?;
        open.line.unwatch(&self.epoll);
        Some(Parts { line: open.line, rest: open.deframer.into_rest(), seat: open.seat })
    }

    fn with<T>(&self, call: impl FnOnce(&mut Open) -> io::Result<T>) -> io::Result<T> {
        self.lock().as_mut().map_or_else(|| Err(io::ErrorKind::NotConnected.into()), call)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Messages lie in `out.bytes()[start..]`.
    fn split(&mut self, now: Instant, path: Path, start: usize, out: &mut Arrivals) -> io::Result<()> {
        let before = out.len();
        let split = out.split(path, |bytes, found| self.deframer.split(bytes, start, found));
        if out.len() > before {
            self.last_message = Some(now);
        }
        split.map_err(|malformed| io::Error::new(io::ErrorKind::InvalidData, malformed))
    }

    fn write(&mut self, now: Instant, bytes: &[u8], counters: &mut ShellCounters) -> io::Result<()> {
        if !bytes.is_empty() {
            counters.send_calls += 1;
            self.line.write(now, bytes)?;
        }
        Ok(())
    }
}
