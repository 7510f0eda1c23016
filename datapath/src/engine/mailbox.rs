//! What others want of a worker: commands from Python, messages and stray datagrams from other workers, in order.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::command::{Command, RelayChange};
use crate::ids::{ConnectionId, RelayId, StreamId};
use crate::message::Message;
use crate::net::sys::EventFd;
use crate::path::Path;

/// Commands that wait at most. Python gets an error beyond, for a worker this far behind is not working.
const MAX_COMMANDS: usize = 65_536;

/// Packets from other cores that wait at most: they come this many ahead only if a worker is a second late.
const MAX_PACKETS: usize = 32_768;

/// Other messages of other cores that wait at most. Each is said once, so packets must not take their room.
const MAX_NOTICES: usize = 65_536;

/// Stray datagrams, and notes about paths, that wait at most.
const MAX_DATAGRAMS: usize = 4_096;

/// One thing to do.
#[derive(Debug)]
pub enum Letter {
    /// From Python.
    Command(Command),
    /// From Python, to every worker.
    Relay(RelayChange),
    /// From Python: end a connection of this worker's.
    CloseStream(StreamId),
    /// From Python or another worker: about a connection with a peer.
    Peer(PeerRequest),
    /// From another worker's core.
    Message(Message),
    /// Received by another worker.
    Datagram(Path, Box<[u8]>),
    /// Another worker has validated a path that was this one's: its client has reused the 5-tuple.
    PathTaken(Path),
    /// The connection that carried a path of this worker's is over.
    PathEnded(Path),
}

/// What is asked about the TCP connections of allocations (RFC 6062).
#[derive(Debug)]
pub enum PeerRequest {
    /// The allocation has this listener.
    Listen {
        /// The allocation.
        relay: RelayId,
        /// Bound to its relayed transport address.
        listener: TcpListener,
    },
    /// Connect to a peer.
    Connect {
        /// The allocation.
        relay: RelayId,
        /// The connection's id.
        connection: ConnectionId,
        /// Whom to.
        peer: SocketAddr,
    },
    /// Make it one with a client's.
    Join {
        /// The peer's connection.
        connection: ConnectionId,
        /// The client's.
        client: StreamId,
    },
    /// End it, and the client's it is joined to.
    Close {
        /// The peer's connection.
        connection: ConnectionId,
    },
    /// To the worker of the client's connection: join it to this.
    Adopt {
        /// The allocation.
        relay: RelayId,
        /// The peer's connection.
        connection: ConnectionId,
        /// The client's.
        client: StreamId,
        /// What the peer's is made of.
        socket: TcpStream,
    },
    /// To all workers: if it is joined here, end it.
    CloseJoined {
        /// The peer's connection.
        connection: ConnectionId,
    },
}

/// The queue of one worker, bounded per kind, and the bell that wakes it.
pub struct Mailbox {
    inner: Mutex<Inner>,
    bell: EventFd,
}

#[derive(Default)]
struct Inner {
    letters: Vec<Letter>,
    commands: usize,
    packets: usize,
    notices: usize,
    datagrams: usize,
}

/// There is no room for a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxFull;

impl Mailbox {
    /// An empty one.
    pub fn new() -> io::Result<Self> {
        Ok(Self { inner: Mutex::default(), bell: EventFd::new()? })
    }

    /// Appends a command.
    pub fn command(&self, command: Command) -> Result<(), MailboxFull> {
        self.one(Letter::Command(command))
    }

    /// Appends a change to the table of allocations.
    pub fn relay(&self, change: RelayChange) -> Result<(), MailboxFull> {
        self.one(Letter::Relay(change))
    }

    /// Appends what is asked about a connection with a peer.
    pub fn peer(&self, request: PeerRequest) -> Result<(), MailboxFull> {
        self.one(Letter::Peer(request))
    }

    /// Asks for the end of a connection.
    pub fn close_stream(&self, id: StreamId) -> Result<(), MailboxFull> {
        self.one(Letter::CloseStream(id))
    }

    fn one(&self, letter: Letter) -> Result<(), MailboxFull> {
        let mut inner = self.lock();
        let was_empty = inner.letters.is_empty();
        if !inner.push(letter) {
            return Err(MailboxFull);
        }
        if was_empty {
            self.bell.raise();
        }
        Ok(())
    }

    /// Moves all of `letters` here, in order, and returns how many of them found no room and are gone.
    pub fn append(&self, letters: &mut Vec<Letter>) -> usize {
        let mut inner = self.lock();
        let was_empty = inner.letters.is_empty();
        let dropped = letters.drain(..).map(|letter| inner.push(letter)).filter(|taken| !taken).count();
        if was_empty && !inner.letters.is_empty() {
            self.bell.raise();
        }
        dropped
    }

    /// Exchanges what waits for `letters`, which are empty but have room.
    pub fn take(&self, letters: &mut Vec<Letter>) {
        letters.clear();
        let mut inner = self.lock();
        self.bell.clear();
        core::mem::swap(&mut inner.letters, letters);
        (inner.commands, inner.packets, inner.notices, inner.datagrams) = (0, 0, 0, 0);
    }

    /// Wakes the worker although nothing is here for it.
    pub fn ring(&self) {
        self.bell.raise();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn push(&mut self, letter: Letter) -> bool {
        let (count, bound) = match letter {
            Letter::Command(_) | Letter::Relay(_) | Letter::CloseStream(_) | Letter::Peer(_) => {
                (&mut self.commands, MAX_COMMANDS)
            }
            Letter::Message(Message::Media(_)) => (&mut self.packets, MAX_PACKETS),
            Letter::Message(_) => (&mut self.notices, MAX_NOTICES),
            Letter::Datagram(..) | Letter::PathTaken(_) | Letter::PathEnded(_) => (&mut self.datagrams, MAX_DATAGRAMS),
        };
        if *count >= bound {
            return false;
        }
        *count += 1;
        self.letters.push(letter);
        true
    }
}

impl AsFd for Mailbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{TrackId, TransportId};
    use crate::media::{ExtensionRefs, MediaPacket, SourceId};
    use crate::net::sys::{Interest, WaitSet};
    use crate::packet::codec::Codec;
    use core::time::Duration;
    use std::sync::Arc;

    fn command(id: u32) -> Command {
        Command::RemoveTransport { id: TransportId(id) }
    }

    fn datagram() -> Letter {
        let path = Path::udp(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
        Letter::Datagram(path, Box::from([1, 2]))
    }

    fn is_readable(mailbox: &Mailbox) -> bool {
        let mut wait = WaitSet::default();
        let place = wait.add(mailbox.as_fd(), Interest::Readable);
        wait.wait(Some(Duration::ZERO)).unwrap();
        wait.is_ready(place)
    }

    #[test]
    fn letters_keep_their_order_and_ring_until_taken() {
        let mailbox = Mailbox::new().unwrap();
        assert!(!is_readable(&mailbox));
        mailbox.command(command(1)).unwrap();
        assert_eq!(mailbox.append(&mut vec![datagram()]), 0);
        mailbox.command(command(2)).unwrap();
        assert!(is_readable(&mailbox));
        let mut letters = Vec::new();
        mailbox.take(&mut letters);
        assert!(!is_readable(&mailbox));
        let kinds: Vec<Option<u32>> = letters
            .iter()
            .map(|letter| match letter {
                Letter::Command(Command::RemoveTransport { id }) => Some(id.0),
                _ => None,
            })
            .collect();
        assert_eq!(kinds, [Some(1), None, Some(2)]);
    }

    #[test]
    fn packets_leave_room_for_what_is_said_once() {
        let mailbox = Mailbox::new().unwrap();
        let packet = Arc::new(MediaPacket {
            track: TrackId(1),
            layer: 0,
            source: SourceId(1),
            sequence: 1,
            timestamp: 1,
            marker: true,
            payload_type: 96,
            codec: Codec::Vp8,
            clock_rate: 90_000,
            keyframe: false,
            extensions: ExtensionRefs::default(),
            bytes: Box::from([]),
            payload: 0..0,
        });
        let media = |_| Letter::Message(Message::Media(Arc::clone(&packet)));
        assert_eq!(mailbox.append(&mut (0..MAX_PACKETS + 3).map(media).collect()), 3);
        assert_eq!(mailbox.append(&mut vec![Letter::Message(Message::Ended { track: TrackId(1) })]), 0);
    }

    #[test]
    fn each_kind_has_its_own_bound() {
        let mailbox = Mailbox::new().unwrap();
        let mut strays: Vec<Letter> = (0..MAX_DATAGRAMS + 3).map(|_| datagram()).collect();
        assert_eq!(mailbox.append(&mut strays), 3);
        for id in 0..MAX_COMMANDS as u32 {
            mailbox.command(command(id)).unwrap();
        }
        assert_eq!(mailbox.command(command(0)), Err(MailboxFull));
        let mut letters = Vec::new();
        mailbox.take(&mut letters);
        assert_eq!(letters.len(), MAX_DATAGRAMS + MAX_COMMANDS);
        assert_eq!(mailbox.command(command(0)), Ok(()));
    }
}
