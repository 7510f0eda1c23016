//! The publisher: a stream of stamped packets, even or in bursts, sender reports, and answers to NACKs.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sluice_datapath::packet::rtcp::{self, Packet};
use sluice_datapath::packet::rtp::{self, HeaderFields};
use sluice_datapath::packet::{classify, Class};

use crate::payload::{self, Stamp};
use crate::plan::Peer;
use crate::{checks, sys};

/// Packets kept for resending.
const HISTORY: usize = 1024;
/// Header extension of the audio level (RFC 6464), by the offers of `bench`.
const AUDIO_LEVEL_ID: u8 = 2;
/// Somebody who speaks: a voice, 30 dB below overload.
const AUDIO_LEVEL: u8 = 0x80 | 30;
/// Seconds from the NTP epoch to the Unix epoch; the monotonic clock stands in for Unix time.
const NTP_EPOCH: u64 = 2_208_988_800;

/// What the publisher and the rest of the program tell each other.
#[derive(Default)]
pub struct Shared {
    /// Packets published so far, which is the next packet's number.
    pub published: AtomicU64,
    /// Packets sent again because the server asked.
    pub resent: AtomicU64,
    /// Picture loss indications that came.
    pub keyframe_requests: AtomicU64,
    /// Set to stop publishing.
    pub stop: AtomicBool,
}

/// What a stream is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Opus: every packet is a frame and has its level.
    Audio,
    /// VP8, in frames of several packets.
    Video,
}

impl Kind {
    /// RTP clock ticks per second.
    const fn clock_rate(self) -> u64 {
        match self {
            Self::Audio => 48_000,
            Self::Video => 90_000,
        }
    }

    const fn packets_per_frame(self) -> u64 {
        match self {
            Self::Audio => 1,
            Self::Video => payload::PACKETS_PER_FRAME,
        }
    }
}

/// Publish `rate` packets per second, `burst` at a time, until told to stop.
pub fn run(mut peer: Peer, rate: u64, burst: u64, size: usize, payload_type: u8, shared: &Shared) {
    let mut stream = Stream::new(Kind::Video, rate, size, payload_type, peer.ssrc);
    let (mut buffer, mut inbox) = (Vec::new(), sys::Receiver::default());
    let start_ns = sys::monotonic_ns();
    let (mut next_report_ns, mut next_check_ns) = (start_ns, start_ns);
    for number in 0.. {
        sys::sleep_until_ns(start_ns + (number - number % burst) * 1_000_000_000 / rate);
        if shared.stop.load(Ordering::Relaxed) {
            return;
        }
        let now_ns = sys::monotonic_ns();
        if let Some(packet) = stream.next(&peer, number, now_ns) {
            let _ = peer.socket.send(packet);
        }
        shared.published.store(number + 1, Ordering::Release);
        if now_ns >= next_report_ns {
            next_report_ns = now_ns + 1_000_000_000;
            stream.send_report(&mut peer, now_ns, start_ns, &mut buffer);
        }
        if now_ns >= next_check_ns {
            next_check_ns = now_ns + checks::INTERVAL_NS;
            checks::send(&peer, &mut buffer);
        }
        answer_feedback(&mut peer, &stream, &mut inbox, shared);
    }
}

/// The outgoing RTP stream and what it sent last.
pub struct Stream {
    kind: Kind,
    rate: u64,
    payload_type: u8,
    ssrc: u32,
    octets: u32,
    buffer: Vec<u8>,
    plain_len: usize,
    history: VecDeque<(u16, Vec<u8>)>,
    /// Of a frame that is a keyframe because somebody asked.
    keyframe: Option<u64>,
}

impl Stream {
    /// A stream of `rate` packets per second, each of `size` bytes when sealed.
    pub fn new(kind: Kind, rate: u64, size: usize, payload_type: u8, ssrc: u32) -> Self {
        let (history, buffer) = (VecDeque::with_capacity(HISTORY), vec![0; size + 64]);
        Self { kind, rate, payload_type, ssrc, octets: 0, buffer, plain_len: size - 16, history, keyframe: None }
    }

    /// Nanoseconds after the stream's start at which packet `number` is due.
    pub fn due_ns(&self, number: u64) -> u64 {
        number * 1_000_000_000 / self.rate
    }

    /// Make the first frame that starts at packet `number` or later a keyframe.
    pub fn want_keyframe(&mut self, number: u64) {
        self.keyframe = Some(number.div_ceil(payload::PACKETS_PER_FRAME));
    }

    /// What was sent under this sequence number.
    pub fn sent(&self, sequence: u16) -> Option<&[u8]> {
        self.history.iter().rev().find(|(sent, _)| *sent == sequence).map(|(_, bytes)| bytes.as_slice())
    }

    /// Seal packet `number`; None cannot happen with a sane size.
    pub fn next(&mut self, peer: &Peer, number: u64, now_ns: u64) -> Option<&[u8]> {
        let fields = HeaderFields {
            marker: self.kind == Kind::Video && payload::ends_frame(number),
            payload_type: self.payload_type,
            sequence: number as u16,
            timestamp: self.timestamp(number),
            ssrc: self.ssrc,
        };
        let level: &[(u8, &[u8])] = &[(AUDIO_LEVEL_ID, &[AUDIO_LEVEL])];
        let extensions = if self.kind == Kind::Audio { level } else { &[] };
        let offset = rtp::write_header(&mut self.buffer, &fields, extensions).ok()?;
        let payload = &mut self.buffer[offset..self.plain_len];
        payload::write(payload, Stamp { number, sent_ns: now_ns });
        if self.keyframe == Some(number / payload::PACKETS_PER_FRAME) {
            payload::mark_keyframe(payload);
        }
        let roc = u32::try_from(number >> 16).ok()?;
        let len = peer.sealer.seal_rtp(&mut self.buffer, self.plain_len, offset, roc).ok()?;
        self.octets = self.octets.wrapping_add((self.plain_len - offset) as u32);
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back((number as u16, self.buffer[..len].to_vec()));
        Some(&self.buffer[..len])
    }

    /// Send a sender report.
    pub fn send_report(&self, peer: &mut Peer, now_ns: u64, start_ns: u64, buffer: &mut Vec<u8>) {
        let (seconds, fraction) = (now_ns / 1_000_000_000 + NTP_EPOCH, now_ns % 1_000_000_000);
        let ntp = (seconds << 32) | ((fraction << 32) / 1_000_000_000);
        let rtp_time = ((now_ns - start_ns) / 1000 * self.kind.clock_rate() / 1_000_000) as u32;
        buffer.clear();
        let packets = self.history.back().map_or(0, |(sequence, _)| u32::from(*sequence));
        rtcp::write_sender_report(buffer, self.ssrc, ntp, rtp_time, packets, self.octets);
        rtcp::write_cname(buffer, self.ssrc, "bench");
        if peer.sealer.seal_rtcp(buffer, 0).is_ok() {
            let _ = peer.socket.send(buffer);
        }
    }

    /// All packets of a frame share the time at which its first is due.
    fn timestamp(&self, number: u64) -> u32 {
        let first_of_frame = number - number % self.kind.packets_per_frame();
        (first_of_frame * self.kind.clock_rate() / self.rate) as u32
    }
}

fn answer_feedback(peer: &mut Peer, stream: &Stream, inbox: &mut sys::Receiver, shared: &Shared) {
    for index in 0..inbox.receive(&peer.socket) {
        let datagram = inbox.message(index);
        if !matches!(classify(datagram), Class::Rtcp) {
            continue;
        }
        let Ok(len) = peer.opener.open_rtcp(datagram) else { continue };
        for packet in rtcp::parse(&datagram[..len]).flatten() {
            match packet {
                Packet::Pli { .. } => {
                    shared.keyframe_requests.fetch_add(1, Ordering::Relaxed);
                }
                Packet::Nack { lost, .. } => {
                    for sequence in lost {
                        if let Some(bytes) = stream.sent(sequence) {
                            let _ = peer.socket.send(bytes);
                            shared.resent.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}
