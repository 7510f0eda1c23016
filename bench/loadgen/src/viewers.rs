//! The viewers: one thread receives for all of them, opens and checks every packet, and reports like a real receiver.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sluice_datapath::packet::rtcp::{self, Packet, ReportBlock};
use sluice_datapath::packet::rtp::Header;
use sluice_datapath::packet::{classify, Class};
use sluice_datapath::srtp::OpenError;

use crate::latency::Histogram;
use crate::plan::Peer;
use crate::{checks, payload, sys};

/// Nanoseconds between two receiver reports of one viewer.
const REPORT_INTERVAL_NS: u64 = 1_000_000_000;

/// What the receiving thread and the rest of the program tell each other.
pub struct Shared {
    /// Packets opened and found whole.
    pub received: AtomicU64,
    /// Packets numbered from here on are measured.
    pub measure_from: AtomicU64,
    /// Set to stop receiving.
    pub stop: AtomicBool,
}

impl Default for Shared {
    fn default() -> Self {
        let (received, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { received, measure_from: AtomicU64::new(u64::MAX), stop }
    }
}

/// What all viewers together saw.
#[derive(Default)]
pub struct Findings {
    /// Measured packets that arrived whole.
    pub measured: u64,
    /// Holes in the sequence numbers, over the whole run.
    pub missing: u64,
    /// Packets that arrived twice.
    pub replayed: u64,
    /// Packets that would not open or carried a wrong payload.
    pub corrupt: u64,
    /// Viewers that got nothing at all.
    pub starved: usize,
    /// From the publisher's send call to the end of the viewer's receive call.
    pub latency: Histogram,
    /// CPU nanoseconds of the receiving thread.
    pub cpu_ns: u64,
}

struct Viewer {
    peer: Peer,
    source: u32,
    lowest: u64,
    highest: u64,
    received: u64,
    last_report_ntp: u32,
    last_report_ns: u64,
    next_report_ns: u64,
    next_check_ns: u64,
}

/// Receive for all viewers until told to stop.
pub fn run(peers: Vec<Peer>, shared: &Shared) -> std::io::Result<Findings> {
    let mut poll = sys::Poll::new(512)?;
    let now_ns = sys::monotonic_ns();
    let count = peers.len().max(1) as u64;
    let mut viewers: Vec<Viewer> = Vec::with_capacity(peers.len());
    for (index, peer) in peers.into_iter().enumerate() {
        poll.add(&peer.socket, index)?;
        let share = index as u64; // reports and checks are spread over their interval
        viewers.push(Viewer {
            peer,
            source: 0,
            lowest: u64::MAX,
            highest: 0,
            received: 0,
            last_report_ntp: 0,
            last_report_ns: now_ns,
            next_report_ns: now_ns + REPORT_INTERVAL_NS + REPORT_INTERVAL_NS * share / count,
            next_check_ns: now_ns + checks::INTERVAL_NS * share / count,
        });
    }
    let mut findings = Findings::default();
    let mut receiver = sys::Receiver::default();
    let (mut ready, mut buffer) = (Vec::new(), Vec::new());
    let mut turn = 0;
    while !shared.stop.load(Ordering::Relaxed) {
        poll.look(&mut ready);
        for &index in &ready {
            let came = receiver.receive(&viewers[index].peer.socket);
            let now_ns = sys::monotonic_ns();
            for datagram in 0..came {
                viewers[index].take(receiver.message(datagram), now_ns, shared, &mut findings);
            }
        }
        let now_ns = sys::monotonic_ns();
        for _ in 0..viewers.len().min(64) {
            turn = (turn + 1) % viewers.len();
            viewers[turn].do_chores(now_ns, &mut buffer);
        }
    }
    for viewer in &viewers {
        findings.starved += usize::from(viewer.received == 0);
        let expected = if viewer.received == 0 { 0 } else { viewer.highest - viewer.lowest + 1 };
        findings.missing += expected.saturating_sub(viewer.received);
    }
    findings.cpu_ns = sys::thread_cpu_ns();
    Ok(findings)
}

impl Viewer {
    fn take(&mut self, datagram: &mut [u8], now_ns: u64, shared: &Shared, findings: &mut Findings) {
        match classify(datagram) {
            Class::Rtp => self.take_media(datagram, now_ns, shared, findings),
            Class::Rtcp => self.take_report(datagram, now_ns),
            _ => {}
        }
    }

    fn take_media(&mut self, datagram: &mut [u8], now_ns: u64, shared: &Shared, findings: &mut Findings) {
        let Ok(header) = Header::parse(datagram) else {
            findings.corrupt += 1;
            return;
        };
        let opened = match self.peer.opener.open_rtp(datagram, &header) {
            Ok(opened) => opened,
            Err(OpenError::Replayed) => {
                findings.replayed += 1;
                return;
            }
            Err(_) => {
                findings.corrupt += 1;
                return;
            }
        };
        let Some(stamp) = payload::read(&datagram[header.payload_offset..opened.len]) else {
            findings.corrupt += 1;
            return;
        };
        self.source = header.ssrc;
        self.lowest = self.lowest.min(opened.index);
        self.highest = self.highest.max(opened.index);
        self.received += 1;
        shared.received.fetch_add(1, Ordering::Relaxed);
        if stamp.number >= shared.measure_from.load(Ordering::Relaxed) {
            findings.measured += 1;
            findings.latency.add(now_ns.saturating_sub(stamp.sent_ns));
        }
    }

    fn take_report(&mut self, datagram: &mut [u8], now_ns: u64) {
        let Ok(len) = self.peer.opener.open_rtcp(datagram) else { return };
        for packet in rtcp::parse(&datagram[..len]).flatten() {
            if let Packet::SenderReport { ntp, .. } = packet {
                self.last_report_ntp = (ntp >> 16) as u32;
                self.last_report_ns = now_ns;
            }
        }
    }

    fn do_chores(&mut self, now_ns: u64, buffer: &mut Vec<u8>) {
        if now_ns >= self.next_report_ns {
            self.next_report_ns += REPORT_INTERVAL_NS;
            self.send_report(now_ns, buffer);
        }
        if now_ns >= self.next_check_ns {
            self.next_check_ns += checks::INTERVAL_NS;
            checks::send(&self.peer, buffer);
        }
    }

    fn send_report(&mut self, now_ns: u64, buffer: &mut Vec<u8>) {
        let delay_ns = now_ns - self.last_report_ns.min(now_ns);
        let block = ReportBlock {
            ssrc: self.source,
            fraction_lost: 0,
            cumulative_lost: 0,
            highest_sequence: self.highest as u32,
            jitter: 0,
            last_sr: self.last_report_ntp,
            delay_since_last_sr: if self.last_report_ntp == 0 { 0 } else { (delay_ns * 65_536 / 1_000_000_000) as u32 },
        };
        let blocks = if self.received == 0 { &[][..] } else { &[block][..] };
        buffer.clear();
        rtcp::write_receiver_report(buffer, self.peer.ssrc, blocks);
        rtcp::write_cname(buffer, self.peer.ssrc, "viewer");
        if self.peer.sealer.seal_rtcp(buffer, 0).is_ok() {
            let _ = self.peer.socket.send(buffer);
        }
    }
}
