//! The worker threads as one thing: starting and stopping them, commands to them, and what they have to tell.

pub mod addresses;
pub mod allocation;
pub mod controls;
pub mod events;
pub mod mailbox;
pub mod stepper;

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::admission;
use crate::command::{Command, RelayChange};
use crate::event::Event;
use crate::idmap::IdMap;
use crate::ids::{RelayId, StreamId, TransportId, WorkerId};
use crate::net::counters::ShellCounters;
use crate::net::listen::{bind_all, Addresses, Bound, BufferSizes};
use crate::net::network::Network;
use crate::net::peers::Peers;
use crate::net::relay_socket::RelaySocket;
use crate::net::relay_sockets::RelaySockets;
use crate::net::sockets::SocketSet;
use crate::net::stream::reception::{Reception, StreamLimits};
use crate::net::streams::Streams;
use crate::net::sys::UdpSocket;
use crate::net::tls::BadCertificate;
use crate::stats::{Counters, RelayStats, TransportStats};
use crate::time::Instant;
use crate::worker::Worker;
use addresses::AddressBook;
use allocation::IdAllocator;
use controls::{Controls, Refused};
use events::EventQueue;
use mailbox::{Mailbox, PeerRequest};

/// Worker threads there are at most.
pub const MAX_WORKERS: u16 = 64;

/// How an engine is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Worker threads; 0 means one per core, beyond [`MAX_WORKERS`] is that many.
    pub workers: u16,
    /// Events that wait at most.
    pub event_capacity: usize,
    /// Socket buffers.
    pub buffers: BufferSizes,
    /// STUN messages per second that pass to Python from one prefix of addresses, at each worker.
    pub stun_rate: u32,
    /// Listen by TCP as well, at the addresses and ports of UDP.
    pub tcp: bool,
    /// Listen by TLS at these addresses.
    pub tls: Vec<SocketAddr>,
    /// Who connects from these by TCP or TLS is a proxy, and has to say first whom it speaks for (PROXY protocol 2).
    pub proxies: Vec<Network>,
    /// What connections may use.
    pub streams: StreamLimits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: 0,
            event_capacity: 8_192,
            buffers: BufferSizes { receive: 8 << 20, send: 8 << 20 },
            stun_rate: admission::DEFAULT_PER_SECOND,
            tcp: false,
            tls: Vec::new(),
            proxies: Vec::new(),
            streams: StreamLimits::default(),
        }
    }
}

/// What one worker counts, at most a second old.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Its transports.
    pub transports: Vec<TransportStats>,
    /// What it has seen of allocations.
    pub relays: Vec<RelayStats>,
    /// Its core's totals.
    pub core: Counters,
    /// Its shell's totals.
    pub shell: ShellCounters,
}

/// The time since the engine started, for all its workers the same.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: std::time::Instant,
}

impl Clock {
    /// One that starts now.
    pub fn start() -> Self {
        Self { epoch: std::time::Instant::now() }
    }

    /// What it shows.
    pub fn now(&self) -> Instant {
        Instant::default() + self.epoch.elapsed()
    }
}

/// What the workers and the engine have in common.
pub struct Shared {
    /// The workers' time.
    pub clock: Clock,
    /// New ids.
    pub ids: IdAllocator,
    /// Whose datagram is whose.
    pub addresses: AddressBook,
    /// The bound addresses of allocations.
    pub relays: Arc<RelaySockets>,
    /// What happened.
    pub events: EventQueue,
    /// Workers are to end.
    pub stopping: AtomicBool,
    /// What their cores let pass to Python.
    pub stun_rate: u32,
    mailboxes: Vec<Mailbox>,
    snapshots: Vec<Mutex<Arc<Snapshot>>>,
}

impl Shared {
    fn new(workers: u16, options: &Options) -> io::Result<Self> {
        Ok(Self {
            clock: Clock::start(),
            ids: IdAllocator::new(workers),
            addresses: AddressBook::new(workers),
            relays: Arc::new(RelaySockets::new(workers)?),
            events: EventQueue::new(options.event_capacity)?,
            stopping: AtomicBool::new(false),
            stun_rate: options.stun_rate,
            mailboxes: (0..workers).map(|_| Mailbox::new()).collect::<io::Result<_>>()?,
            snapshots: (0..workers).map(|_| Mutex::default()).collect(),
        })
    }

    /// How many workers there are.
    pub fn workers(&self) -> u16 {
        // At most MAX_WORKERS were made.
        self.mailboxes.len() as u16
    }

    /// All mailboxes, in the order of worker ids.
    pub fn mailboxes(&self) -> impl Iterator<Item = &Mailbox> {
        self.mailboxes.iter()
    }

    /// A worker's mailbox.
    pub fn mailbox(&self, worker: WorkerId) -> &Mailbox {
        &self.mailboxes[usize::from(worker.0)]
    }

    /// Replaces a worker's snapshot.
    pub fn publish(&self, worker: WorkerId, snapshot: Snapshot) {
        *self.snapshots[usize::from(worker.0)].lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }

    fn snapshots(&self) -> impl Iterator<Item = Arc<Snapshot>> + '_ {
        self.snapshots.iter().map(|slot| Arc::clone(&slot.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Worker threads over real sockets. Dropping it closes it.
pub struct Engine {
    shared: Arc<Shared>,
    local_addresses: Vec<SocketAddr>,
    tls_addresses: Vec<SocketAddr>,
    reception: Arc<Reception>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Engine {
    /// Binds every address by UDP, and those of the options, and starts the workers. Port 0 is the system's choice, the
    /// same for all addresses by UDP and TCP.
    pub fn start(listen: &[SocketAddr], options: Options) -> io::Result<Self> {
        let workers = match options.workers {
            0 => thread::available_parallelism().map_or(1, |count| u16::try_from(count.get()).unwrap_or(MAX_WORKERS)),
            workers => workers,
        }
        .min(MAX_WORKERS);
        let addresses = Addresses { media: listen, tcp: options.tcp, tls: &options.tls };
        let all = bind_all(addresses, workers, options.buffers)?;
        let first = all.first();
        let local_addresses = first.into_iter().flat_map(|bound| &bound.sockets).map(UdpSocket::local).collect();
        let tls_addresses = first.into_iter().flat_map(Bound::tls_addresses).collect();
        let shared = Arc::new(Shared::new(workers, &options)?);
        let reception = Arc::new(Reception::new(workers, options.streams, options.proxies));
        let engine = Self {
            shared: Arc::clone(&shared),
            local_addresses,
            tls_addresses,
            reception: Arc::clone(&reception),
            threads: Mutex::default(),
        };
        for (index, Bound { sockets, doors }) in (0..workers).zip(all) {
            let shared = Arc::clone(&shared);
            let streams = Streams::new(WorkerId(index), workers, doors, Arc::clone(&reception))?;
            let peers = Peers::new()?;
            // The worker is made on its thread, so that what it allocates first is near that thread. If a thread
            // cannot be started, those that run end with the engine that is dropped here.
            let thread = thread::Builder::new().name(format!("sluice-worker-{index}")).spawn(move || {
                let sockets = SocketSet::new(sockets, Arc::clone(&shared.relays));
                Worker::new(WorkerId(index), sockets, streams, peers, shared).run();
            })?;
            engine.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(engine)
    }

    /// New TLS sessions show this certificate, PEM with those that lead to its root behind it; those there are go on.
    ///
    /// # Errors
    /// [`BadCertificate`]: what is wrong; the one so far stays.
    pub fn set_certificate(&self, certificate: &[u8], key: &[u8]) -> Result<(), BadCertificate> {
        self.reception.certificates.exchange(certificate, key)
    }

    /// The addresses bound for TLS, in the order they were asked for.
    pub fn tls_addresses(&self) -> &[SocketAddr] {
        &self.tls_addresses
    }

    /// The bound addresses, in the order they were asked for.
    pub fn local_addresses(&self) -> &[SocketAddr] {
        &self.local_addresses
    }

    /// How many worker threads there are.
    pub fn workers(&self) -> u16 {
        self.shared.workers()
    }

    /// Readable while events wait.
    pub fn event_fd(&self) -> BorrowedFd<'_> {
        self.shared.events.as_fd()
    }

    /// Stops the threads and closes the sockets; nothing happens if that is done already.
    pub fn close(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        for mailbox in self.shared.mailboxes() {
            mailbox.ring();
        }
        let threads = core::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A worker that panicked is gone as well, which is what is asked for.
            let _ = thread.join();
        }
        self.shared.relays.clear();
    }
}

impl Controls for Engine {
    fn ids(&self) -> &IdAllocator {
        &self.shared.ids
    }

    fn addresses(&self) -> &AddressBook {
        &self.shared.addresses
    }

    fn submit(&self, command: Command) -> Result<(), Refused> {
        if self.shared.stopping.load(Ordering::Acquire) {
            return Err(Refused::Closed);
        }
        let home = command.home(self.workers());
        Ok(self.shared.mailbox(home).command(command)?)
    }

    fn change_relays(&self, change: RelayChange) -> Result<(), Refused> {
        if self.shared.stopping.load(Ordering::Acquire) {
            return Err(Refused::Closed);
        }
        for mailbox in self.shared.mailboxes() {
            mailbox.relay(change.clone())?;
        }
        Ok(())
    }

    fn adopt(&self, relay: RelayId, sockets: Vec<(SocketAddr, RelaySocket)>) -> Result<(), Refused> {
        self.shared.relays.adopt(relay, sockets).map_err(|_| Refused::Unwatchable)
    }

    fn abandon(&self, relay: RelayId) {
        self.shared.relays.close(relay);
    }

    fn ask(&self, home: WorkerId, request: PeerRequest) -> Result<(), Refused> {
        if self.shared.stopping.load(Ordering::Acquire) {
            return Err(Refused::Closed);
        }
        Ok(self.shared.mailbox(home).peer(request)?)
    }

    fn close_stream(&self, id: StreamId) -> Result<(), Refused> {
        Ok(self.shared.mailbox(id.home(self.workers())).close_stream(id)?)
    }

    fn drain_events(&self, limit: usize) -> Vec<Event> {
        self.shared.events.drain(limit)
    }

    fn stats(&self) -> Vec<TransportStats> {
        self.shared.snapshots().flat_map(|snapshot| snapshot.transports.clone()).collect()
    }

    fn transport_stats(&self, id: TransportId) -> Option<TransportStats> {
        let home = usize::from(id.home(self.workers()).0);
        let snapshot = self.shared.snapshots().nth(home)?;
        snapshot.transports.iter().find(|stats| stats.transport == id).cloned()
    }

    /// Of each allocation every worker has seen a part: packets from its client at one, those to it at others.
    fn relay_stats(&self) -> Vec<RelayStats> {
        let mut sums: IdMap<RelayId, RelayStats> = IdMap::default();
        for snapshot in self.shared.snapshots() {
            for part in &snapshot.relays {
                sums.entry(part.relay).and_modify(|sum| sum.add(part)).or_insert_with(|| part.clone());
            }
        }
        sums.into_values().collect()
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        let (mut core, mut shell) = (Counters::default(), ShellCounters::default());
        for snapshot in self.shared.snapshots() {
            core.add(&snapshot.core);
            shell.add(&snapshot.shell);
        }
        let events = [("dropped_events", self.shared.events.dropped())];
        core.iter().chain(shell.iter()).chain(events).collect()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}
