//! One participant: two streams out, what the others send in, and the reports and checks of a real client.

use std::collections::HashMap;

use sluice_datapath::packet::rtcp::{self, Packet, ReportBlock};
use sluice_datapath::packet::rtp::Header;
use sluice_datapath::packet::{classify, Class};
use sluice_datapath::srtp::OpenError;

use super::plan::Load;
use super::windows::Windows;
use crate::plan::Peer;
use crate::publisher::{Kind, Stream};
use crate::{checks, payload, sys};

/// Nanoseconds between two reports of one member.
const REPORT_INTERVAL_NS: u64 = 1_000_000_000;
/// Bytes of a socket's receive buffer that are asked for.
const RECEIVE_BUFFER: i32 = 4 << 20;
/// Report blocks in one packet (RFC 3550, 6.4.2).
const BLOCKS: usize = 31;

struct Outgoing {
    stream: Stream,
    start_ns: u64,
    next: u64,
}

struct Incoming {
    highest: u64,
    last_report_ntp: u32,
    last_report_ns: u64,
}

/// One participant.
pub struct Member {
    /// Its session. The SSRC is the camera's.
    pub peer: Peer,
    /// Packets sent again because the server asked.
    pub resent: u64,
    /// Picture loss indications that came.
    pub keyframe_requests: u64,
    others: u64,
    outgoing: [(u32, Outgoing); 2],
    incoming: HashMap<u32, Incoming>,
    begin_ns: u64,
    next_report_ns: u64,
    next_check_ns: u64,
}

impl Member {
    /// A member whose streams and reports begin after its share (index, count) of their interval.
    pub fn new(
        peer: Peer,
        others: u64,
        (audio, audio_ssrc): (Load, u32),
        video: Load,
        begin_ns: u64,
        (index, count): (u64, u64),
    ) -> Self {
        sys::set_receive_buffer(&peer.socket, RECEIVE_BUFFER);
        let outgoing = |kind, load: Load, ssrc| {
            let start_ns = begin_ns + 1_000_000_000 / load.rate * index / count;
            let stream = Stream::new(kind, load.rate, load.size, load.payload_type, ssrc);
            (ssrc, Outgoing { stream, start_ns, next: 0 })
        };
        let outgoing = [outgoing(Kind::Audio, audio, audio_ssrc), outgoing(Kind::Video, video, peer.ssrc)];
        Self {
            peer,
            resent: 0,
            keyframe_requests: 0,
            others,
            outgoing,
            incoming: HashMap::new(),
            begin_ns,
            next_report_ns: begin_ns + REPORT_INTERVAL_NS * index / count,
            next_check_ns: begin_ns + checks::INTERVAL_NS * index / count,
        }
    }

    /// Whether nothing of somebody arrived, ever.
    pub fn is_starved(&self) -> bool {
        (self.incoming.len() as u64) < 2 * self.others
    }

    /// Send what is due.
    pub fn publish(&mut self, windows: &mut Windows) {
        for (_, out) in &mut self.outgoing {
            loop {
                let now_ns = sys::monotonic_ns();
                if now_ns < out.start_ns + out.stream.due_ns(out.next) {
                    break;
                }
                if let Some(packet) = out.stream.next(&self.peer, out.next, now_ns) {
                    let _ = self.peer.socket.send(packet);
                    windows.published(now_ns, self.others);
                }
                out.next += 1;
            }
        }
    }

    /// A datagram arrived.
    pub fn take(&mut self, datagram: &mut [u8], now_ns: u64, windows: &mut Windows) {
        match classify(datagram) {
            Class::Rtp => self.take_media(datagram, now_ns, windows),
            Class::Rtcp => self.take_feedback(datagram, now_ns),
            _ => {}
        }
    }

    fn take_media(&mut self, datagram: &mut [u8], now_ns: u64, windows: &mut Windows) {
        let Ok(header) = Header::parse(datagram) else {
            windows.corrupt += 1;
            return;
        };
        let opened = match self.peer.opener.open_rtp(datagram, &header) {
            Ok(opened) => opened,
            Err(OpenError::Replayed) => {
                windows.replayed += 1;
                return;
            }
            Err(_) => {
                windows.corrupt += 1;
                return;
            }
        };
        let Some(stamp) = payload::read(&datagram[header.payload_offset..opened.len]) else {
            windows.corrupt += 1;
            return;
        };
        let new = || Incoming { highest: 0, last_report_ntp: 0, last_report_ns: now_ns };
        let incoming = self.incoming.entry(header.ssrc).or_insert_with(new);
        incoming.highest = incoming.highest.max(opened.index);
        windows.received(stamp.sent_ns, now_ns);
    }

    fn take_feedback(&mut self, datagram: &mut [u8], now_ns: u64) {
        let Ok(len) = self.peer.opener.open_rtcp(datagram) else { return };
        for packet in rtcp::parse(&datagram[..len]).flatten() {
            match packet {
                Packet::SenderReport { ssrc, ntp, .. } => {
                    if let Some(incoming) = self.incoming.get_mut(&ssrc) {
                        incoming.last_report_ntp = (ntp >> 16) as u32;
                        incoming.last_report_ns = now_ns;
                    }
                }
                Packet::Pli { media } => {
                    self.keyframe_requests += 1;
                    if let Some((_, out)) = self.outgoing.iter_mut().find(|(ssrc, _)| *ssrc == media) {
                        out.stream.want_keyframe(out.next);
                    }
                }
                Packet::Nack { media, lost, .. } => {
                    let Some((_, out)) = self.outgoing.iter().find(|(ssrc, _)| *ssrc == media) else { continue };
                    for bytes in lost.into_iter().filter_map(|sequence| out.stream.sent(sequence)) {
                        let _ = self.peer.socket.send(bytes);
                        self.resent += 1;
                    }
                }
                _ => {}
            }
        }
    }

    /// Send the reports and the check that are due.
    pub fn do_chores(&mut self, now_ns: u64, buffer: &mut Vec<u8>) {
        if now_ns >= self.next_report_ns {
            self.next_report_ns += REPORT_INTERVAL_NS;
            for (_, out) in &self.outgoing {
                out.stream.send_report(&mut self.peer, now_ns, self.begin_ns, buffer);
            }
            self.send_receiver_reports(now_ns, buffer);
        }
        if now_ns >= self.next_check_ns {
            self.next_check_ns += checks::INTERVAL_NS;
            checks::send(&self.peer, buffer);
        }
    }

    fn send_receiver_reports(&mut self, now_ns: u64, buffer: &mut Vec<u8>) {
        let blocks: Vec<ReportBlock> =
            self.incoming.iter().map(|(ssrc, incoming)| incoming.block(*ssrc, now_ns)).collect();
        for blocks in blocks.chunks(BLOCKS) {
            buffer.clear();
            rtcp::write_receiver_report(buffer, self.peer.ssrc, blocks);
            rtcp::write_cname(buffer, self.peer.ssrc, "bench");
            if self.peer.sealer.seal_rtcp(buffer, 0).is_ok() {
                let _ = self.peer.socket.send(buffer);
            }
        }
    }
}

impl Incoming {
    fn block(&self, ssrc: u32, now_ns: u64) -> ReportBlock {
        let delay_ns = now_ns.saturating_sub(self.last_report_ns);
        let known = self.last_report_ntp != 0;
        ReportBlock {
            ssrc,
            fraction_lost: 0,
            cumulative_lost: 0,
            highest_sequence: self.highest as u32,
            jitter: 0,
            last_sr: self.last_report_ntp,
            delay_since_last_sr: if known { (delay_ns * 65_536 / 1_000_000_000) as u32 } else { 0 },
        }
    }
}
