//! One worker thread: it owns its sockets and its core, reads the clock, and moves bytes between them.
//!
//! A turn of the loop, by priority:
//! 1. the mailbox: commands, other cores' messages, datagrams other workers received for us;
//! 2. each readable socket of the media port: one receive call;
//! 3. each ready socket of an allocation at home here: one receive call;
//! 4. each ready connection: one read; peers of TCP allocations that answer or arrive;
//! 5. deadlines, the core's and the connections';
//! 6. the snapshot.
//!
//! All outputs of the core are drained after each batch of at most [`MAX_BATCH`] inputs. A turn's work is bounded by
//! what waited when it began, and every turn looks at everything.

mod connections;
mod relayed;

use core::time::Duration;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::Ordering;
use std::sync::Arc;

use crate::batch::SendBatch;
use crate::core::{Claim, Core};
use crate::engine::mailbox::Letter;
use crate::engine::{Shared, Snapshot};
use crate::event::Event;
use crate::ids::WorkerId;
use crate::net::counters::ShellCounters;
use crate::net::peers::Peers;
use crate::net::sockets::SocketSet;
use crate::net::stream::arrivals::Arrivals;
use crate::net::streams::Streams;
use crate::net::sys::{Interest, ReceiveBatch, WaitSet};
use crate::packet::{classify, stun, Class};
use crate::path::Path;
use crate::time::{earliest, Instant};
use relayed::Inbox;

/// Inputs between two drains of the core's outputs: as many as one receive call brings.
const MAX_BATCH: usize = crate::net::sys::MAX_MESSAGES;

/// Age a snapshot of statistics reaches at most.
const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(1);

/// Sleep where a bug would make the loop spin: a deadline that stays in the past, a wait that fails.
const SPIN_GUARD: Duration = Duration::from_millis(1);

/// A worker, to be run on a thread of its own.
pub struct Worker {
    id: WorkerId,
    core: Core,
    sockets: SocketSet,
    streams: Streams,
    peers: Peers,
    shared: Arc<Shared>,
    /// Letters to other workers, by worker, posted once per drain.
    outboxes: Vec<Vec<Letter>>,
    batch: SendBatch,
    counters: ShellCounters,
    snapshot_due: Option<Instant>,
    timeouts_handled: Instant,
}

impl Worker {
    /// The worker `id` of those that share `shared`.
    pub fn new(id: WorkerId, sockets: SocketSet, streams: Streams, peers: Peers, shared: Arc<Shared>) -> Self {
        let workers = shared.workers();
        let mut core = Core::new(id, workers);
        core.set_stun_rate(shared.stun_rate);
        Self {
            id,
            core,
            sockets,
            streams,
            peers,
            outboxes: (0..workers).map(|_| Vec::new()).collect(),
            shared,
            batch: SendBatch::new(),
            counters: ShellCounters::default(),
            snapshot_due: None,
            timeouts_handled: Instant::default(),
        }
    }

    /// Works until the engine stops.
    pub fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let mailbox = shared.mailbox(self.id);
        let mut wait = WaitSet::default();
        let bell = wait.add(mailbox.as_fd(), Interest::Readable);
        let places: Vec<usize> =
            self.sockets.sockets().iter().map(|socket| wait.add(socket.as_fd(), Interest::Readable)).collect();
        let relays = wait.add(shared.relays.descriptor(self.id), Interest::Readable);
        let streams = wait.add(self.streams.as_fd(), Interest::Readable);
        let peers = wait.add(self.peers.as_fd(), Interest::Readable);
        let mut received = ReceiveBatch::new();
        let mut relayed = Inbox::new();
        let mut arrivals = Arrivals::default();
        let mut letters = Vec::new();
        while !shared.stopping.load(Ordering::Acquire) {
            if wait.wait(self.time_to_sleep()).is_err() {
                std::thread::sleep(SPIN_GUARD);
            }
            self.counters.wakeups += 1;
            self.sockets.renew_patience();
            if wait.is_ready(bell) {
                mailbox.take(&mut letters);
                self.handle_letters(&mut letters);
            }
            for (index, _) in places.iter().enumerate().filter(|(_, place)| wait.is_ready(**place)) {
                self.receive(index, &mut received);
            }
            if wait.is_ready(relays) {
                self.receive_relayed(&mut relayed);
            }
            if wait.is_ready(streams) {
                self.receive_streams(&mut arrivals);
            }
            if wait.is_ready(peers) {
                self.receive_peers();
            }
            self.handle_timeouts();
        }
    }

    fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    /// Until the next deadline; None: until something comes.
    fn time_to_sleep(&self) -> Option<Duration> {
        let connections = earliest(self.streams.next_deadline(), self.peers.next_deadline());
        let deadline = earliest(earliest(self.core.next_deadline(), connections), self.snapshot_due)?;
        // A deadline that has been dealt with and still stands will not pass by being looked at again.
        Some(if deadline <= self.timeouts_handled { SPIN_GUARD } else { deadline.since(self.now()) })
    }

    fn handle_letters(&mut self, letters: &mut Vec<Letter>) {
        let mut letters = letters.drain(..).peekable();
        while letters.peek().is_some() {
            let now = self.now();
            for letter in letters.by_ref().take(MAX_BATCH) {
                match letter {
                    Letter::Command(command) => self.guard(|core| core.handle_command(now, command)),
                    Letter::Relay(change) => {
                        self.streams.note_relay(now, &change);
                        self.peers.note_relay(&change);
                        self.guard(|core| core.handle_relay_change(now, change));
                    }
                    Letter::CloseStream(id) => {
                        // What was asked to be sent before goes before.
                        self.drain(now);
                        self.streams.close(now, id);
                        self.settle_streams(now);
                    }
                    Letter::Peer(request) => self.handle_peer_request(now, request),
                    Letter::Message(message) => self.guard(|core| core.handle_message(now, message)),
                    Letter::Datagram(path, mut datagram) => self.handle_datagram(now, path, &mut datagram),
                    Letter::PathTaken(path) => self.note_lost(path),
                    Letter::PathEnded(path) => self.guard(|core| core.end_path(now, &path)),
                }
            }
            self.drain(now);
        }
    }

    fn receive(&mut self, index: usize, received: &mut ReceiveBatch) {
        let Some(bound) = self.sockets.receive(index, received, &mut self.counters) else { return };
        let now = self.now();
        for (meta, datagram) in received.iter_mut() {
            let Some(remote) = meta.source else {
                self.counters.dropped_no_source += 1;
                continue;
            };
            if meta.truncated {
                self.counters.dropped_oversize += 1;
                continue;
            }
            let local = SocketAddr::new(meta.destination.unwrap_or_else(|| bound.ip()), bound.port());
            self.route(now, Path::udp(local, remote), datagram);
        }
        self.drain(now);
    }

    /// What is to be relayed, any worker relays. If that brings it to our own media port, and all else, is for the worker
    /// whose transport it belongs to.
    fn route(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        let (path, datagram) = if Core::is_relayed(&path, datagram) {
            let inner = self.guard(|core| core.handle_relayed(now, path, datagram));
            let Some((inner, data)) = inner else { return };
            (inner, &mut datagram[data])
        } else {
            (path, datagram)
        };
        match self.other_home(&path, datagram) {
            Some(home) => {
                self.counters.datagrams_rerouted += 1;
                self.post(home, Letter::Datagram(path, Box::from(&*datagram)));
            }
            None => self.handle_datagram(now, path, datagram),
        }
    }

    /// The other worker that is to handle this datagram. A check goes by whom it is for, all else by where it is from.
    fn other_home(&self, path: &Path, datagram: &[u8]) -> Option<WorkerId> {
        let home = if classify(datagram) == Class::Stun {
            let message = stun::Message::parse(datagram).ok()?;
            let (ufrag, _) = message.username()?.split_once(':')?;
            if self.core.owns_ufrag(ufrag) {
                return None;
            }
            self.shared.addresses.home_of_ufrag(ufrag)?
        } else {
            if self.core.owns_path(path) {
                return None;
            }
            self.shared.addresses.home_of_path(path)?
        };
        (home != self.id).then_some(home)
    }

    fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        let handled = catch_unwind(AssertUnwindSafe(|| self.core.handle_datagram(now, path, datagram)));
        if handled.is_err() {
            self.counters.panics += 1;
            self.guard(|core| core.abandon(now, &path));
        }
    }

    /// A panic in the core is a bug, which is counted and must not stop the other transports of this worker.
    fn guard<T: Default>(&mut self, call: impl FnOnce(&mut Core) -> T) -> T {
        catch_unwind(AssertUnwindSafe(|| call(&mut self.core))).unwrap_or_else(|_| {
            self.counters.panics += 1;
            T::default()
        })
    }

    fn handle_timeouts(&mut self) {
        let now = self.now();
        if self.core.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.guard(|core| core.handle_timeout(now));
            self.drain(now);
        }
        if self.streams.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.streams.handle_timeout(now, &mut self.counters);
            self.settle_streams(now);
        }
        if self.peers.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.peers.handle_timeout(now);
            self.deliver_peers(now);
        }
        if self.snapshot_due.is_some_and(|due| due <= now) {
            self.publish_snapshot(now);
        }
        self.timeouts_handled = now;
    }

    /// Takes everything the core wants done. What others wait for goes first: our own sends can take a while.
    fn drain(&mut self, now: Instant) {
        self.deliver();
        loop {
            self.batch.clear();
            let mut batch = core::mem::take(&mut self.batch);
            let more = self.guard(|core| core.poll_transmit(now, &mut batch));
            self.sockets.send(&batch, &mut self.counters);
            self.streams.send(now, &batch, &mut self.counters);
            let stuck = batch.is_empty();
            self.batch = batch;
            let mut undelivered = self.sockets.take_undelivered();
            let told = !undelivered.is_empty();
            self.report_undelivered(now, &mut undelivered);
            if !told && (!more || stuck) {
                break;
            }
        }
        self.deliver();
        self.snapshot_due.get_or_insert(now + SNAPSHOT_INTERVAL);
    }

    /// Passes on what the core has for other workers and for Python.
    fn deliver(&mut self) {
        while let Some((to, message)) = self.core.poll_message() {
            self.post(to, Letter::Message(message));
        }
        while let Some(claim) = self.core.poll_claim() {
            self.note_claim(claim);
        }
        while let Some(event) = self.core.poll_event() {
            match &event {
                Event::TransportClosed { transport, .. } => self.shared.addresses.forget(*transport),
                Event::StunReceived { path, .. } => self.streams.note_raised(path),
                _ => {}
            }
            self.shared.events.push(event);
        }
        for (mailbox, letters) in self.shared.mailboxes().zip(&mut self.outboxes) {
            if !letters.is_empty() {
                self.counters.dropped_mailbox_full += mailbox.append(letters) as u64;
            }
        }
    }

    fn post(&mut self, to: WorkerId, letter: Letter) {
        match self.outboxes.get_mut(usize::from(to.0)) {
            Some(outbox) => outbox.push(letter),
            None => self.counters.dropped_mailbox_full += 1,
        }
    }

    fn note_claim(&mut self, claim: Claim) {
        match claim {
            Claim::Path(path) => {
                if let Some(previous) = self.shared.addresses.claim(path, self.id) {
                    self.post(previous, Letter::PathTaken(path));
                }
            }
            Claim::Release(path) => {
                self.shared.addresses.release(&path, self.id);
            }
        }
    }

    /// Unless we have validated it again in the meantime.
    fn note_lost(&mut self, path: Path) {
        if self.shared.addresses.home_of_path(&path) != Some(self.id) {
            self.guard(|core| core.lose_path(&path));
        }
    }

    /// The next one follows in a second while there are transports or allocations, else with the next thing that happens: a worker
    /// with nothing to do sleeps.
    fn publish_snapshot(&mut self, now: Instant) {
        let transports = self.guard(|core| core.stats(now));
        let relays = self.guard(|core| core.relay_stats());
        let busy = !transports.is_empty() || !relays.is_empty();
        self.snapshot_due = busy.then(|| now + SNAPSHOT_INTERVAL);
        let snapshot = Snapshot { transports, relays, core: self.core.counters(), shell: self.counters };
        self.shared.publish(self.id, snapshot);
    }
}
