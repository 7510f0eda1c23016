//! One worker's connections: accepting them, finding out what they carry, and ending those that are over or idle.

use core::time::Duration;
use std::collections::{HashSet, VecDeque};
use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

use super::counters::ShellCounters;
use super::stream::arrivals::Arrivals;
use super::stream::connection::{Connection, Joined, Overdue};
use super::stream::doors::{Door, Doors};
use super::stream::ids::StreamIds;
use super::stream::line::{Line, Socket};
use super::stream::messages::{Parts, Stream};
use super::stream::pending::{Kind, Known};
use super::stream::pipe::{Pipe, Side};
use super::stream::reception::{Reception, SentAway};
use super::sys::{Epoll, Readiness};
use crate::batch::SendBatch;
use crate::command::RelayChange;
use crate::event::{Event, StreamEnd};
use crate::idmap::IdMap;
use crate::ids::{ConnectionId, RelayId, StreamId, WorkerId};
use crate::path::{Carrier, Path};
use crate::time::{earliest, Instant};

/// Bytes read from one connection at a time.
const READ_SIZE: usize = 64 * 1024;

/// TLS handshakes that go on in a turn at most: a step takes up to a millisecond, in which no media moves.
const MAX_HANDSHAKES: usize = 4;

/// Messages after which one call of [`Streams::receive`] gathers no more.
const MAX_GATHERED: usize = 64;

/// How exactly the limits of time are kept.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Tokens of listeners begin here; those of connections are their ids.
const LISTENERS: u64 = 1 << 32;

/// In the token of a pipe's other end, beside the id of the connection.
const OTHER_END: u64 = 1 << 33;

/// One worker's connections.
pub struct Streams {
    shared: Arc<Reception>,
    epoll: Arc<Epoll>,
    doors: Doors,
    ids: StreamIds,
    connections: IdMap<StreamId, Connection>,
    /// Connections with an allocation may be silent.
    allocations: IdMap<RelayId, StreamId>,
    /// Those joined to peers.
    joined: IdMap<ConnectionId, StreamId>,
    /// Carried messages, and are over.
    over: Vec<Arc<Stream>>,
    /// Clients that speak HTTP.
    accepted: VecDeque<Event>,
    ready: Vec<(u64, Readiness)>,
    handshakes: usize,
    sweep_due: Option<Instant>,
    scratch: Box<[u8]>,
    frames: Vec<u8>,
}

/// A connection that carried messages and is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over {
    /// Its path, which will not come again.
    pub path: Path,
    /// Python knew of it.
    pub raised: bool,
}

impl Streams {
    /// The connections of worker `worker` of `workers`, which come in at `doors`.
    ///
    /// # Errors
    /// The system has no descriptors or no memory left.
    pub fn new(worker: WorkerId, workers: u16, doors: Vec<Door>, shared: Arc<Reception>) -> io::Result<Self> {
        let epoll = Arc::new(Epoll::new()?);
        let mut open = Doors::default();
        for (door, token) in doors.into_iter().zip(LISTENERS..) {
            open.open(token, door, &epoll)?;
        }
        Ok(Self {
            shared,
            doors: open,
            epoll,
            ids: StreamIds::new(worker, workers),
            connections: IdMap::default(),
            allocations: IdMap::default(),
            joined: IdMap::default(),
            over: Vec::new(),
            accepted: VecDeque::new(),
            ready: Vec::new(),
            handshakes: 0,
            sweep_due: None,
            scratch: vec![0; READ_SIZE].into_boxed_slice(),
            frames: Vec::new(),
        })
    }

    /// When [`Streams::handle_timeout`] is to be called next.
    pub fn next_deadline(&self) -> Option<Instant> {
        earliest(self.sweep_due, self.doors.shut_until())
    }

    /// Looks which connections are ready. [`Streams::receive`] serves them.
    pub fn look(&mut self) {
        self.ready.clear();
        self.handshakes = 0;
        // Whatever is ready is so at the next look as well.
        let _ = self.epoll.wait_now(&mut self.ready);
        self.ready.reverse();
    }

    /// Serves connections that are ready, and puts what they bring into `out`. True: there are more.
    pub fn receive(&mut self, now: Instant, out: &mut Arrivals, counters: &mut ShellCounters) -> bool {
        out.clear();
        while out.len() < MAX_GATHERED {
            let Some((token, ready)) = self.ready.pop() else { return false };
            if token & LISTENERS != 0 {
                self.accept(now, token, counters);
                continue;
            }
            // A panic is a bug, which is counted and must not stop the other connections.
            let served = catch_unwind(AssertUnwindSafe(|| self.handle_ready(now, token, ready, out, counters)));
            if served.is_err() {
                counters.panics += 1;
                self.forget(StreamId(token as u32));
            }
        }
        true
    }

    /// A connection that carried messages and is over, to be asked for once its messages have been dealt with.
    pub fn poll_over(&mut self) -> Option<Over> {
        let stream = self.over.pop()?;
        Some(Over { path: stream.path(), raised: stream.was_raised() })
    }

    /// A client that speaks HTTP.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.accepted.pop_front()
    }

    /// Sends what of the batch goes over connections of any worker.
    pub fn send(&mut self, now: Instant, batch: &SendBatch, counters: &mut ShellCounters) {
        for group in batch.datagrams().chunk_by(|one, next| one.path == next.path) {
            let Some(id) = group.first().and_then(|first| first.path.carrier.stream()) else { continue };
            match self.shared.table.get(id) {
                Some(stream) => {
                    let messages = group.iter().map(|datagram| batch.content(datagram));
                    let send = || stream.send(now, messages, &mut self.frames, counters);
                    if catch_unwind(AssertUnwindSafe(send)).is_err() {
                        counters.panics += 1;
                        stream.abort();
                    }
                }
                None => counters.dropped_stream_ended += group.len() as u64,
            }
        }
    }

    /// Ends a connection, behind what is on its way to it as far as there is room for that.
    pub fn close(&mut self, now: Instant, id: StreamId) {
        // Nobody is left to hear of an error.
        let _ = match self.connections.get_mut(&id) {
            Some(Connection::Pending(pending)) => pending.line().finish(now),
            Some(Connection::Messages(stream)) => stream.finish(now),
            Some(Connection::Pipe(..)) | None => Ok(()),
        };
        self.forget(id);
    }

    /// The connection of a client becomes one with that of a peer, or both end.
    pub fn join(&mut self, now: Instant, id: StreamId, relay: RelayId, peer: ConnectionId, socket: TcpStream) {
        let Some(Connection::Messages(stream)) = self.connections.get(&id) else { return };
        let stream = Arc::clone(stream);
        let Some(parts) = stream.take() else { return };
        self.shared.table.remove(id);
        self.joined.insert(peer, id);
        let joined = Some(Joined { relay, peer, stream });
        if self.pipe(now, id, parts, Socket::Tcp(socket), joined).is_err() {
            self.close(now, id);
        }
    }

    /// Ends the connection of a peer, and that of the client it is joined to.
    pub fn close_joined(&mut self, now: Instant, peer: ConnectionId) {
        if let Some(&id) = self.joined.get(&peer) {
            self.close(now, id);
        }
    }

    /// Python is told of a message that came on this path.
    pub fn note_raised(&self, path: &Path) {
        if let Some(stream) = path.carrier.stream().and_then(|id| self.shared.table.get(id)) {
            stream.note_raised();
        }
    }

    /// Keeps in mind which connections have an allocation. Those with its peers end with it.
    pub fn note_relay(&mut self, now: Instant, change: &RelayChange) {
        match change {
            RelayChange::Add { id, client, .. } | RelayChange::Move { id, client } => {
                match client.carrier.stream().filter(|stream| self.connections.contains_key(stream)) {
                    Some(stream) => self.allocations.insert(*id, stream),
                    None => self.allocations.remove(id),
                };
            }
            RelayChange::Remove { id } => {
                self.allocations.remove(id);
                let theirs = |stream: &StreamId| self.connections.get(stream).is_some_and(|c| c.is_of(*id));
                let theirs: Vec<StreamId> = self.joined.values().copied().filter(theirs).collect();
                theirs.into_iter().for_each(|stream| self.close(now, stream));
            }
            _ => {}
        }
    }

    /// The time is `now`: ends connections that are late, idle or stuck.
    pub fn handle_timeout(&mut self, now: Instant, counters: &mut ShellCounters) {
        self.doors.handle_timeout(now, &self.epoll);
        if self.sweep_due.is_none_or(|due| now < due) {
            return;
        }
        let held: HashSet<StreamId> = self.allocations.values().copied().collect();
        let mut ended = Vec::new();
        for (&id, connection) in &self.connections {
            match connection.overdue(now, &self.shared.limits, held.contains(&id)) {
                Some(Overdue::Late) => counters.streams_ended_timeout += 1,
                Some(Overdue::Stuck) => {
                    connection.forget_unsent();
                    counters.streams_ended_stuck += 1;
                }
                None => continue,
            }
            ended.push(id);
        }
        ended.into_iter().for_each(|id| self.close(now, id));
        self.sweep_due = (!self.connections.is_empty()).then(|| now + self.sweep_interval());
    }

    /// Whatever state the connection is in, it ends.
    fn forget(&mut self, id: StreamId) {
        match self.connections.remove(&id) {
            Some(Connection::Messages(stream)) => {
                drop(stream.take());
                self.shared.table.remove(id);
                self.over.push(stream);
            }
            Some(Connection::Pipe(_, Some(joined))) => {
                self.joined.remove(&joined.peer);
                self.over.push(joined.stream);
            }
            Some(Connection::Pending(_) | Connection::Pipe(_, None)) | None => {}
        }
    }

    fn accept(&mut self, now: Instant, token: u64, counters: &mut ShellCounters) {
        let Self { doors, shared, epoll, ids, connections, .. } = self;
        doors.accept(now, token, epoll, counters, |visitor, counters| match shared.welcome(now, visitor) {
            Ok(mut pending) => {
                let id = ids.next(|id| connections.contains_key(&id));
                if pending.line().watch(epoll, u64::from(id.0), true).is_ok() {
                    connections.insert(id, Connection::Pending(Box::new(pending)));
                }
            }
            Err(SentAway::Full) => counters.streams_refused += 1,
            Err(SentAway::NoCertificate) => counters.streams_refused_no_certificate += 1,
        });
        if !self.connections.is_empty() && self.sweep_due.is_none() {
            self.sweep_due = Some(now + self.sweep_interval());
        }
    }

    fn handle_ready(
        &mut self,
        now: Instant,
        token: u64,
        ready: Readiness,
        out: &mut Arrivals,
        counters: &mut ShellCounters,
    ) {
        // Below the flags a token is an id.
        let id = StreamId(token as u32);
        let served = match self.connections.get_mut(&id) {
            Some(Connection::Messages(stream)) => stream.handle_ready(now, ready, &mut self.scratch, out, counters),
            Some(Connection::Pending(pending)) => {
                if pending.is_handshaking() {
                    self.handshakes += 1;
                    if self.handshakes > MAX_HANDSHAKES {
                        return;
                    }
                }
                match pending.handle_ready(now, &mut self.scratch) {
                    Ok(Some(kind)) => self.settle(now, id, kind, out),
                    Ok(None) => pending.line().watch(&self.epoll, u64::from(id.0), true),
                    Err(error) => Err(error),
                }
            }
            Some(Connection::Pipe(pipe, _)) => {
                let side = if token & OTHER_END == 0 { Side::Client } else { Side::Other };
                pipe.handle_ready(now, side, ready, &mut self.scratch, &mut self.frames);
                // One that is over ends without fault.
                if pipe.is_over() {
                    Err(ErrorKind::UnexpectedEof.into())
                } else {
                    pipe.watch(&self.epoll)
                }
            }
            // It ended since we looked.
            None => return,
        };
        if let Err(error) = served {
            match error.kind() {
                ErrorKind::InvalidData => counters.streams_ended_garbage += 1,
                ErrorKind::QuotaExceeded => counters.streams_refused += 1,
                _ => {}
            }
            self.close(now, id);
        }
    }

    /// It is known now what the connection carries.
    fn settle(&mut self, now: Instant, id: StreamId, kind: Kind, out: &mut Arrivals) -> io::Result<()> {
        let Some(Connection::Pending(pending)) = self.connections.remove(&id) else { return Ok(()) };
        let Known { since, local, remote, mut parts } = pending.become_known();
        match kind {
            Kind::Messages(framing) => {
                let tls = parts.line.session().is_some();
                let carrier = if tls { Carrier::Tls(id) } else { Carrier::Tcp(id) };
                let path = Path { local, remote, carrier };
                let first = core::mem::take(&mut parts.rest);
                let stream = Stream::new(path, Arc::clone(&self.epoll), u64::from(id.0), since, framing, parts);
                let stream = Arc::new(stream);
                self.connections.insert(id, Connection::Messages(Arc::clone(&stream)));
                self.shared.table.insert(id, Arc::clone(&stream));
                stream.receive_first(now, &first, out)
            }
            Kind::Http => {
                let (ours, theirs) = UnixStream::pair()?;
                ours.set_nonblocking(true)?;
                theirs.set_nonblocking(true)?;
                let end = StreamEnd(Arc::new(theirs.into()));
                self.accepted.push_back(Event::HttpAccepted { local, remote, end });
                self.pipe(now, id, parts, Socket::Local(ours), None)
            }
        }
    }

    /// The connection goes on as a pipe to another.
    fn pipe(
        &mut self,
        now: Instant,
        id: StreamId,
        parts: Parts,
        other: Socket,
        joined: Option<Joined>,
    ) -> io::Result<()> {
        let Parts { line, rest, seat } = parts;
        let token = u64::from(id.0);
        let other = Line::new(other, None);
        let mut pipe = Pipe::new(now, (line, token), (other, token | OTHER_END), &rest, seat);
        let watched = pipe.watch(&self.epoll);
        self.connections.insert(id, Connection::Pipe(Box::new(pipe), joined));
        watched
    }

    fn sweep_interval(&self) -> Duration {
        let limits = &self.shared.limits;
        SWEEP_INTERVAL.min(limits.opening.min(limits.idle).min(limits.stuck) / 4)
    }
}

impl AsFd for Streams {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl Drop for Streams {
    /// The engine ends, and its connections with it, though others may hold on to the table for a while.
    fn drop(&mut self) {
        for (id, connection) in self.connections.drain() {
            if let Connection::Messages(_) = connection {
                self.shared.table.remove(id);
            }
        }
    }
}
