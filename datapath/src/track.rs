//! One published track and its layers: what arrived, what is missing, what to ask the publisher for.

use core::time::Duration;

use crate::ids::{TrackId, TransportId, WorkerId};
use crate::keyframe::KeyframeRequester;
use crate::levels::LevelMeter;
use crate::media::{Kind, LayerSet, SourceClock, SourceId, TrackSpec, MAX_LAYERS};
use crate::nack::{Arrival, NackGenerator};
use crate::packet::rtcp::{self, ReportBlock};
use crate::rate::RateMeter;
use crate::receive::ReceiveLog;
use crate::stats::{LayerStats, TrackStats};
use crate::time::{earliest, Instant};

/// A layer without packets for this long has stopped. Audio pauses between words (DTX sends every 400 ms).
const VIDEO_SILENCE: Duration = Duration::from_millis(1000);
const AUDIO_SILENCE: Duration = Duration::from_millis(2000);
/// Round trip to a publisher. It is the sender that measures it (RFC 3550, 6.4.1); we only receive, so we assume one.
pub const ASSUMED_PUBLISHER_RTT: Duration = Duration::from_millis(100);

/// What one media packet means for its layer.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// Extended sequence number.
    pub sequence: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// Payload type.
    pub payload_type: u8,
    /// First packet of a keyframe.
    pub keyframe: bool,
    /// A keyframe from here on is whole: none of what follows has gone by already.
    pub entry: bool,
    /// Bytes on the wire.
    pub size: usize,
    /// It came as a retransmission.
    pub recovered: bool,
}

/// One simulcast layer (or the only stream) of a track.
pub struct Layer {
    /// The SSRC it has now, once known.
    pub ssrc: Option<u32>,
    /// The SSRC of its retransmissions, once known.
    pub rtx_ssrc: Option<u32>,
    /// The stream it is now.
    pub source: SourceId,
    /// The publisher's clock for it.
    pub clock: Option<SourceClock>,
    /// Packets are arriving.
    pub active: bool,
    /// When it was last heard; None once it counts as stopped.
    last_packet: Option<Instant>,
    highest: Option<u64>,
    receive: ReceiveLog,
    nack: NackGenerator,
    keyframes: KeyframeRequester,
    keyframe_timestamp: Option<u32>,
    rate: RateMeter,
    payload_type: u8,
    totals: Totals,
}

#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    packets: u64,
    bytes: u64,
    frames: u64,
    keyframes: u64,
    duplicates: u64,
    nacks_sent: u64,
    plis_sent: u64,
}

impl Layer {
    fn new(kind: Kind, clock_rate: u32, source: SourceId) -> Self {
        Self {
            ssrc: None,
            rtx_ssrc: None,
            source,
            clock: None,
            active: false,
            last_packet: None,
            highest: None,
            receive: ReceiveLog::new(clock_rate),
            nack: NackGenerator::new(kind == Kind::Video),
            keyframes: KeyframeRequester::new(),
            keyframe_timestamp: None,
            rate: RateMeter::default(),
            payload_type: 0,
            totals: Totals::default(),
        }
    }

    /// The highest extended sequence number received.
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }
}

/// One published track.
pub struct Track {
    /// Its id.
    pub id: TrackId,
    /// Its publisher.
    pub transport: TransportId,
    /// What was negotiated.
    pub spec: TrackSpec,
    /// Lowest first; never empty.
    pub layers: Vec<Layer>,
    /// The layer for viewers without a choice of their own.
    pub forwarded: u8,
    /// How loud it is, if it is audio.
    pub levels: LevelMeter,
    /// Workers with viewers, and those with viewers that want each layer: one bit each.
    interested: u64,
    wanted: [u64; MAX_LAYERS],
}

impl Track {
    /// Workers a track can have viewers on: one bit each.
    pub const MAX_WORKERS: u16 = 64;

    /// Nothing has arrived yet. `sources` names as many streams as the track has layers.
    pub fn new(id: TrackId, transport: TransportId, spec: TrackSpec, mut sources: impl FnMut() -> SourceId) -> Self {
        let clock_rate = spec.codecs.first().map_or(90_000, |codec| codec.clock_rate);
        let layers = (0..spec.layer_count())
            .map(|index| {
                let mut layer = Layer::new(spec.kind, clock_rate, sources());
                if let Some(&(ssrc, rtx_ssrc)) = spec.ssrcs.get(index) {
                    layer.ssrc = Some(ssrc);
                    layer.rtx_ssrc = rtx_ssrc;
                }
                layer
            })
            .collect();
        Self {
            id,
            transport,
            spec,
            layers,
            forwarded: 0,
            levels: LevelMeter::new(),
            interested: 0,
            wanted: [0; MAX_LAYERS],
        }
    }

    /// A layer's packets now come with this SSRC. A changed one makes it a new source: its numbers start afresh.
    pub fn bind(&mut self, layer: u8, ssrc: u32, source: impl FnOnce() -> SourceId) {
        let clock_rate = self.spec.codecs.first().map_or(90_000, |codec| codec.clock_rate);
        let Some(slot) = self.layers.get_mut(usize::from(layer)) else { return };
        match slot.ssrc {
            Some(known) if known == ssrc => {}
            None => slot.ssrc = Some(ssrc),
            Some(_) => {
                let mut fresh = Layer::new(self.spec.kind, clock_rate, source());
                fresh.ssrc = Some(ssrc);
                fresh.totals = slot.totals;
                fresh.active = slot.active;
                *slot = fresh;
            }
        }
    }

    /// Whether a layer's media, or its retransmissions, come with this SSRC and not with a later one.
    pub fn is_bound(&self, layer: u8, rtx: bool, ssrc: u32) -> bool {
        let layer = self.layers.get(usize::from(layer));
        layer.is_some_and(|layer| (if rtx { layer.rtx_ssrc } else { layer.ssrc }) == Some(ssrc))
    }

    /// How many layers it has.
    pub fn layer_count(&self) -> u8 {
        // At most MAX_LAYERS.
        self.layers.len() as u8
    }

    /// Record which layers a worker's viewers want; None: it has none. True if it had none before.
    pub fn set_interest(&mut self, worker: WorkerId, layers: Option<LayerSet>) -> bool {
        let bit = 1u64 << (worker.0 % Self::MAX_WORKERS);
        let set = |mask: &mut u64, on: bool| *mask = if on { *mask | bit } else { *mask & !bit };
        let known = self.interested & bit != 0;
        set(&mut self.interested, layers.is_some());
        for (layer, mask) in (0u8..).zip(&mut self.wanted) {
            set(mask, layers.is_some_and(|layers| layers.contains(layer)));
        }
        !known && layers.is_some()
    }

    /// Workers with viewers.
    pub fn interested(&self) -> impl Iterator<Item = WorkerId> + 'static {
        workers_in(self.interested)
    }

    /// Workers that packets of this layer are passed on to.
    pub fn wanting(&self, layer: u8) -> impl Iterator<Item = WorkerId> + 'static {
        workers_in(self.wanted.get(usize::from(layer)).copied().unwrap_or(0))
    }

    /// Whether packets of this layer are passed on at all.
    pub fn passes(&self, layer: u8) -> bool {
        self.wanted.get(usize::from(layer)).is_some_and(|workers| *workers != 0)
    }

    /// Take in one packet. False: it had arrived before.
    pub fn on_packet(&mut self, now: Instant, index: u8, packet: &Received) -> bool {
        let Some(layer) = self.layers.get_mut(usize::from(index)) else { return false };
        layer.last_packet = Some(now);
        if layer.nack.on_packet(now, packet.sequence, packet.recovered) == Arrival::Duplicate {
            layer.totals.duplicates += 1;
            return false;
        }
        if packet.recovered {
            layer.receive.on_repaired();
        } else {
            layer.receive.on_packet(now, packet.sequence, packet.timestamp);
        }
        layer.highest = Some(layer.highest.map_or(packet.sequence, |highest| highest.max(packet.sequence)));
        layer.payload_type = packet.payload_type;
        layer.totals.packets += 1;
        layer.totals.bytes += packet.size as u64;
        layer.totals.frames += u64::from(packet.marker);
        layer.rate.on_packet(now, packet.size, packet.marker);
        if packet.keyframe {
            // Parameter sets and the picture behind them may come in packets of their own, each of which starts it.
            if layer.keyframe_timestamp.replace(packet.timestamp) != Some(packet.timestamp) {
                layer.totals.keyframes += 1;
            }
            layer.nack.on_keyframe(packet.sequence);
        }
        if packet.entry {
            layer.keyframes.on_keyframe(now);
        }
        true
    }

    /// Somebody needs a picture of this layer.
    pub fn request_keyframe(&mut self, now: Instant, layer: u8) {
        if self.spec.kind == Kind::Video {
            if let Some(layer) = self.layers.get_mut(usize::from(layer)) {
                layer.keyframes.request(now);
            }
        }
    }

    /// All viewers need a picture.
    pub fn request_keyframes(&mut self, now: Instant) {
        for layer in (0..self.layer_count()).filter(|layer| self.passes(*layer)).collect::<LayerSet>().iter() {
            self.request_keyframe(now, layer);
        }
    }

    /// Take in the publisher's sender report for one of its SSRCs.
    pub fn on_sender_report(&mut self, now: Instant, ssrc: u32, ntp: u64, rtp: u32) -> Option<(SourceId, SourceClock)> {
        let codecs = &self.spec.codecs;
        let layer = self.layers.iter_mut().find(|layer| layer.ssrc == Some(ssrc))?;
        let clock_rate = codecs
            .iter()
            .find(|codec| codec.payload_type == layer.payload_type)
            .or(codecs.first())
            .map_or(90_000, |codec| codec.clock_rate);
        let clock = SourceClock { ntp, rtp, at: now, clock_rate };
        layer.receive.on_sender_report(now, ntp);
        layer.clock = Some(clock);
        Some((layer.source, clock))
    }

    /// One report block per layer that was heard since the last.
    pub fn reports(&mut self, now: Instant, blocks: &mut Vec<ReportBlock>) {
        for layer in &mut self.layers {
            if let Some(block) = layer.ssrc.and_then(|ssrc| layer.receive.report(now, ssrc)) {
                blocks.push(block);
            }
        }
    }

    /// Whatever is due towards the publisher, appended as RTCP; layers that began or stopped, by `changed`.
    pub fn poll_feedback(
        &mut self,
        now: Instant,
        feedback: &mut Feedback<'_>,
        mut changed: impl FnMut(u8, Option<String>, bool),
    ) {
        let silence = silence(self.spec.kind);
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let heard = layer.last_packet.is_some_and(|last| now.since(last) < silence);
            if !heard {
                layer.last_packet = None;
            }
            if heard != layer.active {
                layer.active = heard;
                // At most MAX_LAYERS.
                changed(index as u8, self.spec.rids.get(index).cloned(), heard);
            }
            let Some(ssrc) = layer.ssrc else { continue };
            feedback.lost.clear();
            let gave_up = layer.nack.poll(now, ASSUMED_PUBLISHER_RTT, &mut feedback.lost);
            if self.spec.nack && !feedback.lost.is_empty() {
                let mut nack = Vec::new();
                rtcp::write_nack(&mut nack, feedback.sender, ssrc, &feedback.lost);
                feedback.out.push(nack);
                layer.totals.nacks_sent += 1;
            }
            if gave_up && self.spec.kind == Kind::Video {
                layer.keyframes.request(now);
            }
            // A layer nobody hears yet cannot answer; the request stands until it starts.
            let due = layer.highest.is_some() && layer.keyframes.poll(now, ASSUMED_PUBLISHER_RTT);
            if due && (self.spec.pli || self.spec.fir) {
                let mut request = Vec::new();
                if self.spec.pli {
                    rtcp::write_pli(&mut request, feedback.sender, ssrc);
                } else {
                    // A new request is a new number, a repeated one is not (RFC 5104, 4.3.1.1); ours are all new.
                    rtcp::write_fir(&mut request, feedback.sender, ssrc, layer.totals.plis_sent as u8);
                }
                feedback.out.push(request);
                layer.totals.plis_sent += 1;
                feedback.keyframe_requests += 1;
            }
        }
    }

    /// When `poll_feedback` next has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        let mut next = None;
        for layer in &self.layers {
            next = earliest(next, layer.nack.next_deadline());
            if layer.highest.is_some() {
                next = earliest(next, layer.keyframes.next_deadline());
            }
            if let Some(last) = layer.last_packet {
                // A layer that just began is due at once, one that runs when it would count as stopped.
                let due = if layer.active { last + silence(self.spec.kind) } else { last };
                next = earliest(next, Some(due));
            }
        }
        next
    }

    /// A snapshot.
    pub fn stats(&mut self, now: Instant) -> TrackStats {
        let layers = self.layers.iter_mut().enumerate().filter_map(|(index, layer)| {
            Some(LayerStats {
                layer: index as u8,
                rid: self.spec.rids.get(index).cloned(),
                ssrc: layer.ssrc?,
                payload_type: layer.payload_type,
                active: layer.active,
                packets: layer.totals.packets,
                bytes: layer.totals.bytes,
                bitrate_bps: layer.rate.bits_per_second(now),
                frames: layer.totals.frames,
                frame_rate: layer.rate.frames_per_second(now),
                keyframes: layer.totals.keyframes,
                lost: layer.receive.lost(),
                repaired: layer.nack.repaired(),
                duplicates: layer.totals.duplicates,
                jitter_ms: layer.receive.jitter_ms(),
                nacks_sent: layer.totals.nacks_sent,
                plis_sent: layer.totals.plis_sent,
            })
        });
        TrackStats { track: self.id, kind: self.spec.kind, forwarded_layer: self.forwarded, layers: layers.collect() }
    }
}

/// Where `poll_feedback` writes, and what it needs to.
pub struct Feedback<'a> {
    /// Our SSRC as the sender of feedback.
    pub sender: u32,
    /// RTCP packets, to be put together into compounds.
    pub out: &'a mut Vec<Vec<u8>>,
    /// Scratch.
    pub lost: Vec<u16>,
    /// Keyframe requests written.
    pub keyframe_requests: u64,
}

fn workers_in(mask: u64) -> impl Iterator<Item = WorkerId> + 'static {
    (0..Track::MAX_WORKERS).filter(move |index| mask & (1 << index) != 0).map(WorkerId)
}

fn silence(kind: Kind) -> Duration {
    match kind {
        Kind::Audio => AUDIO_SILENCE,
        Kind::Video => VIDEO_SILENCE,
    }
}
