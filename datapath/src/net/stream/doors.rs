//! Listeners of one worker.

use core::time::Duration;
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;

use crate::net::counters::ShellCounters;
use crate::net::sys::{tcp, Epoll, Watch};
use crate::time::Instant;

/// Connections accepted at one door in a turn at most.
const MAX_ACCEPTS: usize = 32;

/// How long the doors stay shut when the system has no room for another connection.
const REST: Duration = Duration::from_millis(200);

/// A listener and what is spoken there.
#[derive(Debug)]
pub struct Door {
    /// Where clients come in.
    pub listener: TcpListener,
    /// They speak TLS.
    pub tls: bool,
}

/// Listeners, each known by a token.
#[derive(Debug, Default)]
pub struct Doors {
    doors: HashMap<u64, Door>,
    shut_until: Option<Instant>,
}

/// Who came in.
#[derive(Debug)]
pub struct Visitor {
    /// The connection, prepared.
    pub socket: TcpStream,
    /// Our address.
    pub local: SocketAddr,
    /// The other side's.
    pub remote: SocketAddr,
    /// It speaks TLS.
    pub tls: bool,
}

impl Doors {
    /// One more door, watched under this token.
    ///
    /// # Errors
    /// The system has no memory for it.
    pub fn open(&mut self, token: u64, door: Door, epoll: &Epoll) -> io::Result<()> {
        if self.shut_until.is_none() {
            epoll.add(door.listener.as_fd(), token, Watch::READ)?;
        }
        self.doors.insert(token, door);
        Ok(())
    }

    /// Nobody comes in there any more.
    pub fn close(&mut self, token: u64) {
        self.doors.remove(&token);
    }

    /// When they open again.
    pub fn shut_until(&self) -> Option<Instant> {
        self.shut_until
    }

    /// Somebody knocks at the door of this token: those who come in, one by one. When descriptors have run out nobody
    /// does for a while, as asking again at once would not help.
    pub fn accept(
        &mut self,
        now: Instant,
        token: u64,
        epoll: &Epoll,
        counters: &mut ShellCounters,
        mut enter: impl FnMut(Visitor, &mut ShellCounters),
    ) {
        let Some(door) = self.doors.get(&token) else { return };
        for _ in 0..MAX_ACCEPTS {
            match door.listener.accept().and_then(|(socket, remote)| prepared(socket, remote, door.tls)) {
                Ok(visitor) => {
                    counters.streams_accepted += 1;
                    enter(visitor, counters);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => {
                    counters.accept_errors += 1;
                    if tcp::is_exhausted(&error) {
                        self.shut(now, epoll);
                        return;
                    }
                }
            }
        }
    }

    /// Opens them again if it is time.
    pub fn handle_timeout(&mut self, now: Instant, epoll: &Epoll) {
        if self.shut_until.is_some_and(|until| until <= now) {
            self.shut_until = match self.watch(epoll) {
                Ok(()) => None,
                Err(_) => Some(now + REST),
            };
        }
    }

    fn shut(&mut self, now: Instant, epoll: &Epoll) {
        for door in self.doors.values() {
            // It was watched, so this cannot fail.
            let _ = epoll.remove(door.listener.as_fd());
        }
        self.shut_until = Some(now + REST);
    }

    fn watch(&self, epoll: &Epoll) -> io::Result<()> {
        for (token, door) in &self.doors {
            match epoll.add(door.listener.as_fd(), *token, Watch::READ) {
                // Of those that a failure in the middle left.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                result => result?,
            }
        }
        Ok(())
    }
}

fn prepared(socket: TcpStream, remote: SocketAddr, tls: bool) -> io::Result<Visitor> {
    tcp::prepare(&socket)?;
    Ok(Visitor { local: socket.local_addr()?, socket, remote, tls })
}
