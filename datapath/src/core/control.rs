//! Commands from Python and messages from other cores, but for those about layers.

use super::fanout::Member;
use super::{Claim, Common, Core};
use crate::command::{Command, PayloadTypeMap};
use crate::egress::Egress;
use crate::ice::{Credentials, IceAgent};
use crate::ids::{EgressId, TrackId, TransportId};
use crate::media::{EgressSpec, LayerSet, TrackSpec};
use crate::message::Message;
use crate::packet::extensions::ExtensionMap;
use crate::srtp::{Opener, Profile, Sealer};
use crate::time::Instant;
use crate::track::Track;
use crate::transport::{Keys, Stream, Transport, MAX_STREAMS};

impl Core {
    /// Carry out what Python asks.
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        let known = match command {
            Command::AddTransport { id, credentials, extensions } => {
                self.add_transport(now, id, credentials, *extensions)
            }
            Command::SetExtensions { id, extensions } => self.set_extensions(id, &extensions),
            Command::SetDtlsRate { id, per_second } => self.set_dtls_rate(id, per_second),
            Command::RestartIce { id, credentials } => self.restart_ice(id, credentials),
            Command::RemoveTransport { id } => self.remove_transport(now, id),
            Command::SendDtls { id, data } => self.send_dtls(now, id, &data),
            Command::InstallKeys { id, profile, receive, send } => self.install_keys(now, id, profile, &receive, &send),
            Command::Publish { transport, id, spec } => self.publish(transport, id, spec),
            Command::Unpublish { id } => self.unpublish(id),
            Command::ForwardLayer { track, layer } => self.forward_layer(now, track, layer),
            Command::Subscribe { transport, id, spec } => self.subscribe(transport, id, spec),
            Command::SetSource { egress, track, payload_types, layer } => {
                self.set_source(now, egress, track, payload_types, layer)
            }
            Command::ChooseLayer { egress, layer } => self.choose_layer(now, egress, layer),
            Command::Unsubscribe { id } => self.unsubscribe(now, id),
            Command::RequestKeyframe { track } => self.request_keyframe(now, track, None),
            Command::SendStun { path, data } => {
                self.relays.send(now, path, &data, &mut self.direct);
                true
            }
        };
        self.counters.ignored_stale += u64::from(!known);
    }

    /// Take in what another core says.
    pub fn handle_message(&mut self, now: Instant, message: Message) {
        match message {
            Message::Media(packet) => self.enqueue(packet),
            Message::Forwarded { track, layer, count } => self.on_common_layer(now, track, Common { layer, count }),
            Message::Clock { track, source, clock } => {
                if let Some(feed) = self.feeds.get_mut(&track) {
                    feed.set_clock(source, clock);
                }
            }
            Message::Ended { track } => self.on_track_ended(track),
            Message::Interest { track, worker, layers } => self.on_interest(now, track, worker, layers),
            Message::KeyframeWanted { track, layer } => {
                let known = self.request_keyframe(now, track, Some(layer));
                self.counters.ignored_stale += u64::from(!known);
            }
        }
    }

    fn add_transport(&mut self, now: Instant, id: TransportId, credentials: Credentials, map: ExtensionMap) -> bool {
        let mut transport = Transport::new(id, IceAgent::new(now, credentials), map);
        transport.known_ufrags = transport.ice.local_ufrags().map(str::to_owned).collect();
        for ufrag in &transport.known_ufrags {
            self.ufrags.insert(ufrag.clone(), id);
        }
        self.transports.insert(id, transport);
        self.reschedule(id);
        true
    }

    fn set_extensions(&mut self, id: TransportId, map: &ExtensionMap) -> bool {
        let Self { transports, tracks, .. } = self;
        let Some(transport) = transports.get_mut(&id) else { return false };
        transport.extensions.add(map);
        for track in transport.tracks.clone() {
            if let Some(track) = tracks.get(&track) {
                transport.begin_estimate(&track.spec);
            }
        }
        true
    }

    fn set_dtls_rate(&mut self, id: TransportId, per_second: u32) -> bool {
        let Some(transport) = self.transports.get_mut(&id) else { return false };
        transport.set_dtls_rate(per_second);
        true
    }

    fn restart_ice(&mut self, id: TransportId, credentials: Credentials) -> bool {
        let Some(transport) = self.transports.get_mut(&id) else { return false };
        transport.ice.restart(credentials);
        self.sync_ice(id);
        true
    }

    /// Bring the maps by path and by ICE user in line with what the transport's agent says.
    pub(super) fn sync_ice(&mut self, id: TransportId) {
        let Some(transport) = self.transports.get_mut(&id) else { return };
        let ufrags: Vec<String> = transport.ice.local_ufrags().map(str::to_owned).collect();
        for gone in transport.known_ufrags.iter().filter(|known| !ufrags.contains(known)) {
            self.ufrags.remove(gone);
        }
        for ufrag in &ufrags {
            self.ufrags.insert(ufrag.clone(), id);
        }
        transport.known_ufrags = ufrags;
        while let Some(gone) = transport.ice.poll_evicted() {
            if self.paths.get(&gone) == Some(&id) {
                self.paths.remove(&gone);
                self.claims.push_back(Claim::Release(gone));
            }
        }
    }

    pub(super) fn remove_transport(&mut self, now: Instant, id: TransportId) -> bool {
        let Some(transport) = self.transports.remove(&id) else { return false };
        if let Some(timer) = transport.timer {
            self.timers.remove(&(timer, id));
        }
        for ufrag in &transport.known_ufrags {
            self.ufrags.remove(ufrag);
        }
        for path in transport.ice.paths() {
            if self.paths.get(&path) == Some(&id) {
                self.paths.remove(&path);
                self.claims.push_back(Claim::Release(path));
            }
        }
        for track in transport.tracks {
            self.unpublish(track);
        }
        for egress in transport.egresses {
            self.unsubscribe(now, egress);
        }
        true
    }

    fn send_dtls(&mut self, now: Instant, id: TransportId, data: &[u8]) -> bool {
        let Some(transport) = self.transports.get_mut(&id) else { return false };
        match transport.ice.send_path() {
            Some(path) => {
                transport.traffic.packets_sent += 1;
                transport.traffic.bytes_sent += data.len() as u64;
                self.relays.send(now, path, data, &mut self.direct);
            }
            None => self.counters.dropped_dtls_no_path += 1,
        }
        true
    }

    fn install_keys(&mut self, now: Instant, id: TransportId, profile: Profile, receive: &[u8], send: &[u8]) -> bool {
        // Once only: with the same keys again, packet indices would begin again too (RFC 7714, 8.4).
        let Some(transport) = self.transports.get_mut(&id).filter(|transport| transport.keys.is_none()) else {
            return false;
        };
        let (Ok(opener), Ok(sealer)) = (Opener::new(profile, receive), Sealer::new(profile, send)) else {
            return false;
        };
        transport.keys = Some(Keys { sealer, opener });
        transport.start_reports(now);
        self.request_keyframes_for(now, id);
        self.reschedule(id);
        true
    }

    fn publish(&mut self, id: TransportId, track: TrackId, spec: TrackSpec) -> bool {
        let Self { transports, tracks, next_source, worker, workers, .. } = self;
        let Some(transport) = transports.get_mut(&id) else { return false };
        transport.begin_estimate(&spec);
        let new = Track::new(track, id, spec, || Self::new_source(next_source, *worker, *workers));
        for (index, layer) in new.layers.iter().enumerate() {
            // At most MAX_LAYERS.
            let layer_index = index as u8;
            for (ssrc, rtx) in [(layer.ssrc, false), (layer.rtx_ssrc, true)] {
                if let Some(ssrc) = ssrc.filter(|_| transport.streams.len() < MAX_STREAMS) {
                    // What is another track's already stays with that.
                    transport.streams.entry(ssrc).or_insert(Stream { track, layer: layer_index, rtx });
                    transport.keys.iter_mut().for_each(|keys| keys.opener.keep(ssrc));
                }
            }
        }
        transport.tracks.push(track);
        tracks.insert(track, new);
        true
    }

    fn unpublish(&mut self, id: TrackId) -> bool {
        let Some(track) = self.tracks.remove(&id) else { return false };
        if let Some(transport) = self.transports.get_mut(&track.transport) {
            transport.tracks.retain(|other| *other != id);
            let gone = |stream: &Stream| stream.track == id;
            if let Some(keys) = &mut transport.keys {
                for (ssrc, _) in transport.streams.iter().filter(|(_, stream)| gone(stream)) {
                    keys.opener.retire(*ssrc);
                }
            }
            transport.streams.retain(|_, stream| !gone(stream));
        }
        self.forget_levels(id);
        for worker in track.interested() {
            if worker == self.worker {
                self.on_track_ended(id);
            } else {
                self.messages.push_back((worker, Message::Ended { track: id }));
            }
        }
        true
    }

    fn subscribe(&mut self, id: TransportId, egress: EgressId, spec: EgressSpec) -> bool {
        let Some(transport) = self.transports.get_mut(&id) else { return false };
        if !transport.spend_ssrcs(&spec) {
            return false;
        }
        transport.egresses.push(egress);
        self.egresses.insert(egress, Egress::new(egress, id, spec));
        true
    }

    fn set_source(
        &mut self,
        now: Instant,
        id: EgressId,
        track: Option<TrackId>,
        payload_types: PayloadTypeMap,
        layer: Option<u8>,
    ) -> bool {
        let Some(before) = self.egresses.get(&id).map(Egress::track) else { return false };
        if before != track {
            self.detach(now, id);
        }
        let Self { egresses, feeds, counters, .. } = self;
        let Some(egress) = egresses.get_mut(&id) else { return false };
        egress.set_source(track, payload_types, layer);
        let Some(track) = track else { return true };
        let feed = feeds.entry(track).or_default();
        if before != Some(track) {
            feed.members.push(Member { id, counted: LayerSet::default() });
        }
        if let Some(common) = feed.common {
            counters.ignored_stale += u64::from(!egress.follow(common));
        }
        self.recount(now, track, id);
        self.ask_for_keyframe(now, id);
        true
    }

    pub(super) fn unsubscribe(&mut self, now: Instant, id: EgressId) -> bool {
        self.detach(now, id);
        let Some(egress) = self.egresses.remove(&id) else { return false };
        if let Some(transport) = self.transports.get_mut(&egress.transport) {
            transport.egresses.retain(|other| *other != id);
        }
        true
    }

    /// Take an egress out of the feed it is in.
    fn detach(&mut self, now: Instant, id: EgressId) {
        let Some(track) = self.egresses.get(&id).and_then(Egress::track) else { return };
        let Some(feed) = self.feeds.get_mut(&track) else { return };
        feed.remove(id);
        if !feed.members.is_empty() {
            return self.tell_home(now, track);
        }
        self.feeds.remove(&track);
        self.post(now, track.home(self.workers), Message::Interest { track, worker: self.worker, layers: None });
    }

    fn on_track_ended(&mut self, id: TrackId) {
        let Some(feed) = self.feeds.remove(&id) else { return };
        self.ready.retain(|track| *track != id);
        for Member { id, .. } in feed.members {
            if let Some(egress) = self.egresses.get_mut(&id) {
                egress.set_source(None, PayloadTypeMap::new(), None);
            }
        }
    }
}
