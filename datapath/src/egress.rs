//! One stream forwarded to one viewer: which source it shows, how packets are rewritten, what was sent.

mod forwarded;

use core::time::Duration;
use std::sync::Arc;

use crate::batch::SendBatch;
use crate::command::PayloadTypeMap;
use crate::core::Common;
use crate::history::History;
use crate::ids::{EgressId, TrackId, TransportId};
use crate::media::{EgressSpec, Kind, LayerSet, MediaPacket, SourceClock, SourceId};
use crate::munger::Munger;
use crate::packet::codec::{self, Codec};
use crate::packet::rtcp::ReportBlock;
use crate::pictures::PictureMunger;
use crate::rate::RateMeter;
use crate::stats::{Counters, EgressStats};
use crate::time::Instant;
pub use forwarded::Outlet;
use forwarded::{abs_send_time, Forwarded, Place, RedTreatment};

/// Packets kept for a viewer's NACKs, and how long: libwebrtc gives up on a frame well before.
const VIDEO_HISTORY: (usize, Duration) = (2048, Duration::from_millis(1500));
const AUDIO_HISTORY: (usize, Duration) = (128, Duration::from_millis(1000));
/// A viewer's requests for a keyframe closer together than this are one.
const MIN_REQUEST_INTERVAL: Duration = Duration::from_millis(50);

/// What a `SetSource` established.
#[derive(Debug)]
struct Source {
    track: TrackId,
    payload_types: PayloadTypeMap,
    /// The layer that was chosen for this viewer.
    choice: Option<u8>,
    /// The layer it is to have; None until it is known which those without a choice have.
    target: Option<u8>,
}

impl Source {
    fn lookup(&self, payload_type: u8) -> Option<(u8, Option<u8>)> {
        self.payload_types.iter().find(|(from, _)| *from == payload_type).map(|(_, to)| *to)
    }
}

/// The stream now shown.
#[derive(Clone, Copy, Debug)]
struct Current {
    track: TrackId,
    source: SourceId,
    layer: u8,
}

/// One stream towards one viewer.
pub struct Egress {
    /// Its id.
    pub id: EgressId,
    /// The viewer.
    pub transport: TransportId,
    spec: EgressSpec,
    source: Option<Source>,
    current: Option<Current>,
    munger: Munger,
    pictures: PictureMunger,
    history: History<Forwarded>,
    rtx_sequence: u64,
    rate: RateMeter,
    packets: u64,
    bytes: u64,
    payload_octets: u32,
    retransmitted: u64,
    nacks_received: u64,
    plis_received: u64,
    last_request: Option<Instant>,
    unmapped: u64,
    last_report_sent: Option<(u32, Instant)>,
    reported: Option<ReportBlock>,
    last_clock_rate: u32,
}

impl Egress {
    /// Silent until it has a source.
    pub fn new(id: EgressId, transport: TransportId, spec: EgressSpec) -> Self {
        let (capacity, age) = match (spec.nack, spec.kind) {
            (false, _) => (0, Duration::ZERO),
            (true, Kind::Audio) => AUDIO_HISTORY,
            (true, Kind::Video) => VIDEO_HISTORY,
        };
        let clock_rate = if spec.kind == Kind::Video { 90_000 } else { 48_000 };
        // A start below 2^15 keeps the first wrap away (RFC 3711, 3.3.1); SSRCs are random, so this is too.
        let first_sequence = (spec.ssrc & 0x7fff) as u16;
        Self {
            id,
            transport,
            source: None,
            current: None,
            munger: Munger::new(first_sequence, clock_rate),
            pictures: PictureMunger::new(),
            history: History::new(capacity, age),
            rtx_sequence: u64::from(spec.ssrc >> 17),
            rate: RateMeter::default(),
            packets: 0,
            bytes: 0,
            payload_octets: 0,
            retransmitted: 0,
            nacks_received: 0,
            plis_received: 0,
            last_request: None,
            unmapped: 0,
            last_report_sent: None,
            reported: None,
            last_clock_rate: clock_rate,
            spec,
        }
    }

    /// Our SSRC for the media.
    pub fn ssrc(&self) -> u32 {
        self.spec.ssrc
    }

    /// Our CNAME.
    pub fn cname(&self) -> &str {
        &self.spec.cname
    }

    /// The track it is fed from.
    pub fn track(&self) -> Option<TrackId> {
        self.source.as_ref().map(|source| source.track)
    }

    /// Feed it from another track, or from nothing, or change how it is fed from the same. What was sent stays available
    /// to NACKs. A track that comes back begins anew, since some of it has gone by.
    pub fn set_source(&mut self, track: Option<TrackId>, payload_types: PayloadTypeMap, choice: Option<u8>) {
        if self.track() != track {
            self.current = None;
        }
        self.source = track.map(|track| Source { track, payload_types, choice, target: choice });
    }

    /// Move to this layer, or (None) to what all have, at its next keyframe. False: there is no such layer.
    pub fn choose_layer(&mut self, choice: Option<u8>, common: Option<Common>) -> bool {
        let Some(source) = &mut self.source else { return false };
        if choice.zip(common).is_some_and(|(layer, common)| layer >= common.count) {
            return false;
        }
        source.choice = choice;
        source.target = choice.or(common.map(|common| common.layer));
        true
    }

    /// Without a choice, move to the layer all have. False: what had been chosen is no layer of this track.
    pub fn follow(&mut self, common: Common) -> bool {
        let choice = self.source.as_ref().and_then(|source| source.choice);
        self.choose_layer(choice, Some(common)) || !self.choose_layer(None, Some(common))
    }

    /// The layer it shows.
    pub fn layer(&self) -> Option<u8> {
        self.current.filter(|current| Some(current.track) == self.track()).map(|current| current.layer)
    }

    /// The layer it is to have, and while it waits for that one's keyframe also the one it shows.
    pub fn wanted_layers(&self) -> LayerSet {
        self.source.as_ref().and_then(|source| source.target).into_iter().chain(self.layer()).collect()
    }

    /// The layer whose keyframe it needs: it has a video source, but shows nothing of its layer yet.
    pub fn awaited_layer(&self) -> Option<u8> {
        let target = self.source.as_ref()?.target?;
        (self.spec.kind == Kind::Video && self.layer() != Some(target)).then_some(target)
    }

    /// The source whose clock its sender reports need.
    pub fn current_source(&self) -> Option<SourceId> {
        self.current.map(|current| current.source)
    }

    /// Rewrite, seal and append one packet, if this viewer is to have it.
    ///
    /// `clock` gives the last sender report of a source, to align timestamps when layers change.
    pub fn forward(
        &mut self,
        now: Instant,
        packet: &Arc<MediaPacket>,
        clock: impl Fn(SourceId) -> Option<SourceClock>,
        outlet: &mut Outlet<'_>,
        batch: &mut SendBatch,
        counters: &mut Counters,
    ) {
        let Some(source) = self.source.as_ref().filter(|source| source.track == packet.track) else { return };
        let is_current = self.current.is_some_and(|current| current.source == packet.source);
        if !is_current && source.target != Some(packet.layer) {
            return;
        }
        if packet.payload.is_empty() {
            if is_current {
                self.munger.skip(packet.sequence);
            }
            return;
        }
        let Some((payload_type, rtx_payload_type, red)) = treat(source, packet) else {
            self.unmapped += 1;
            counters.dropped_unmapped += 1;
            if is_current {
                self.munger.skip(packet.sequence);
            }
            return;
        };
        let mut pictures = if packet.codec.is_video() {
            codec::picture_ids(packet.codec, &packet.bytes[packet.payload.clone()])
        } else {
            None
        };
        let mapped = if is_current {
            match self.munger.forward(now, packet.sequence, packet.timestamp, packet.marker) {
                Some(mapped) => mapped,
                None => {
                    counters.dropped_before_switch += 1;
                    return;
                }
            }
        } else {
            if self.spec.kind == Kind::Video && !packet.keyframe {
                return;
            }
            let hint = self.timestamp_hint(packet, clock);
            if packet.clock_rate != self.last_clock_rate {
                self.munger.set_clock_rate(packet.clock_rate);
                self.last_clock_rate = packet.clock_rate;
            }
            self.current = Some(Current { track: packet.track, source: packet.source, layer: packet.layer });
            if let Some(ids) = &pictures {
                self.pictures.switch(ids);
            }
            let mapped = self.munger.switch(now, packet.sequence, packet.timestamp, hint);
            if packet.marker {
                self.munger.mark_closed();
            }
            mapped
        };
        pictures = pictures.map(|ids| self.pictures.map(ids));
        let transport_sequence = *outlet.transport_sequence;
        *outlet.transport_sequence = transport_sequence.wrapping_add(1);
        let forwarded = Forwarded {
            packet: Arc::clone(packet),
            timestamp: mapped.timestamp,
            payload_type,
            rtx_payload_type,
            red,
            pictures,
            send_time: abs_send_time(now),
            transport_sequence,
            extensions_edition: outlet.extensions.edition(),
        };
        let sent = forwarded.write(&self.place(&forwarded, mapped.sequence), outlet, batch);
        if sent == 0 {
            return;
        }
        counters.rtp_forwarded += 1;
        self.packets += 1;
        self.bytes += sent as u64;
        self.payload_octets = self.payload_octets.wrapping_add(packet.payload.len() as u32);
        self.rate.on_packet(now, sent, packet.marker);
        if self.spec.nack {
            self.history.push(now, mapped.sequence, forwarded);
        }
    }

    /// Where on our timeline the packet belongs by the publisher's wall clock, if both layers' clocks are known.
    fn timestamp_hint(&self, packet: &MediaPacket, clock: impl Fn(SourceId) -> Option<SourceClock>) -> Option<u32> {
        let current = self.current.filter(|current| current.track == packet.track)?;
        let old = clock(current.source)?;
        let new = clock(packet.source)?;
        self.munger.to_output_timestamp(old.translate(&new, packet.timestamp)?)
    }

    /// Send again what the viewer says it lost: by RTX (RFC 4588) where it takes it, else the very same bytes.
    ///
    /// Without RTX a packet leaves with the index it had, hence with the nonce it had: anything but identical bytes would
    /// break AES-GCM (RFC 7714, 13.2). That is why `Forwarded` remembers its send time and which extensions there were.
    pub fn resend(
        &mut self,
        now: Instant,
        lost: impl Iterator<Item = u16>,
        outlet: &mut Outlet<'_>,
        batch: &mut SendBatch,
        counters: &mut Counters,
    ) {
        self.nacks_received += 1;
        for sequence in lost {
            let Some((forwarded, original)) = self
                .history
                .take_for_resend(now, sequence, outlet.rtt)
                .map(|(sent, original)| (sent.clone(), original))
            else {
                continue;
            };
            let sent = match (self.spec.rtx_ssrc, forwarded.rtx_payload_type) {
                (Some(ssrc), Some(payload_type)) => {
                    let transport_sequence = *outlet.transport_sequence;
                    *outlet.transport_sequence = transport_sequence.wrapping_add(1);
                    self.rtx_sequence += 1;
                    let again = Forwarded { send_time: abs_send_time(now), transport_sequence, ..forwarded };
                    let mid = self.spec.mid.as_deref();
                    let original = Some(sequence);
                    again.write(&Place { ssrc, payload_type, index: self.rtx_sequence, original, mid }, outlet, batch)
                }
                _ => forwarded.write(&self.place(&forwarded, original), outlet, batch),
            };
            if sent > 0 {
                self.retransmitted += 1;
                counters.rtp_retransmitted += 1;
            }
        }
    }

    /// In the stream of the media.
    fn place(&self, forwarded: &Forwarded, index: u64) -> Place<'_> {
        let (ssrc, payload_type, mid) = (self.spec.ssrc, forwarded.payload_type, self.spec.mid.as_deref());
        Place { ssrc, payload_type, index, original: None, mid }
    }

    /// Sender report contents now: NTP, RTP, packets, octets (RFC 3550, 6.4.1).
    pub fn sender_report(&mut self, now: Instant, clock: SourceClock) -> Option<(u64, u32, u32, u32)> {
        let (ntp, rtp) = clock.at(now);
        let rtp = self.munger.to_output_timestamp(rtp)?;
        self.last_report_sent = Some((middle(ntp), now));
        // Both counts wrap on the wire.
        Some((ntp, rtp, self.packets as u32, self.payload_octets))
    }

    /// Take in what the viewer reports of this stream; the round trip time, if the report allows it (RFC 3550, 6.4.1).
    pub fn on_report(&mut self, now: Instant, block: ReportBlock) -> Option<Duration> {
        let rtt = self.last_report_sent.filter(|(middle, _)| *middle == block.last_sr).map(|(_, sent)| {
            let held = Duration::from_micros(u64::from(block.delay_since_last_sr) * 1_000_000 / 65_536);
            now.since(sent).saturating_sub(held)
        });
        self.reported = Some(block);
        rtt
    }

    /// The viewer asked for a picture: where to ask for it, unless that was done just now. While it moves to a layer,
    /// either of the two will do, and the new one may not flow.
    pub fn on_keyframe_request(&mut self, now: Instant) -> Option<(TrackId, LayerSet)> {
        self.plis_received += 1;
        if self.last_request.is_some_and(|last| now.since(last) < MIN_REQUEST_INTERVAL) {
            return None;
        }
        self.last_request = Some(now);
        self.track().map(|track| (track, self.wanted_layers()))
    }

    /// A snapshot.
    pub fn stats(&mut self, now: Instant) -> EgressStats {
        let reported = self.reported.as_ref();
        EgressStats {
            egress: self.id,
            source: self.track(),
            layer: self.layer(),
            packets: self.packets,
            bytes: self.bytes,
            bitrate_bps: self.rate.bits_per_second(now),
            retransmitted: self.retransmitted,
            nacks_received: self.nacks_received,
            plis_received: self.plis_received,
            unmapped: self.unmapped,
            loss_fraction: reported.map_or(0.0, |block| f64::from(block.fraction_lost) / 256.0),
            lost: reported.map_or(0, |block| i64::from(block.cumulative_lost)),
            jitter_ms: reported
                .map_or(0.0, |block| f64::from(block.jitter) * 1000.0 / f64::from(self.last_clock_rate.max(1))),
        }
    }
}

/// The viewer's payload type, its RTX payload type, and what becomes of RED. None: the viewer cannot have it.
fn treat(source: &Source, packet: &MediaPacket) -> Option<(u8, Option<u8>, RedTreatment)> {
    let mapped = source.lookup(packet.payload_type);
    if packet.codec != Codec::Red {
        return mapped.map(|(payload_type, rtx)| (payload_type, rtx, RedTreatment::None));
    }
    let (block_type, _) = codec::red::primary(&packet.bytes[packet.payload.clone()]).ok()?;
    let (block_payload_type, block_rtx) = source.lookup(block_type)?;
    Some(match mapped {
        Some((payload_type, rtx)) => (payload_type, rtx, RedTreatment::Rename(block_payload_type)),
        None => (block_payload_type, block_rtx, RedTreatment::Unwrap),
    })
}

/// The middle 32 of an NTP timestamp's 64 bits (RFC 3550, 4).
fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}
