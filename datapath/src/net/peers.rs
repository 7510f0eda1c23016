//! One worker's share of the TCP allocations (RFC 6062): their listeners, and connections with peers until a client
//! joins them.

use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use super::counters::ShellCounters;
use super::stream::doors::{Door, Doors, Visitor};
use super::sys::{tcp, Epoll, Readiness, Watch};
use crate::command::RelayChange;
use crate::event::Event;
use crate::idmap::IdMap;
use crate::ids::{ConnectionId, RelayId};
use crate::time::{earliest, Instant};

/// Connections that wait at one worker at most; more fail at once.
const MAX_WAITING: usize = 1024;

/// How long a peer may take to answer, and then a client to join it (RFC 6062, 5.2 and 5.3).
const PATIENCE: Duration = Duration::from_secs(30);

/// Tokens of listeners, beside the id of the allocation; those of connections are their ids.
const LISTENER: u64 = 1 << 32;
const LISTENER_IPV6: u64 = 1 << 33;

/// One worker's connections with peers that no client has joined.
pub struct Peers {
    epoll: Epoll,
    doors: Doors,
    listeners: IdMap<RelayId, Vec<SocketAddr>>,
    waiting: IdMap<ConnectionId, Waiting>,
    deadlines: BTreeSet<(Instant, ConnectionId)>,
    arrived: VecDeque<Arrival>,
    events: VecDeque<Event>,
    ready: Vec<(u64, Readiness)>,
}

/// What a peer sends meanwhile waits in the kernel, which stops the peer when it has no more room for it.
struct Waiting {
    relay: RelayId,
    peer: SocketAddr,
    socket: TcpStream,
    connected: bool,
    until: Instant,
}

/// A peer that has connected, and may or may not have permission.
#[derive(Debug)]
pub struct Arrival {
    /// To this allocation.
    pub relay: RelayId,
    /// Who it is.
    pub peer: SocketAddr,
    socket: TcpStream,
}

impl Peers {
    /// Nobody is here.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: Epoll::new()?,
            doors: Doors::default(),
            listeners: IdMap::default(),
            waiting: IdMap::default(),
            deadlines: BTreeSet::new(),
            arrived: VecDeque::new(),
            events: VecDeque::new(),
            ready: Vec::new(),
        })
    }

    /// The allocation is reached at this listener, and reaches others from its address.
    pub fn listen(&mut self, relay: RelayId, listener: TcpListener) {
        // It was bound, so it has an address; and without memory to watch it, nobody arrives.
        let Ok(address) = listener.local_addr() else { return };
        let door = Door { listener, tls: false };
        if self.doors.open(listener_token(relay, address.is_ipv6()), door, &self.epoll).is_ok() {
            self.listeners.entry(relay).or_default().push(address);
        }
    }

    /// Begins to connect the allocation to a peer. An event tells what becomes of it.
    pub fn connect(&mut self, now: Instant, relay: RelayId, connection: ConnectionId, peer: SocketAddr) {
        let addresses = self.listeners.get(&relay).into_iter().flatten();
        let local = addresses.copied().find(|address| address.is_ipv4() == peer.is_ipv4());
        let socket = local.and_then(|local| tcp::connect(local, peer).ok());
        let begun = socket.is_some_and(|socket| self.wait(now, relay, connection, peer, socket, false));
        if !begun {
            self.events.push_back(Event::PeerFailed { relay, connection });
        }
    }

    /// Somebody has arrived; [`Peers::admit`] keeps him.
    pub fn poll_arrival(&mut self) -> Option<Arrival> {
        self.arrived.pop_front()
    }

    /// A peer with permission waits for a client to join it.
    pub fn admit(&mut self, now: Instant, connection: ConnectionId, arrival: Arrival) {
        let Arrival { relay, peer, socket } = arrival;
        if self.wait(now, relay, connection, peer, socket, true) {
            self.events.push_back(Event::PeerArrived { relay, connection, peer });
        }
    }

    /// Something for Python.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// A client joins the connection. None: it is not there.
    pub fn take(&mut self, connection: ConnectionId) -> Option<(RelayId, TcpStream)> {
        let waiting = self.remove(connection)?;
        // It was watched, so this cannot fail.
        let _ = self.epoll.remove(waiting.socket.as_fd());
        waiting.connected.then_some((waiting.relay, waiting.socket))
    }

    /// Ends a connection that nobody has joined; false: there is none.
    pub fn close(&mut self, connection: ConnectionId) -> bool {
        self.remove(connection).is_some()
    }

    /// What belongs to an allocation ends with it.
    pub fn note_relay(&mut self, change: &RelayChange) {
        let RelayChange::Remove { id } = change else { return };
        for address in self.listeners.remove(id).unwrap_or_default() {
            self.doors.close(listener_token(*id, address.is_ipv6()));
        }
        let theirs = |waiting: &Waiting| waiting.relay == *id;
        let gone: Vec<ConnectionId> =
            self.waiting.iter().filter(|(_, waiting)| theirs(waiting)).map(|(connection, _)| *connection).collect();
        gone.into_iter().for_each(|connection| drop(self.remove(connection)));
    }

    /// Looks who has answered, arrived or gone.
    pub fn receive(&mut self, now: Instant, counters: &mut ShellCounters) {
        let mut ready = core::mem::take(&mut self.ready);
        // Whatever is ready is so at the next look as well.
        let _ = self.epoll.wait_now(&mut ready);
        for (token, readiness) in ready.drain(..) {
            // Below the flags a token is an id.
            let id = token as u32;
            if token & LISTENER == 0 {
                self.handle_ready(now, ConnectionId(id), readiness);
            } else {
                let arrived = &mut self.arrived;
                self.doors.accept(now, token, &self.epoll, counters, |Visitor { socket, remote, .. }, _| {
                    arrived.push_back(Arrival { relay: RelayId(id), peer: remote, socket });
                });
            }
        }
        self.ready = ready;
    }

    /// When [`Peers::handle_timeout`] is to be called next.
    pub fn next_deadline(&self) -> Option<Instant> {
        earliest(self.deadlines.first().map(|(until, _)| *until), self.doors.shut_until())
    }

    /// The time is `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.doors.handle_timeout(now, &self.epoll);
        while let Some(&(_, connection)) = self.deadlines.first().filter(|(until, _)| *until <= now) {
            self.fail(connection);
        }
    }

    fn handle_ready(&mut self, now: Instant, connection: ConnectionId, ready: Readiness) {
        let Some(waiting) = self.waiting.get_mut(&connection) else { return };
        let broken = ready.broken || !matches!(waiting.socket.take_error(), Ok(None));
        // From now on it is watched for an error only.
        let watched = || self.epoll.modify(waiting.socket.as_fd(), u64::from(connection.0), Watch::NOTHING);
        if broken || waiting.connected || watched().is_err() {
            return self.fail(connection);
        }
        self.deadlines.remove(&(waiting.until, connection));
        waiting.connected = true;
        waiting.until = now + PATIENCE;
        self.deadlines.insert((waiting.until, connection));
        let Waiting { relay, peer, .. } = *waiting;
        self.events.push_back(Event::PeerConnected { relay, connection, peer });
    }

    fn wait(
        &mut self,
        now: Instant,
        relay: RelayId,
        connection: ConnectionId,
        peer: SocketAddr,
        socket: TcpStream,
        connected: bool,
    ) -> bool {
        let watch = if connected { Watch::NOTHING } else { Watch::WRITE };
        let has_room = self.waiting.len() < MAX_WAITING;
        let watched = has_room && self.epoll.add(socket.as_fd(), u64::from(connection.0), watch).is_ok();
        if watched {
            let until = now + PATIENCE;
            self.waiting.insert(connection, Waiting { relay, peer, socket, connected, until });
            self.deadlines.insert((until, connection));
        }
        watched
    }

    fn fail(&mut self, connection: ConnectionId) {
        if let Some(Waiting { relay, .. }) = self.remove(connection) {
            self.events.push_back(Event::PeerFailed { relay, connection });
        }
    }

    fn remove(&mut self, connection: ConnectionId) -> Option<Waiting> {
        let waiting = self.waiting.remove(&connection)?;
        self.deadlines.remove(&(waiting.until, connection));
        Some(waiting)
    }
}

impl AsFd for Peers {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

fn listener_token(relay: RelayId, ipv6: bool) -> u64 {
    u64::from(relay.0) | LISTENER | if ipv6 { LISTENER_IPV6 } else { 0 }
}
