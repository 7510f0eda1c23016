//! Datagrams: which protocol, whose, and is it authentic. Nothing from an unvalidated 5-tuple gets past the first match.

use core::ops::Range;
use std::sync::Arc;

use super::{Claim, Core};
use crate::event::Event;
use crate::ice::CheckOutcome;
use crate::ids::{TrackId, TransportId};
use crate::levels;
use crate::media::{self, CodecSpec, ExtensionRefs, MediaPacket};
use crate::message::Message;
use crate::packet::codec;
use crate::packet::extensions::ExtensionKind;
use crate::packet::rtp::{self, Header};
use crate::packet::stun::{self, Kind};
use crate::packet::{classify, Class};
use crate::path::{Carrier, Path};
use crate::serial::nearest16;
use crate::srtp::OpenError;
use crate::stats::Counters;
use crate::time::Instant;
use crate::track::{Received, Track};
use crate::transport::{Stream, Transport, MAX_STREAMS};

/// One authentic RTP packet, looked at once.
struct Inspected {
    header: Header,
    index: u64,
    payload: Range<usize>,
    size: usize,
}

/// One media packet, as it came or as its retransmission gives it.
struct Arrived<'a> {
    stream: Stream,
    codec: CodecSpec,
    header: &'a Header,
    /// The plaintext packet without padding.
    bytes: &'a [u8],
    /// Extended sequence number of the media.
    sequence: u64,
    /// Where the media lies in `bytes`.
    payload: Range<usize>,
    extensions: ExtensionRefs,
    /// In -dBov, if it says.
    level: Option<u8>,
    recovered: bool,
}

impl Core {
    /// One datagram that arrived on `path`, unless it is for [`Core::handle_relayed`]. It is decrypted in place.
    pub fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        self.counters.datagrams_received += 1;
        self.counters.bytes_received += datagram.len() as u64;
        let class = classify(datagram);
        match class {
            Class::Stun => return self.on_stun(now, path, datagram),
            Class::Dtls | Class::Rtp | Class::Rtcp => {}
            Class::ChannelData => {
                self.counters.dropped_relay_nested += 1;
                return;
            }
            Class::Unknown => {
                self.counters.dropped_unknown_protocol += 1;
                return;
            }
        }
        let Some(&id) = self.paths.get(&path) else {
            self.counters.dropped_unknown_path += 1;
            return;
        };
        if let Some(transport) = self.transports.get_mut(&id) {
            transport.traffic.packets_received += 1;
            transport.traffic.bytes_received += datagram.len() as u64;
            match class {
                Class::Dtls => transport.ice.attempts.on_dtls(now, path),
                _ => transport.ice.attempts.on_media(now, path),
            }
        }
        match class {
            Class::Dtls => self.on_dtls(now, id, datagram),
            Class::Rtp => self.on_rtp(now, id, datagram),
            _ => self.on_rtcp(now, id, datagram),
        }
    }

    /// A Binding request with USERNAME is an ICE check, all other requests are for Python, and the rest is for nobody.
    fn on_stun(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        match stun::kind(datagram) {
            Ok(Kind::OtherRequest) => self.on_request(now, path, datagram),
            Ok(Kind::BindingRequest) => match stun::Message::parse(datagram) {
                Ok(message) if message.username().is_some() => self.on_check(now, path, &message, datagram.len()),
                Ok(_) => self.on_request(now, path, datagram),
                Err(_) => self.counters.dropped_stun_malformed += 1,
            },
            Ok(Kind::SendIndication) => self.counters.dropped_relay_nested += 1,
            Ok(Kind::Other) | Err(_) => self.counters.dropped_stun_malformed += 1,
        }
    }

    /// For Python, unless it comes from inside a relay, where there is none.
    fn on_request(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        if matches!(path.carrier, Carrier::Relay(_)) {
            self.counters.dropped_relay_nested += 1;
        } else if self.gate.admit(now, path.remote.ip()) {
            self.counters.stun_received += 1;
            self.events.push_back(Event::StunReceived { path, data: datagram.to_vec() });
        } else {
            self.counters.dropped_stun_flood += 1;
        }
    }

    /// An ICE check (RFC 8445, 7.3), with USERNAME `ours:theirs`.
    fn on_check(&mut self, now: Instant, path: Path, message: &stun::Message<'_>, size: usize) {
        if matches!(path.carrier, Carrier::Relay(relay) if !self.relays.contains(relay)) {
            // It was on its way between workers when the allocation ended, and nobody would ever end its path.
            self.counters.dropped_relay_unknown += 1;
            return;
        }
        let ours = message.username().and_then(|username| username.split(':').next()).unwrap_or_default();
        let Some(&id) = self.ufrags.get(ours) else {
            self.counters.dropped_stun_unknown_user += 1;
            return;
        };
        let Some(transport) = self.transports.get_mut(&id) else { return };
        let mut answer = Vec::with_capacity(128);
        let outcome = transport.ice.handle_check(now, path, message, &mut answer);
        if !answer.is_empty() {
            transport.traffic.packets_sent += 1;
            transport.traffic.bytes_sent += answer.len() as u64;
            self.relays.send(now, path, &answer, &mut self.direct);
        }
        match outcome {
            CheckOutcome::Ignored(_) => {
                self.counters.dropped_stun_forged += 1;
                return;
            }
            CheckOutcome::Answered { selected_changed, new_path } => {
                self.counters.checks_answered += 1;
                transport.traffic.packets_received += 1;
                transport.traffic.bytes_received += size as u64;
                let validated = transport.ice.is_validated(&path);
                if selected_changed || new_path {
                    self.on_new_path(now, id);
                }
                // Whoever checked last has the 5-tuple: its port may have passed from one client to another, and a
                // forged source address must not keep it.
                if validated && self.paths.insert(path, id) != Some(id) {
                    self.claims.push_back(Claim::Path(path));
                }
            }
        }
        self.reschedule(id);
    }

    pub(super) fn on_new_path(&mut self, now: Instant, id: TransportId) {
        self.sync_ice(id);
        let Some(transport) = self.transports.get_mut(&id) else { return };
        let selected = transport.ice.selected();
        if selected != transport.announced {
            let first = transport.announced.is_none();
            transport.announced = selected;
            if let Some(path) = selected {
                self.events.push_back(Event::IceConnected { transport: id, path });
            }
            if first {
                self.request_keyframes_for(now, id);
            }
        }
    }

    fn on_dtls(&mut self, now: Instant, id: TransportId, datagram: &[u8]) {
        let Some(transport) = self.transports.get_mut(&id) else { return };
        if transport.admits_dtls(now, datagram.len()) {
            self.counters.dtls_received += 1;
            self.events.push_back(Event::DtlsReceived { transport: id, data: datagram.to_vec() });
        } else {
            self.counters.dropped_dtls_flood += 1;
        }
    }

    fn on_rtp(&mut self, now: Instant, id: TransportId, datagram: &mut [u8]) {
        let Self { transports, tracks, counters, next_source, worker, workers, .. } = self;
        let Some(transport) = transports.get_mut(&id) else { return };
        let Some(inspected) = open_rtp(transport, datagram, counters) else {
            transport.ice.attempts.on_media_dropped();
            return;
        };
        counters.rtp_received += 1;
        let Inspected { header, index, ref payload, size } = inspected;

        // Before anything can drop the packet: its transport-wide number did arrive (janus #1402, pion/webrtc #1957).
        let facts = read_extensions(transport, datagram, &header);
        if let (Some(arrivals), Some(number)) = (&mut transport.arrivals, facts.transport_sequence) {
            arrivals.on_packet(now, number);
        }
        if let Some(estimate) = &mut transport.estimate {
            estimate.on_packet(now, size);
        }
        let resolved = resolve(transport, tracks, &header, &facts, || Self::new_source(next_source, *worker, *workers));
        let found = resolved
            .and_then(|stream| tracks.get_mut(&stream.track).map(|track| (stream, track)))
            // An SSRC that another has replaced numbers its packets in a way of its own.
            .filter(|(stream, track)| track.is_bound(stream.layer, stream.rtx, header.ssrc));
        let Some((stream, track)) = found else {
            counters.dropped_unknown_stream += 1;
            transport.keys.iter_mut().for_each(|keys| keys.opener.retire(header.ssrc));
            return self.reschedule(id);
        };
        let Some(codec) = track.spec.codec(header.payload_type).copied() else {
            counters.dropped_unknown_payload_type += 1;
            return self.reschedule(id);
        };
        let is_rtx = codec.rtx_payload_type == Some(header.payload_type) || stream.rtx;
        let arrived = Arrived {
            stream,
            codec,
            header: &header,
            bytes: &datagram[..payload.end],
            sequence: index,
            payload: payload.clone(),
            extensions: facts.refs,
            level: facts.level,
            recovered: is_rtx,
        };
        match if is_rtx { repaired(track, arrived) } else { Some(arrived) } {
            Some(arrived) => self.on_media(now, arrived),
            None => counters.dropped_padding += 1,
        }
        self.reschedule(id);
    }

    /// Media, straight or repaired: account for it, and pass it on if anybody watches its layer.
    fn on_media(&mut self, now: Instant, arrived: Arrived<'_>) {
        let Arrived { stream, codec, header, bytes, sequence, payload, extensions, level, recovered } = arrived;
        let Some(track) = self.tracks.get_mut(&stream.track) else { return };
        let keyframe = codec.codec.is_video()
            && !payload.is_empty()
            && codec::starts_keyframe(codec.codec, &bytes[payload.clone()]);
        let highest = track.layers.get(usize::from(stream.layer)).and_then(|layer| layer.highest());
        let entry = keyframe && highest.is_none_or(|highest| sequence > highest);
        let received = Received {
            sequence,
            timestamp: header.timestamp,
            marker: header.marker,
            payload_type: codec.payload_type,
            keyframe,
            entry,
            size: bytes.len(),
            recovered,
        };
        if !track.on_packet(now, stream.layer, &received) {
            self.counters.dropped_duplicate += 1;
            return;
        }
        if payload.is_empty() {
            self.counters.dropped_padding += 1;
        }
        if let Some(level) = level.filter(|_| track.spec.kind == media::Kind::Audio) {
            if track.levels.on_packet(sequence, header.timestamp, codec.clock_rate, level) {
                self.speaking.push(track.id);
                self.levels_due.get_or_insert(now + levels::WINDOW);
            }
        }
        if !track.passes(stream.layer) {
            return;
        }
        let Some(layer) = track.layers.get(usize::from(stream.layer)) else { return };
        let packet = Arc::new(MediaPacket {
            track: track.id,
            layer: stream.layer,
            source: layer.source,
            sequence,
            timestamp: header.timestamp,
            marker: header.marker,
            payload_type: codec.payload_type,
            codec: codec.codec,
            clock_rate: codec.clock_rate,
            keyframe: entry,
            extensions,
            bytes: bytes.into(),
            payload,
        });
        let wanting = track.wanting(stream.layer);
        for worker in wanting {
            if worker == self.worker {
                self.enqueue(Arc::clone(&packet));
            } else {
                self.messages.push_back((worker, Message::Media(Arc::clone(&packet))));
            }
        }
    }
}

/// The packet a retransmission repeats (RFC 4588, 4: its sequence number precedes its payload). None: there is none, since
/// it is padding to probe with, or nothing of its layer has come that it could repair.
fn repaired<'a>(track: &Track, rtx: Arrived<'a>) -> Option<Arrived<'a>> {
    let highest = track.layers.get(usize::from(rtx.stream.layer))?.highest()?;
    let original = rtx.bytes.get(rtx.payload.clone())?.first_chunk::<2>()?;
    let payload = rtx.payload.start + original.len()..rtx.payload.end;
    let sequence = nearest16(highest, u16::from_be_bytes(*original));
    (!payload.is_empty()).then_some(Arrived { sequence, payload, ..rtx })
}

/// Parse, authenticate and decrypt; every failure is counted by its reason.
fn open_rtp(transport: &mut Transport, datagram: &mut [u8], counters: &mut Counters) -> Option<Inspected> {
    let Some(keys) = &mut transport.keys else {
        counters.dropped_no_keys += 1;
        return None;
    };
    let Ok(header) = Header::parse(datagram) else {
        counters.dropped_malformed += 1;
        return None;
    };
    let size = datagram.len();
    let opened = match keys.opener.open_rtp(datagram, &header) {
        Ok(opened) => opened,
        Err(error) => {
            count(counters, error);
            return None;
        }
    };
    let plain = &datagram[..opened.len];
    let Ok(padding) = rtp::padding_len(plain, &header) else {
        counters.dropped_malformed += 1;
        return None;
    };
    let end = opened.len.saturating_sub(padding).max(header.payload_offset);
    Some(Inspected { index: opened.index, payload: header.payload_offset..end, size, header })
}

pub(super) fn count(counters: &mut Counters, error: OpenError) {
    match error {
        OpenError::Malformed => counters.dropped_malformed += 1,
        OpenError::Replayed => counters.dropped_replayed += 1,
        OpenError::Forged | OpenError::KeyExhausted => counters.dropped_forged += 1,
        OpenError::TooManySources => counters.dropped_too_many_sources += 1,
    }
}

/// What the header extensions say.
#[derive(Default)]
struct Facts<'a> {
    mid: Option<&'a [u8]>,
    rid: Option<&'a [u8]>,
    repaired_rid: Option<&'a [u8]>,
    transport_sequence: Option<u16>,
    level: Option<u8>,
    refs: ExtensionRefs,
}

fn read_extensions<'a>(transport: &Transport, datagram: &'a [u8], header: &Header) -> Facts<'a> {
    let mut facts = Facts::default();
    let base = datagram.as_ptr() as usize;
    for (id, value) in header.extensions(datagram) {
        let Some(kind) = transport.extensions.kind(id) else { continue };
        match kind {
            ExtensionKind::Mid => facts.mid = Some(value),
            ExtensionKind::Rid => facts.rid = Some(value),
            ExtensionKind::RepairedRid => facts.repaired_rid = Some(value),
            ExtensionKind::TransportWideCc => {
                facts.transport_sequence = value.first_chunk::<2>().map(|bytes| u16::from_be_bytes(*bytes));
            }
            kind if kind.is_end_to_end() => {
                if kind == ExtensionKind::AudioLevel {
                    // The first bit says whether it is voice, which few senders know (RFC 6464, 3).
                    facts.level = value.first().map(|byte| byte & 0x7f);
                }
                // The value lies within the datagram, so the distance is its offset.
                facts.refs.push(kind, (value.as_ptr() as usize).saturating_sub(base), value.len());
            }
            _ => {}
        }
    }
    facts
}

/// Which stream a packet belongs to: by SSRC once bound, else by MID and RID, else by payload type (RFC 8843, 9.2; RFC 8852).
fn resolve(
    transport: &mut Transport,
    tracks: &mut crate::idmap::IdMap<TrackId, Track>,
    header: &Header,
    facts: &Facts<'_>,
    source: impl FnOnce() -> crate::media::SourceId,
) -> Option<Stream> {
    if let Some(stream) = transport.streams.get(&header.ssrc) {
        return Some(*stream);
    }
    if transport.streams.len() >= MAX_STREAMS {
        return None;
    }
    let candidates = || transport.tracks.iter().filter_map(|id| tracks.get(id));
    let track = match facts.mid {
        Some(mid) => candidates().find(|track| track.spec.mid.as_ref().is_some_and(|own| own.as_bytes() == mid))?,
        None => {
            let mut matching = candidates().filter(|track| track.spec.codec(header.payload_type).is_some());
            let first = matching.next()?;
            if matching.next().is_some() {
                return None;
            }
            first
        }
    };
    let rids = &track.spec.rids;
    let named = |rid: &[u8]| rids.iter().position(|own| own.as_bytes() == rid);
    // The repaired id wins: a retransmission may carry both (libwebrtc's demuxer does the same).
    let (layer, rtx) = match (facts.repaired_rid, facts.rid) {
        (Some(rid), _) => (named(rid)?, true),
        (None, Some(rid)) if !rids.is_empty() => (named(rid)?, false),
        _ if track.spec.layer_count() > 1 => return None,
        _ => (0, track.spec.codec(header.payload_type)?.rtx_payload_type == Some(header.payload_type)),
    };
    let stream = Stream { track: track.id, layer: u8::try_from(layer).ok()?, rtx };
    transport.streams.insert(header.ssrc, stream);
    transport.keys.iter_mut().for_each(|keys| keys.opener.keep(header.ssrc));
    if let Some(track) = tracks.get_mut(&stream.track) {
        if rtx {
            if let Some(layer) = track.layers.get_mut(layer) {
                layer.rtx_ssrc = Some(header.ssrc);
            }
        } else {
            track.bind(stream.layer, header.ssrc, source);
        }
    }
    Some(stream)
}
