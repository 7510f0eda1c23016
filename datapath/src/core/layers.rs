//! Which layers of a track viewers want, and which of them its home passes on.
//!
//! A viewer wants the layer chosen for it, else the one its track forwards to all without a choice, and until it has moved
//! there also the one it is on. A track's home hears from each worker which layers any viewer there wants.

use super::fanout::Member;
use super::Core;
use crate::ids::{EgressId, TrackId, WorkerId};
use crate::media::LayerSet;
use crate::message::Message;
use crate::time::Instant;

/// What home says of a track: the layer for all without a choice of their own, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Common {
    /// The layer's index.
    pub layer: u8,
    /// Layers of the track.
    pub count: u8,
}

impl Core {
    pub(super) fn forward_layer(&mut self, now: Instant, id: TrackId, layer: u8) -> bool {
        let Some(track) = self.tracks.get_mut(&id).filter(|track| layer < track.layer_count()) else { return false };
        if track.forwarded != layer {
            track.forwarded = layer;
            let common = Common { layer, count: track.layer_count() };
            for worker in track.interested() {
                self.post(now, worker, Message::Forwarded { track: id, layer, count: common.count });
            }
        }
        true
    }

    pub(super) fn choose_layer(&mut self, now: Instant, id: EgressId, choice: Option<u8>) -> bool {
        let Self { egresses, feeds, .. } = self;
        let Some(egress) = egresses.get_mut(&id) else { return false };
        let Some((track, feed)) = egress.track().and_then(|track| Some((track, feeds.get(&track)?))) else {
            return false;
        };
        if !egress.choose_layer(choice, feed.common) {
            return false;
        }
        self.recount(now, track, id);
        self.ask_for_keyframe(now, id);
        true
    }

    /// Home says which layer those without a choice are to have.
    pub(super) fn on_common_layer(&mut self, now: Instant, id: TrackId, common: Common) {
        let Self { feeds, egresses, counters, .. } = self;
        let Some(feed) = feeds.get_mut(&id) else { return };
        feed.common = Some(common);
        let mut awaited = LayerSet::default();
        for Member { id, counted } in &mut feed.members {
            let Some(egress) = egresses.get_mut(id) else { continue };
            counters.ignored_stale += u64::from(!egress.follow(common));
            let wanted = egress.wanted_layers();
            feed.demand.exchange(core::mem::replace(counted, wanted), wanted);
            awaited.extend(egress.awaited_layer());
        }
        self.tell_home(now, id);
        for layer in awaited.iter() {
            self.post(now, id.home(self.workers), Message::KeyframeWanted { track: id, layer });
        }
    }

    /// A worker says which layers its viewers want.
    pub(super) fn on_interest(&mut self, now: Instant, id: TrackId, worker: WorkerId, layers: Option<LayerSet>) {
        let Some(track) = self.tracks.get_mut(&id) else {
            self.counters.ignored_stale += 1;
            return;
        };
        if !track.set_interest(worker, layers) {
            return;
        }
        let mut news = vec![Message::Forwarded { track: id, layer: track.forwarded, count: track.layer_count() }];
        for layer in &track.layers {
            if let Some(clock) = layer.clock {
                news.push(Message::Clock { track: id, source: layer.source, clock });
            }
        }
        for message in news {
            self.post(now, worker, message);
        }
    }

    /// One viewer's wishes have changed.
    pub(super) fn recount(&mut self, now: Instant, track: TrackId, egress: EgressId) {
        let Some(feed) = self.feeds.get_mut(&track) else { return };
        let wanted = self.egresses.get(&egress).map(crate::egress::Egress::wanted_layers).unwrap_or_default();
        if let Some(member) = feed.members.iter_mut().find(|member| member.id == egress) {
            feed.demand.exchange(core::mem::replace(&mut member.counted, wanted), wanted);
        }
        self.tell_home(now, track);
    }

    /// Say which layers are wanted here, if that is news.
    pub(super) fn tell_home(&mut self, now: Instant, track: TrackId) {
        let worker = self.worker;
        if let Some(layers) = self.feeds.get_mut(&track).and_then(|feed| feed.demand.news()) {
            self.post(now, track.home(self.workers), Message::Interest { track, worker, layers: Some(layers) });
        }
    }

    /// A viewer that shows nothing of its layer yet needs a keyframe, if it can be sent one.
    pub(super) fn ask_for_keyframe(&mut self, now: Instant, id: EgressId) {
        let Some(egress) = self.egresses.get(&id) else { return };
        if !self.transports.get(&egress.transport).is_some_and(crate::transport::Transport::is_ready) {
            return;
        }
        if let (Some(track), Some(layer)) = (egress.track(), egress.awaited_layer()) {
            self.post(now, track.home(self.workers), Message::KeyframeWanted { track, layer });
        }
    }

    /// Ask for a picture for every video of a viewer that has just become reachable, or still waits.
    pub(super) fn request_keyframes_for(&mut self, now: Instant, id: crate::ids::TransportId) {
        let egresses = self.transports.get(&id).map(|transport| transport.egresses.clone()).unwrap_or_default();
        for egress in egresses {
            self.ask_for_keyframe(now, egress);
        }
    }

    /// A viewer of this layer, or (None) Python for all viewers, needs a keyframe.
    pub(super) fn request_keyframe(&mut self, now: Instant, id: TrackId, layer: Option<u8>) -> bool {
        let Some(track) = self.tracks.get_mut(&id) else { return false };
        match layer {
            Some(layer) => track.request_keyframe(now, layer),
            None => track.request_keyframes(now),
        }
        let publisher = track.transport;
        self.service(now, publisher);
        true
    }
}
