//! Media on its way to viewers.
//!
//! Packets wait in their track's feed until the shell asks for datagrams, so that everything one receive call brought is
//! written viewer by viewer: a frame's packets to one viewer are neighbours and can leave in one GSO send.

use std::sync::Arc;

use super::demand::Demand;
use super::{Common, Core};
use crate::batch::SendBatch;
use crate::egress::Outlet;
use crate::ids::{EgressId, TrackId};
use crate::media::{LayerSet, MediaPacket, SourceClock, SourceId, MAX_LAYERS};
use crate::time::Instant;

/// Viewers of one track on this worker, and what they are still to be sent.
#[derive(Default)]
pub(super) struct Feed {
    /// Who watches.
    pub members: Vec<Member>,
    /// What the track's home says of it.
    pub common: Option<Common>,
    /// Which layers they want.
    pub demand: Demand,
    pending: Vec<Arc<MediaPacket>>,
    cursor: usize,
    clocks: Vec<(SourceId, SourceClock)>,
}

/// One viewer of a feed.
pub(super) struct Member {
    /// Which.
    pub id: EgressId,
    /// The layers it is counted for.
    pub counted: LayerSet,
}

impl Feed {
    /// Take a viewer out, also in the middle of a fan-out.
    pub fn remove(&mut self, id: EgressId) {
        if let Some(index) = self.members.iter().position(|other| other.id == id) {
            let gone = self.members.remove(index);
            self.demand.exchange(gone.counted, LayerSet::default());
            if index < self.cursor {
                self.cursor -= 1;
            }
        }
    }

    /// Remember a source's clock; the oldest goes when every layer has had two.
    pub fn set_clock(&mut self, source: SourceId, clock: SourceClock) {
        match self.clocks.iter_mut().find(|(known, _)| *known == source) {
            Some((_, slot)) => *slot = clock,
            None => {
                if self.clocks.len() >= 2 * MAX_LAYERS {
                    self.clocks.remove(0);
                }
                self.clocks.push((source, clock));
            }
        }
    }

    /// The last known clock of a source.
    pub fn clock(&self, source: SourceId) -> Option<SourceClock> {
        self.clocks.iter().find(|(known, _)| *known == source).map(|(_, clock)| *clock)
    }
}

impl Core {
    /// Write datagrams until the batch is full or nothing is left; true if more is waiting.
    pub fn poll_transmit(&mut self, now: Instant, batch: &mut SendBatch) -> bool {
        batch.append(&mut self.direct);
        while let Some(&track) = self.ready.front() {
            if batch.is_full() {
                return true;
            }
            if self.fan_out(now, track, batch) {
                self.ready.pop_front();
            }
        }
        false
    }

    /// Queue a packet for this worker's viewers of its track.
    pub(super) fn enqueue(&mut self, packet: Arc<MediaPacket>) {
        let track = packet.track;
        let Some(feed) = self.feeds.get_mut(&track) else {
            self.counters.ignored_stale += 1;
            return;
        };
        if feed.pending.is_empty() {
            self.ready.push_back(track);
        }
        feed.pending.push(packet);
    }

    /// Write what is pending for one track; true when every viewer has had it.
    fn fan_out(&mut self, now: Instant, track: TrackId, batch: &mut SendBatch) -> bool {
        let Self { feeds, egresses, transports, relays, counters, .. } = self;
        let Some(feed) = feeds.get_mut(&track) else { return true };
        while let Some(Member { id, counted }) = feed.members.get_mut(feed.cursor) {
            if batch.is_full() {
                return false;
            }
            feed.cursor += 1;
            let Some(egress) = egresses.get_mut(id) else { continue };
            let Some(transport) = transports.get_mut(&egress.transport) else { continue };
            let rtt = transport.rtt_or_default();
            let (Some(keys), Some(path)) = (&transport.keys, transport.ice.send_path()) else { continue };
            let Some(way) = relays.way(now, path) else { continue };
            let mut outlet = Outlet {
                sealer: &keys.sealer,
                way,
                extensions: &transport.extensions,
                transport_sequence: &mut transport.transport_sequence,
                rtt,
            };
            let before = (batch.datagrams().len(), batch.bytes().len());
            for packet in &feed.pending {
                let clocks = &feed.clocks;
                let clock = |source| clocks.iter().find(|(known, _)| *known == source).map(|(_, clock)| *clock);
                egress.forward(now, packet, clock, &mut outlet, batch, counters);
            }
            transport.traffic.packets_sent += (batch.datagrams().len() - before.0) as u64;
            transport.traffic.bytes_sent += (batch.bytes().len() - before.1) as u64;
            let wanted = egress.wanted_layers();
            if wanted != *counted {
                feed.demand.exchange(core::mem::replace(counted, wanted), wanted);
            }
        }
        feed.pending.clear();
        feed.cursor = 0;
        // Who has moved to a layer no longer wants the one before.
        self.tell_home(now, track);
        true
    }
}
