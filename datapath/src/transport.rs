//! One ICE/DTLS association with one client: addresses, keys, and which SSRC is what.

use core::time::Duration;
use std::collections::{HashMap, HashSet};

use crate::bucket::{Rate, TokenBucket};
use crate::ice::IceAgent;
use crate::ids::{EgressId, TrackId, TransportId};
use crate::media::{EgressSpec, TrackSpec};
use crate::packet::extensions::{ExtensionKind, ExtensionMap};
use crate::path::{Carrier, Path};
use crate::relay::Relays;
use crate::remb::ReceiveEstimate;
use crate::srtp::{Opener, Sealer};
use crate::stats::PathStats;
use crate::time::{earliest, Instant};
use crate::twcc::ArrivalRecorder;

/// SSRCs one transport may bind. A simulcast video with retransmissions takes six.
pub const MAX_STREAMS: usize = 64;
/// SSRCs one transport may be sent in its life. A viewer of audio and video takes four, a member of a call two or three for
/// each track somebody publishes while it is there.
const MAX_SPENT_SSRCS: usize = 8192;
/// DTLS datagrams that pass to Python per second, and at once, unless told otherwise: a handshake takes about ten.
const DTLS_PER_SECOND: u32 = 50;
/// Longer ones are many records, each of which costs Python as much as a datagram; handshakes are cut for an MTU.
const MAX_DTLS_DATAGRAM: usize = 4096;
/// Reports go out this often (RFC 3550, 6.2 allows down to that for the bandwidths here).
pub const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Reports are aligned to this grid, so that one wake-up serves many transports.
const REPORT_GRID_MICROS: u64 = 20_000;
/// Before anything is measured.
const DEFAULT_RTT: Duration = Duration::from_millis(100);

/// Our SSRC as the sender of feedback. Any will do for a peer that matches feedback by media SSRC; libwebrtc uses 1 too.
pub const FEEDBACK_SSRC: u32 = 1;

/// What an SSRC of a publisher is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The track.
    pub track: TrackId,
    /// The layer within it.
    pub layer: u8,
    /// It carries retransmissions (RFC 4588), not media.
    pub rtx: bool,
}

/// SRTP state of both directions.
pub struct Keys {
    /// What we send.
    pub sealer: Sealer,
    /// What we receive.
    pub opener: Opener,
}

/// One transport.
pub struct Transport {
    /// Its id.
    pub id: TransportId,
    /// Addresses and consent.
    pub ice: IceAgent,
    /// Header extensions of the BUNDLE group.
    pub extensions: ExtensionMap,
    /// SRTP, once DTLS has agreed on keys.
    pub keys: Option<Keys>,
    /// What it publishes.
    pub tracks: Vec<TrackId>,
    /// What it is sent.
    pub egresses: Vec<EgressId>,
    /// SSRCs of all egresses it ever had.
    spent_ssrcs: HashSet<u32>,
    /// What each SSRC it sends is.
    pub streams: HashMap<u32, Stream>,
    /// Transport-wide arrival times, if it speaks that.
    pub arrivals: Option<ArrivalRecorder>,
    /// Receive-side estimate, if it does not but speaks REMB.
    pub estimate: Option<ReceiveEstimate>,
    /// The path it was last reported connected on.
    pub announced: Option<Path>,
    /// ICE users the core's map has for it.
    pub known_ufrags: Vec<String>,
    /// Its next transport-wide sequence number.
    pub transport_sequence: u16,
    /// Its REMB, as last received.
    pub remb: Option<u64>,
    /// When its timer is set for.
    pub timer: Option<Instant>,
    /// Traffic.
    pub traffic: Traffic,
    rtt: Option<Duration>,
    next_report: Option<Instant>,
    dtls_rate: Rate,
    dtls: TokenBucket,
}

/// What went over a transport.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Traffic {
    pub packets_received: u64,
    pub bytes_received: u64,
    pub packets_sent: u64,
    pub bytes_sent: u64,
}

impl Transport {
    /// Waits for checks.
    pub fn new(id: TransportId, ice: IceAgent, extensions: ExtensionMap) -> Self {
        Self {
            id,
            ice,
            extensions,
            keys: None,
            tracks: Vec::new(),
            egresses: Vec::new(),
            spent_ssrcs: HashSet::new(),
            streams: HashMap::new(),
            arrivals: None,
            estimate: None,
            announced: None,
            known_ufrags: Vec::new(),
            transport_sequence: 0,
            remb: None,
            timer: None,
            traffic: Traffic::default(),
            rtt: None,
            next_report: None,
            dtls_rate: dtls_rate(DTLS_PER_SECOND),
            dtls: TokenBucket::default(),
        }
    }

    /// Take an egress's SSRCs, each of which can be had once: a second egress would number its packets from the start
    /// under the same key, and two packets of one index reveal each other (RFC 7714, 8.4). False: that cannot be.
    pub fn spend_ssrcs(&mut self, spec: &EgressSpec) -> bool {
        let wanted = core::iter::once(spec.ssrc).chain(spec.rtx_ssrc);
        let spent = wanted.clone().any(|ssrc| self.spent_ssrcs.contains(&ssrc)) || spec.rtx_ssrc == Some(spec.ssrc);
        if spent || self.spent_ssrcs.len() >= MAX_SPENT_SSRCS {
            return false;
        }
        self.spent_ssrcs.extend(wanted);
        true
    }

    /// It can be sent media.
    pub fn is_ready(&self) -> bool {
        self.keys.is_some() && self.ice.send_path().is_some()
    }

    /// Where its client tried to reach it, in the order in which that began.
    pub fn paths(&self, now: Instant, relays: &Relays) -> Vec<PathStats> {
        let selected = self.ice.selected();
        let stats = self.ice.attempts.iter().map(|attempt| PathStats {
            path: attempt.path,
            via: match attempt.path.carrier {
                Carrier::Relay(id) => relays.client(id),
                _ => None,
            },
            checks: attempt.checks,
            refused: attempt.refusals,
            nominations: attempt.nominations,
            validated: self.ice.is_validated(&attempt.path),
            selected: selected == Some(attempt.path),
            dtls: attempt.dtls,
            media: attempt.media,
            media_dropped: attempt.media_dropped,
            age: now.since(attempt.first),
            idle: now.since(attempt.last),
        });
        stats.collect()
    }

    /// Smoothed round trip time, once measured.
    pub fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// Smoothed round trip time, or what to assume.
    pub fn rtt_or_default(&self) -> Duration {
        self.rtt.unwrap_or(DEFAULT_RTT)
    }

    /// One measurement (smoothing as in RFC 6298, 2).
    pub fn on_rtt(&mut self, sample: Duration) {
        self.rtt = Some(self.rtt.map_or(sample, |rtt| (rtt * 7 + sample) / 8));
    }

    /// What it publishes agreed on feedback about all of it: arrival times, or else an estimate.
    pub fn begin_estimate(&mut self, spec: &TrackSpec) {
        if spec.twcc && self.extensions.id(ExtensionKind::TransportWideCc).is_some() {
            self.arrivals.get_or_insert_with(ArrivalRecorder::new);
            self.estimate = None;
        } else if spec.remb && self.arrivals.is_none() {
            self.estimate.get_or_insert_with(ReceiveEstimate::new);
        }
    }

    /// Let so many DTLS datagrams pass to Python per second, and at once.
    pub fn set_dtls_rate(&mut self, per_second: u32) {
        self.dtls_rate = dtls_rate(per_second);
    }

    /// Whether one more DTLS datagram may go to Python now.
    pub fn admits_dtls(&mut self, now: Instant, size: usize) -> bool {
        size <= MAX_DTLS_DATAGRAM && self.dtls.take(now, &self.dtls_rate, 1)
    }

    /// Start the report timer: keys are there.
    pub fn start_reports(&mut self, now: Instant) {
        self.next_report = Some(on_grid(now + REPORT_INTERVAL / 4));
    }

    /// True once per interval.
    pub fn report_due(&mut self, now: Instant) -> bool {
        let due = self.next_report.is_some_and(|at| now >= at);
        if due {
            self.next_report = Some(on_grid(now + REPORT_INTERVAL));
        }
        due
    }

    /// Its own earliest deadline; its tracks have theirs.
    pub fn next_deadline(&self) -> Option<Instant> {
        let mut next = earliest(Some(self.ice.next_deadline()), self.next_report);
        next = earliest(next, self.arrivals.as_ref().and_then(ArrivalRecorder::next_deadline));
        earliest(next, self.estimate.as_ref().and_then(ReceiveEstimate::next_deadline))
    }
}

fn dtls_rate(per_second: u32) -> Rate {
    Rate { per_second: u64::from(per_second), burst: u64::from(per_second) }
}

fn on_grid(at: Instant) -> Instant {
    Instant::from_micros(at.as_micros().div_ceil(REPORT_GRID_MICROS) * REPORT_GRID_MICROS)
}
