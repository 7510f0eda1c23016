//! The two directions of one connection, in clear or within TLS, as plain bytes.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use rustls::server::ServerConnection;

use super::backlog::Backlog;
use crate::net::sys::{tcp, Epoll, Watch};
use crate::time::Instant;

/// A connected stream socket that never blocks.
#[derive(Debug)]
pub enum Socket {
    /// To another host.
    Tcp(TcpStream),
    /// Within this one.
    Local(UnixStream),
}

/// One connection. What cannot leave at once waits within it, without a bound of its own: whoever writes looks at
/// [`Line::backlog`] first.
#[derive(Debug)]
pub struct Line {
    socket: Socket,
    session: Option<Box<ServerConnection>>,
    backlog: Backlog,
    watched: Watch,
    ended: bool,
    finishing: bool,
}

/// What leaves goes through here, so that a TLS session need not know of sockets without room.
struct Tap<'a> {
    now: Instant,
    socket: &'a mut Socket,
    backlog: &'a mut Backlog,
}

impl Line {
    /// Within TLS if there is a session.
    pub fn new(socket: Socket, session: Option<Box<ServerConnection>>) -> Self {
        let session = session.map(|mut session| {
            // Nothing stays in it: all it has to say leaves or waits here.
            session.set_buffer_limit(None);
            session
        });
        Self { socket, session, backlog: Backlog::default(), watched: Watch::NOTHING, ended: false, finishing: false }
    }

    /// The TLS session, if there is one.
    pub fn session(&self) -> Option<&ServerConnection> {
        self.session.as_deref()
    }

    /// Bytes that wait to leave.
    pub fn backlog(&self) -> usize {
        self.backlog.len()
    }

    /// Since when nothing could leave although something waits.
    pub fn blocked_since(&self) -> Option<Instant> {
        self.backlog.blocked_since()
    }

    /// The other side sends nothing more.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// All has left that ever will.
    pub fn is_finished(&self) -> bool {
        self.finishing && self.backlog.is_empty()
    }

    /// Reads at most once and as much as `scratch` holds, and appends what that gives to `plain`.
    ///
    /// # Errors
    /// The connection is broken, or what came is not TLS.
    pub fn read(&mut self, now: Instant, scratch: &mut [u8], plain: &mut Vec<u8>) -> io::Result<()> {
        match self.read_raw(scratch)? {
            0 => Ok(()),
            len => self.take_in(now, &scratch[..len], plain),
        }
    }

    /// Reads at most once, without looking for TLS.
    ///
    /// # Errors
    /// As [`Line::read`].
    pub fn read_raw(&mut self, scratch: &mut [u8]) -> io::Result<usize> {
        match self.socket.read(scratch) {
            Ok(len) => {
                self.ended |= len == 0;
                Ok(len)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Appends what these bytes of the connection mean to `plain`.
    ///
    /// # Errors
    /// They are not TLS.
    pub fn take_in(&mut self, now: Instant, mut raw: &[u8], plain: &mut Vec<u8>) -> io::Result<()> {
        let Some(session) = &mut self.session else {
            plain.extend_from_slice(raw);
            return Ok(());
        };
        while !raw.is_empty() && !self.ended {
            session.read_tls(&mut raw)?;
            let state = session.process_new_packets();
            // Also the alert that says what was wrong.
            let tap = &mut Tap { now, socket: &mut self.socket, backlog: &mut self.backlog };
            while session.wants_write() {
                session.write_tls(tap)?;
            }
            let state = state.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            let start = plain.len();
            plain.resize(start + state.plaintext_bytes_to_read(), 0);
            if plain.len() > start {
                session.reader().read_exact(&mut plain[start..])?;
            }
            self.ended |= state.peer_has_closed();
        }
        Ok(())
    }

    /// Sends `plain`, in one TLS record if that can hold it. What finds no room waits.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn write(&mut self, now: Instant, plain: &[u8]) -> io::Result<()> {
        let Some(session) = &mut self.session else {
            return self.backlog.write(now, &mut self.socket, &[IoSlice::new(plain)]);
        };
        session.writer().write_all(plain)?;
        self.flush_session(now)
    }

    /// Goes on with what waits.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn flush(&mut self, now: Instant) -> io::Result<()> {
        self.backlog.flush(now, &mut self.socket)?;
        if self.is_finished() {
            self.socket.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }

    /// Nothing more will be written: the other side is told so, behind what waits.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn finish(&mut self, now: Instant) -> io::Result<()> {
        if self.finishing {
            return Ok(());
        }
        if let Some(session) = &mut self.session {
            session.send_close_notify();
            self.flush_session(now)?;
        }
        self.finishing = true;
        self.flush(now)
    }

    /// Nothing that waits will leave any more.
    pub fn forget_unsent(&self) {
        if let Socket::Tcp(socket) = &self.socket {
            // Where it fails the connection is gone already.
            let _ = tcp::forget_unsent(socket);
        }
    }

    /// Ends both directions at once. Whoever watches the socket is woken by it.
    pub fn abort(&mut self) {
        // It fails if the connection is gone, which is what is asked for.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Lets `epoll` watch for room to write if something waits, and for something to read if that is wanted.
    ///
    /// # Errors
    /// The system has no memory for it.
    pub fn watch(&mut self, epoll: &Epoll, token: u64, read: bool) -> io::Result<()> {
        let wanted = Watch { read: read && !self.ended, write: !self.backlog.is_empty() };
        if wanted == self.watched {
            return Ok(());
        }
        let fd = self.socket.as_fd();
        // Who waits for nothing must not be in the set, which always reports hang-ups.
        match (self.watched, wanted) {
            (Watch::NOTHING, _) => epoll.add(fd, token, wanted)?,
            (_, Watch::NOTHING) => epoll.remove(fd)?,
            _ => epoll.modify(fd, token, wanted)?,
        }
        self.watched = wanted;
        Ok(())
    }

    /// Nobody watches it any more.
    pub fn unwatch(&mut self, epoll: &Epoll) {
        if core::mem::replace(&mut self.watched, Watch::NOTHING) != Watch::NOTHING {
            // It was in the set, so this cannot fail.
            let _ = epoll.remove(self.socket.as_fd());
        }
    }

    fn flush_session(&mut self, now: Instant) -> io::Result<()> {
        let Some(session) = &mut self.session else { return Ok(()) };
        let tap = &mut Tap { now, socket: &mut self.socket, backlog: &mut self.backlog };
        while session.wants_write() {
            session.write_tls(tap)?;
        }
        Ok(())
    }
}

impl Write for Tap<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.backlog.write(self.now, self.socket, parts)?;
        Ok(parts.iter().map(|part| part.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Socket {
    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.shutdown(how),
            Self::Local(socket) => socket.shutdown(how),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(bytes),
            Self::Local(socket) => socket.read(bytes),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write_vectored(parts),
            Self::Local(socket) => socket.write_vectored(parts),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) => socket.as_fd(),
            Self::Local(socket) => socket.as_fd(),
        }
    }
}
