//! What is due: consent, feedback to publishers, reports to everybody. One timer per transport.

use core::ops::Bound;

use super::Core;
use crate::batch::SendBatch;
use crate::event::{CloseReason, Event};
use crate::ids::{TrackId, TransportId};
use crate::packet::rtcp;
use crate::relay::Relays;
use crate::time::{earliest, Instant};
use crate::track::Feedback;
use crate::transport::{Transport, FEEDBACK_SSRC};

/// RTCP compounds are cut at this size, so that they fit any path with their SRTCP trailer.
const MAX_COMPOUND: usize = 1100;

impl Core {
    /// When `handle_timeout` next has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        earliest(self.timers.first().map(|(at, _)| *at), self.levels_due)
    }

    /// Do what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.levels_due.is_some_and(|due| due <= now) {
            self.tell_levels();
        }
        // Onwards only: a deadline that will not move must not keep the worker here.
        let mut from = Bound::Unbounded;
        while let Some(&(at, id)) = self.timers.range((from, Bound::Unbounded)).next().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, id));
            from = Bound::Excluded((at, id));
            if let Some(transport) = self.transports.get_mut(&id) {
                transport.timer = None;
            }
            self.run(now, id);
            self.reschedule(id);
        }
    }

    /// Tell who was louder than silence since; there is no next time until somebody is again.
    fn tell_levels(&mut self) {
        self.levels_due = None;
        let tracks = &mut self.tracks;
        let heard = |id: TrackId| Some((id, tracks.get_mut(&id)?.levels.take()?));
        let levels = self.speaking.drain(..).filter_map(heard).collect();
        self.events.push_back(Event::AudioLevels { levels });
    }

    /// A track that ends is not told of any more.
    pub(super) fn forget_levels(&mut self, id: TrackId) {
        self.speaking.retain(|track| *track != id);
        if self.speaking.is_empty() {
            self.levels_due = None;
        }
    }

    /// Do what is due for one transport right now, and set its timer.
    pub(super) fn service(&mut self, now: Instant, id: TransportId) {
        if self.deadline_of(id).is_some_and(|at| at <= now) {
            self.run(now, id);
        }
        self.reschedule(id);
    }

    /// Set a transport's timer. One that is set too early stays: it costs a wake-up, moving it would cost on every packet.
    pub(super) fn reschedule(&mut self, id: TransportId) {
        let Some(next) = self.deadline_of(id) else { return };
        let Some(transport) = self.transports.get_mut(&id) else { return };
        if transport.timer.is_some_and(|timer| timer <= next) {
            return;
        }
        if let Some(timer) = transport.timer.replace(next) {
            self.timers.remove(&(timer, id));
        }
        self.timers.insert((next, id));
    }

    fn deadline_of(&self, id: TransportId) -> Option<Instant> {
        let transport = self.transports.get(&id)?;
        let mut next = transport.next_deadline();
        for track in &transport.tracks {
            next = earliest(next, self.tracks.get(track).and_then(|track| track.next_deadline()));
        }
        next
    }

    fn run(&mut self, now: Instant, id: TransportId) {
        let Self { transports, tracks, egresses, feeds, events, counters, relays, direct, .. } = self;
        let Some(transport) = transports.get_mut(&id) else { return };
        if transport.ice.is_expired(now) {
            return self.close(now, id, CloseReason::ConsentExpired);
        }
        let mut outbox = Outbox::new();
        let report_due = transport.report_due(now);
        if report_due {
            for egress in &transport.egresses {
                let Some(egress) = egresses.get_mut(egress) else { continue };
                let feed = egress.track().and_then(|track| feeds.get(&track));
                let Some(clock) = egress.current_source().and_then(|source| feed?.clock(source)) else { continue };
                if let Some((ntp, rtp, packets, octets)) = egress.sender_report(now, clock) {
                    outbox.append(|out| {
                        rtcp::write_sender_report(out, egress.ssrc(), ntp, rtp, packets, octets);
                        rtcp::write_cname(out, egress.ssrc(), egress.cname());
                    });
                }
            }
            let mut blocks = Vec::new();
            for track in &transport.tracks {
                if let Some(track) = tracks.get_mut(track) {
                    track.reports(now, &mut blocks);
                }
            }
            if let (Some(estimate), Some(worst)) =
                (&mut transport.estimate, blocks.iter().map(|b| b.fraction_lost).max())
            {
                estimate.on_interval(now, worst);
            }
            for chunk in blocks.chunks(MAX_BLOCKS) {
                outbox.append(|out| rtcp::write_receiver_report(out, FEEDBACK_SSRC, chunk));
            }
        }
        for id in &transport.tracks {
            let Some(track) = tracks.get_mut(id) else { continue };
            let mut out = Vec::new();
            let mut feedback =
                Feedback { sender: FEEDBACK_SSRC, out: &mut out, lost: Vec::new(), keyframe_requests: 0 };
            track.poll_feedback(now, &mut feedback, |layer, rid, active| {
                events.push_back(Event::LayerChanged { track: *id, layer, rid, active });
            });
            counters.keyframe_requests_sent += feedback.keyframe_requests;
            for packet in out {
                outbox.append(|compound| compound.extend_from_slice(&packet));
            }
        }
        if let Some(arrivals) = &mut transport.arrivals {
            // libwebrtc wants some SSRC it knows, whichever.
            let media = transport.streams.keys().min().copied().unwrap_or(0);
            let mut packets = Vec::new();
            arrivals.poll(now, FEEDBACK_SSRC, media, &mut packets);
            for packet in packets {
                outbox.append(|out| out.extend_from_slice(&packet));
            }
        }
        if let Some(bitrate) = transport.estimate.as_mut().and_then(|estimate| estimate.poll(now)) {
            let mut ssrcs: Vec<u32> = transport.streams.iter().filter(|(_, s)| !s.rtx).map(|(ssrc, _)| *ssrc).collect();
            ssrcs.sort_unstable();
            outbox.append(|out| rtcp::write_remb(out, FEEDBACK_SSRC, bitrate, &ssrcs));
        }
        for compound in outbox.compounds {
            counters.rtcp_sent += u64::from(send_rtcp(now, transport, compound, relays, direct));
        }
        if report_due {
            // A source that pauses before its first keyframe outlives the requester's patience; the viewer's does not end.
            self.request_keyframes_for(now, id);
        }
    }
}

/// Report blocks that fit one compound.
const MAX_BLOCKS: usize = 31;

/// RTCP packets gathered into compounds that each begin with a report (RFC 3550, 6.1).
struct Outbox {
    compounds: Vec<Vec<u8>>,
}

impl Outbox {
    fn new() -> Self {
        Self { compounds: Vec::new() }
    }

    fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut part = Vec::new();
        write(&mut part);
        if part.is_empty() {
            return;
        }
        match self.compounds.last_mut().filter(|last| last.len() + part.len() <= MAX_COMPOUND) {
            Some(last) => last.extend_from_slice(&part),
            None => {
                let is_report = matches!(part.get(1), Some(200 | 201));
                let mut compound = Vec::with_capacity(part.len() + 40);
                if !is_report {
                    rtcp::write_receiver_report(&mut compound, FEEDBACK_SSRC, &[]);
                }
                compound.extend_from_slice(&part);
                self.compounds.push(compound);
            }
        }
    }
}

/// False if there are no keys or there is no path yet.
fn send_rtcp(
    now: Instant,
    transport: &mut Transport,
    mut compound: Vec<u8>,
    relays: &mut Relays,
    direct: &mut SendBatch,
) -> bool {
    let (Some(keys), Some(path)) = (&mut transport.keys, transport.ice.send_path()) else { return false };
    let sealed = keys.sealer.seal_rtcp(&mut compound, 0).is_ok();
    if sealed {
        transport.traffic.packets_sent += 1;
        transport.traffic.bytes_sent += compound.len() as u64;
        relays.send(now, path, &compound, direct);
    }
    sealed
}
