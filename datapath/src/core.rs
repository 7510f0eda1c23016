//! One worker's share of the forwarder: sans-IO and deterministic.
//!
//! `handle_*` takes bytes, addresses and the time. After every input the shell drains `poll_transmit`, `poll_message`,
//! `poll_event` and `poll_claim`, and calls `handle_timeout` at `next_deadline`. The files below are what can happen: a
//! command or message (`control`), a datagram (`receive`) or what one of them reports (`feedback`), media to pass on
//! (`fanout`) and which layers of it (`layers`, `demand`), what is relayed (`relay`), time (`timers`).

mod control;
mod demand;
mod fanout;
mod feedback;
mod layers;
mod receive;
mod relay;
mod timers;

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::addressmap::AddressMap;
use crate::admission::{AdmissionGate, DEFAULT_PER_SECOND};
use crate::batch::SendBatch;
use crate::egress::Egress;
use crate::event::{CloseReason, Event};
use crate::idmap::IdMap;
use crate::ids::{EgressId, TrackId, TransportId, WorkerId};
use crate::media::SourceId;
use crate::message::Message;
use crate::path::Path;
use crate::relay::Relays;
use crate::stats::{Counters, TransportStats};
use crate::time::Instant;
use crate::track::Track;
use crate::transport::Transport;
use fanout::Feed;
pub use layers::Common;

/// Keeps the shared address book right: which worker a 5-tuple's packets belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// This core takes packets of the path.
    Path(Path),
    /// It no longer does.
    Release(Path),
}

/// One worker's share of the forwarder.
pub struct Core {
    worker: WorkerId,
    workers: u16,
    transports: IdMap<TransportId, Transport>,
    tracks: IdMap<TrackId, Track>,
    egresses: IdMap<EgressId, Egress>,
    feeds: IdMap<TrackId, Feed>,
    /// Feeds with packets to fan out, oldest first.
    ready: VecDeque<TrackId>,
    paths: AddressMap<Path, TransportId>,
    ufrags: HashMap<String, TransportId>,
    timers: BTreeSet<(Instant, TransportId)>,
    /// Tracks that were louder than silence since levels were last told, and when they are to be told.
    speaking: Vec<TrackId>,
    levels_due: Option<Instant>,
    relays: Relays,
    gate: AdmissionGate,
    /// Answers, feedback, DTLS and what is relayed: sent before media.
    direct: SendBatch,
    messages: VecDeque<(WorkerId, Message)>,
    events: VecDeque<Event>,
    claims: VecDeque<Claim>,
    counters: Counters,
    next_source: u32,
}

impl Core {
    /// The core of worker `worker` of `workers` (at most 64).
    pub fn new(worker: WorkerId, workers: u16) -> Self {
        Self {
            worker,
            workers: workers.clamp(1, Track::MAX_WORKERS),
            transports: IdMap::default(),
            tracks: IdMap::default(),
            egresses: IdMap::default(),
            feeds: IdMap::default(),
            ready: VecDeque::new(),
            paths: AddressMap::default(),
            ufrags: HashMap::new(),
            timers: BTreeSet::new(),
            speaking: Vec::new(),
            levels_due: None,
            relays: Relays::default(),
            gate: AdmissionGate::new(DEFAULT_PER_SECOND),
            direct: SendBatch::new(),
            messages: VecDeque::new(),
            events: VecDeque::new(),
            claims: VecDeque::new(),
            counters: Counters::default(),
            next_source: 0,
        }
    }

    /// Let so many STUN messages per second pass to Python from each prefix of addresses.
    pub fn set_stun_rate(&mut self, per_second: u32) {
        self.gate = AdmissionGate::new(per_second);
    }

    /// Something for another worker's core.
    pub fn poll_message(&mut self) -> Option<(WorkerId, Message)> {
        self.messages.pop_front()
    }

    /// Something for Python.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// A change to the shared address book.
    pub fn poll_claim(&mut self) -> Option<Claim> {
        self.claims.pop_front()
    }

    /// Another core has validated this path since: its packets are no longer ours, until it is checked here again.
    pub fn lose_path(&mut self, path: &Path) {
        self.paths.remove(path);
    }

    /// The path has ceased to exist, with the connection or the allocation that carried it: a transport reached on it is
    /// reached on another, if it has any.
    pub fn end_path(&mut self, now: Instant, path: &Path) {
        let Some(id) = self.paths.remove(path) else { return };
        self.claims.push_back(Claim::Release(*path));
        if let Some(transport) = self.transports.get_mut(&id) {
            transport.ice.forget_path(path);
            self.on_new_path(now, id);
        }
    }

    /// Packets of this path are ours.
    pub fn owns_path(&self, path: &Path) -> bool {
        self.paths.contains_key(path)
    }

    /// Checks for this ICE user are ours.
    pub fn owns_ufrag(&self, ufrag: &str) -> bool {
        self.ufrags.contains_key(ufrag)
    }

    /// Nothing is left of any transport, track, viewer or allocation, and nothing waits to be polled.
    pub fn is_idle(&self) -> bool {
        let media = self.transports.is_empty() && self.tracks.is_empty() && self.egresses.is_empty();
        let indexes = self.feeds.is_empty() && self.paths.is_empty() && self.ufrags.is_empty();
        let waiting = self.ready.is_empty() && self.direct.is_empty() && self.messages.is_empty();
        let timers = self.timers.is_empty() && self.speaking.is_empty() && self.levels_due.is_none();
        let reports = timers && self.events.is_empty() && self.claims.is_empty();
        media && self.relays.is_empty() && indexes && waiting && reports
    }

    /// Totals since start.
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters;
        counters.add(self.relays.counters());
        counters
    }

    /// A snapshot of every transport.
    pub fn stats(&mut self, now: Instant) -> Vec<TransportStats> {
        let Self { transports, tracks, egresses, relays, .. } = self;
        transports
            .values()
            .map(|transport| TransportStats {
                transport: transport.id,
                connected: transport.ice.selected().is_some(),
                encrypted: transport.keys.is_some(),
                remote: transport.ice.selected().map(|path| path.remote),
                idle: now.since(transport.ice.last_check()),
                rtt: transport.rtt(),
                packets_received: transport.traffic.packets_received,
                bytes_received: transport.traffic.bytes_received,
                packets_sent: transport.traffic.packets_sent,
                bytes_sent: transport.traffic.bytes_sent,
                remb_bps: transport.remb,
                paths: transport.paths(now, relays),
                tracks: transport
                    .tracks
                    .iter()
                    .filter_map(|id| tracks.get_mut(id).map(|track| track.stats(now)))
                    .collect(),
                egresses: transport
                    .egresses
                    .iter()
                    .filter_map(|id| egresses.get_mut(id).map(|egress| egress.stats(now)))
                    .collect(),
            })
            .collect()
    }

    /// Handling a packet of this path panicked: whatever state its transport is in, it ends.
    pub fn abandon(&mut self, now: Instant, path: &Path) {
        if let Some(&id) = self.paths.get(path) {
            self.close(now, id, CloseReason::InternalError);
        }
    }

    /// Drop a transport on our own account.
    fn close(&mut self, now: Instant, id: TransportId, reason: CloseReason) {
        let paths = self.transports.get(&id).map(|transport| transport.paths(now, &self.relays)).unwrap_or_default();
        self.remove_transport(now, id);
        self.events.push_back(Event::TransportClosed { transport: id, reason, paths });
    }

    /// A name for one more stream, unique among all workers.
    fn new_source(next: &mut u32, worker: WorkerId, workers: u16) -> SourceId {
        let source = SourceId(next.wrapping_mul(u32::from(workers)).wrapping_add(u32::from(worker.0)));
        *next = next.wrapping_add(1);
        source
    }

    /// Pass a message on; one to ourselves is handled at once.
    fn post(&mut self, now: Instant, to: WorkerId, message: Message) {
        if to == self.worker {
            self.handle_message(now, message);
        } else {
            self.messages.push_back((to, message));
        }
    }
}
