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

use crate::command::{Command, RelayChange};
use crate::event::Event;
use crate::ids::{StreamId, WorkerId};
use crate::net::counters::ShellCounters;
use crate::net::listen::{bind_all, BufferSizes};
use crate::net::sockets::SocketSet;
use crate::net::sys::UdpSocket;
use crate::stats::{Counters, TransportStats};
use crate::time::Instant;
use crate::worker::Worker;
use addresses::AddressBook;
use allocation::IdAllocator;
use controls::{Controls, Refused};
use events::EventQueue;
use mailbox::Mailbox;

/// Worker threads there are at most.
pub const MAX_WORKERS: u16 = 64;

/// How an engine is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Worker threads; 0 means one per core, beyond [`MAX_WORKERS`] is that many.
    pub workers: u16,
    /// Events that wait at most.
    pub event_capacity: usize,
    /// Socket buffers.
    pub buffers: BufferSizes,
}

impl Default for Options {
    fn default() -> Self {
        Self { workers: 0, event_capacity: 8_192, buffers: BufferSizes { receive: 8 << 20, send: 8 << 20 } }
    }
}

/// What one worker counts, at most a second old.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Its transports.
    pub transports: Vec<TransportStats>,
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
    /// Whose datagram is whose.
    pub addresses: AddressBook,
    /// What happened.
    pub events: EventQueue,
    /// Workers are to end.
    pub stopping: AtomicBool,
    mailboxes: Vec<Mailbox>,
    snapshots: Vec<Mutex<Arc<Snapshot>>>,
}

impl Shared {
    fn new(workers: u16, event_capacity: usize) -> io::Result<Self> {
        Ok(Self {
            clock: Clock::start(),
            addresses: AddressBook::new(workers),
            events: EventQueue::new(event_capacity)?,
            stopping: AtomicBool::new(false),
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
    ids: IdAllocator,
    local_addresses: Vec<SocketAddr>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Engine {
    /// Binds every address by UDP and starts the workers. Port 0 is the system's choice, the same for all addresses.
    pub fn start(listen: &[SocketAddr], options: Options) -> io::Result<Self> {
        let workers = match options.workers {
            0 => thread::available_parallelism().map_or(1, |count| u16::try_from(count.get()).unwrap_or(MAX_WORKERS)),
            workers => workers,
        }
        .min(MAX_WORKERS);
        let sets = bind_all(listen, workers, options.buffers)?;
        let local_addresses = sets.first().into_iter().flatten().map(UdpSocket::local).collect();
        let shared = Arc::new(Shared::new(workers, options.event_capacity)?);
        let engine = Self {
            shared: Arc::clone(&shared),
            ids: IdAllocator::new(workers),
            local_addresses,
            threads: Mutex::default(),
        };
        for (index, sockets) in (0..workers).zip(sets) {
            let shared = Arc::clone(&shared);
            // The worker is made on its thread, so that what it allocates first is near that thread. If a thread
            // cannot be started, those that run end with the engine that is dropped here.
            let thread = thread::Builder::new()
                .name(format!("sluice-worker-{index}"))
                .spawn(move || Worker::new(WorkerId(index), SocketSet::new(sockets), shared).run())?;
            engine.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(engine)
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
    }
}

impl Controls for Engine {
    fn ids(&self) -> &IdAllocator {
        &self.ids
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

    fn close_stream(&self, id: StreamId) -> Result<(), Refused> {
        Ok(self.shared.mailbox(id.home(self.workers())).close_stream(id)?)
    }

    fn drain_events(&self, limit: usize) -> Vec<Event> {
        self.shared.events.drain(limit)
    }

    fn stats(&self) -> Vec<TransportStats> {
        self.shared.snapshots().flat_map(|snapshot| snapshot.transports.clone()).collect()
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
