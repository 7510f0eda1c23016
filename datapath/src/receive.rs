//! Reception statistics of one RTP stream (RFC 3550 appendices A.1, A.3 and A.8).

use core::time::Duration;

use crate::packet::rtcp::ReportBlock;
use crate::time::Instant;

/// A jump forward beyond this is believed when the next packet follows it (RFC 3550 appendix A.1).
const MAX_DROPOUT: u64 = 3000;
/// The cumulative loss of a report is a signed 24-bit number (RFC 3550 section 6.4.1).
const MAX_REPORTED_LOSS: i64 = 0x7f_ffff;
const MIN_REPORTED_LOSS: i64 = -0x80_0000;
/// A change of transit time beyond this is a new timeline, not jitter.
const MAX_TRANSIT_CHANGE: Duration = Duration::from_secs(5);

/// What was received of one SSRC.
#[derive(Debug)]
pub struct ReceiveLog {
    clock_rate: u32,
    run: Option<Run>,
    /// Packets lost in runs that are over.
    lost_before: i64,
    repaired: i64,
    /// Interarrival jitter in 1/16 timestamp units.
    jitter: u32,
    last_arrival: Option<LastArrival>,
    last_sender_report: Option<(u32, Instant)>,
}

/// Consecutive numbers since the start, or since the sender jumped.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: u64,
    highest: u64,
    received: u64,
    /// The number that would confirm a jump.
    after_jump: Option<u64>,
    /// As they were at the last report.
    reported_expected: u64,
    reported_received: u64,
}

#[derive(Clone, Copy, Debug)]
struct LastArrival {
    timestamp: u32,
    transit: u32,
}

impl ReceiveLog {
    /// Nothing received yet of a stream whose timestamps run at `clock_rate`.
    pub fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate: clock_rate.max(1),
            run: None,
            lost_before: 0,
            repaired: 0,
            jitter: 0,
            last_arrival: None,
            last_sender_report: None,
        }
    }

    /// Counts a packet of the stream itself, with its extended sequence number; retransmissions go to
    /// [`ReceiveLog::on_repaired`].
    pub fn on_packet(&mut self, now: Instant, sequence: u64, timestamp: u32) {
        let in_order = match self.run.as_mut() {
            None => {
                self.run = Some(Run::new(sequence));
                true
            }
            Some(run) if sequence > run.highest.saturating_add(MAX_DROPOUT) => {
                if run.after_jump != Some(sequence) {
                    run.after_jump = Some(sequence.saturating_add(1));
                    return;
                }
                self.lost_before += run.lost();
                // The packet before this one was not counted when it came.
                self.run = Some(Run { first: sequence.saturating_sub(1), received: 2, ..Run::new(sequence) });
                self.last_arrival = None;
                true
            }
            Some(run) => {
                run.received += 1;
                run.after_jump = None;
                let in_order = sequence > run.highest;
                run.highest = run.highest.max(sequence);
                in_order
            }
        };
        if in_order {
            self.update_jitter(now, timestamp);
        }
    }

    /// A lost packet came as a retransmission. Reports do not show that: they are about the path (RFC 4588
    /// section 6.3).
    pub fn on_repaired(&mut self) {
        self.repaired += 1;
    }

    /// A sender report arrived, with this NTP timestamp.
    pub fn on_sender_report(&mut self, now: Instant, ntp: u64) {
        // The middle 32 bits (RFC 3550 section 6.4.1, LSR).
        self.last_sender_report = Some(((ntp >> 16) as u32, now));
    }

    /// The report about everything since the last one. `None` if nothing arrived since (RFC 3550 section 6.4).
    pub fn report(&mut self, now: Instant, ssrc: u32) -> Option<ReportBlock> {
        let run = self.run.as_mut()?;
        if run.received == run.reported_received {
            return None;
        }
        let expected = run.expected();
        let expected_interval = expected - run.reported_expected;
        let received_interval = run.received - run.reported_received;
        let lost_interval = expected_interval.saturating_sub(received_interval);
        run.reported_expected = expected;
        run.reported_received = run.received;
        let (last_sr, delay_since_last_sr) =
            self.last_sender_report.map_or((0, 0), |(ntp, at)| (ntp, in_65536ths(now.since(at))));
        Some(ReportBlock {
            ssrc,
            // Less than the whole was lost, because something arrived: the quotient is below 256.
            fraction_lost: (lost_interval * 256 / expected_interval.max(1)).min(255) as u8,
            cumulative_lost: run.lost().clamp(MIN_REPORTED_LOSS, MAX_REPORTED_LOSS) as i32,
            // Cycles are counted from the first packet; the truncation makes the count wrap.
            highest_sequence: run.highest.wrapping_sub(run.first & !0xffff) as u32,
            jitter: self.jitter >> 4,
            last_sr,
            delay_since_last_sr,
        })
    }

    /// Interarrival jitter in milliseconds.
    pub fn jitter_ms(&self) -> f64 {
        f64::from(self.jitter) / 16.0 * 1000.0 / f64::from(self.clock_rate)
    }

    /// Packets that never came, neither the first time nor again. Negative if some came twice.
    pub fn lost(&self) -> i64 {
        self.lost_before + self.run.map_or(0, |run| run.lost()) - self.repaired
    }

    /// RFC 3550 appendix A.8, except that of packets with one timestamp only the first counts: the others measure
    /// how a frame is spread out by its sender, not the path.
    fn update_jitter(&mut self, now: Instant, timestamp: u32) {
        let last = self.last_arrival;
        if last.is_some_and(|last| last.timestamp == timestamp) {
            return;
        }
        let arrival = u128::from(now.as_micros()) * u128::from(self.clock_rate) / 1_000_000;
        // Arithmetic on timestamps is modulo 2^32.
        let transit = (arrival as u32).wrapping_sub(timestamp);
        self.last_arrival = Some(LastArrival { timestamp, transit });
        let Some(last) = last else { return };
        let change = (transit.wrapping_sub(last.transit) as i32).unsigned_abs();
        if u64::from(change) > u64::from(self.clock_rate) * MAX_TRANSIT_CHANGE.as_secs() {
            return;
        }
        self.jitter = self.jitter.saturating_add(change) - ((self.jitter.saturating_add(8)) >> 4);
    }
}

impl Run {
    fn new(sequence: u64) -> Self {
        Self {
            first: sequence,
            highest: sequence,
            received: 1,
            after_jump: None,
            reported_expected: 0,
            reported_received: 0,
        }
    }

    fn expected(&self) -> u64 {
        self.highest - self.first + 1
    }

    fn lost(&self) -> i64 {
        // Sequence numbers have at most 48 bits.
        self.expected() as i64 - self.received as i64
    }
}

/// The unit of DLSR (RFC 3550 section 6.4.1).
fn in_65536ths(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros() * 65536 / 1_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SSRC: u32 = 0xdead_beef;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    fn log(sequences: impl IntoIterator<Item = u64>) -> ReceiveLog {
        let mut log = ReceiveLog::new(90_000);
        receive(&mut log, sequences);
        log
    }

    fn receive(log: &mut ReceiveLog, sequences: impl IntoIterator<Item = u64>) {
        for sequence in sequences {
            log.on_packet(at(0), sequence, 0);
        }
    }

    fn report(log: &mut ReceiveLog) -> ReportBlock {
        log.report(at(0), SSRC).expect("something arrived")
    }

    #[test]
    fn nothing_is_reported_about_nothing() {
        let mut log = log([]);
        assert!(log.report(at(0), SSRC).is_none());
        receive(&mut log, [1]);
        assert_eq!(report(&mut log).ssrc, SSRC);
        assert!(log.report(at(0), SSRC).is_none(), "nothing since the last report");
    }

    #[test]
    fn loss_is_reported_by_the_interval_and_in_all() {
        let mut log = log((0..100).filter(|sequence| sequence % 4 != 1));
        let first = report(&mut log);
        assert_eq!((first.fraction_lost, first.cumulative_lost, first.highest_sequence), (64, 25, 99));
        receive(&mut log, 100..200);
        let second = report(&mut log);
        assert_eq!((second.fraction_lost, second.cumulative_lost, second.highest_sequence), (0, 25, 199));
        assert_eq!(log.lost(), 25);
    }

    #[test]
    fn reordered_packets_are_not_lost() {
        let mut log = log([100, 102, 101, 99, 103]);
        let report = report(&mut log);
        assert_eq!((report.fraction_lost, report.highest_sequence), (0, 103));
        assert_eq!(log.lost(), -1, "the first packet was not expected to have others before it");
    }

    #[test]
    fn duplicates_make_loss_negative_but_not_the_fraction() {
        let mut log = log([1, 1, 1, 2]);
        let report = report(&mut log);
        assert_eq!((report.fraction_lost, report.cumulative_lost), (0, -2));
    }

    #[test]
    fn cycles_are_counted_from_the_first_packet() {
        let mut log = log(3 * 65_536 + 65_530..4 * 65_536 + 3);
        assert_eq!(report(&mut log).highest_sequence, 65_536 + 2);
    }

    #[test]
    fn repaired_packets_are_lost_in_reports_only() {
        let mut log = log([1, 4]);
        log.on_repaired();
        assert_eq!(report(&mut log).cumulative_lost, 2);
        assert_eq!(log.lost(), 1);
    }

    #[test]
    fn a_jump_is_believed_when_the_next_packet_follows_it() {
        let mut log = log(0..10);
        receive(&mut log, [50_000]);
        assert_eq!(report(&mut log).highest_sequence, 9);
        receive(&mut log, [50_001, 50_002, 50_004]);
        let report = report(&mut log);
        assert_eq!((report.highest_sequence, report.cumulative_lost), (50_004, 1));
        assert_eq!(report.fraction_lost, 51);
        assert_eq!(log.lost(), 1);
    }

    #[test]
    fn a_stray_packet_is_not_a_jump() {
        let mut log = log([0, 50_000, 1, 50_001, 2]);
        let report = report(&mut log);
        assert_eq!((report.highest_sequence, report.cumulative_lost), (2, 0));
    }

    #[test]
    fn loss_is_clamped_to_24_bits() {
        let mut log = log((0..9_000_000).step_by(2999));
        assert_eq!(report(&mut log).cumulative_lost, 0x7f_ffff);
    }

    #[test]
    fn the_last_sender_report_is_echoed_with_its_age() {
        let mut log = log([1]);
        let report = report(&mut log);
        assert_eq!((report.last_sr, report.delay_since_last_sr), (0, 0));
        log.on_sender_report(at(1000), 0x0102_0304_0506_0708);
        log.on_packet(at(1000), 2, 0);
        let report = log.report(at(1500), SSRC).unwrap();
        assert_eq!((report.last_sr, report.delay_since_last_sr), (0x0304_0506, 32_768));
    }

    #[test]
    fn an_even_stream_has_no_jitter() {
        let mut log = ReceiveLog::new(48_000);
        for packet in 0..100u32 {
            log.on_packet(at(u64::from(packet) * 20), u64::from(packet), (packet * 960).wrapping_sub(5000));
        }
        assert_eq!(log.jitter_ms(), 0.0);
        assert_eq!(report(&mut log).jitter, 0);
    }

    #[test]
    fn jitter_is_the_mean_change_of_transit_time() {
        let mut log = ReceiveLog::new(48_000);
        for packet in 0..400u32 {
            // Every other packet 10 ms late.
            log.on_packet(at(u64::from(packet * 20 + packet % 2 * 10)), u64::from(packet), packet * 960);
        }
        let jitter = log.jitter_ms();
        assert!((9.5..=10.0).contains(&jitter), "{jitter}");
        assert!((460..=480).contains(&report(&mut log).jitter));
    }

    #[test]
    fn how_a_frame_is_spread_out_is_not_jitter() {
        let mut log = ReceiveLog::new(90_000);
        for frame in 0..50u32 {
            for packet in 0..10u32 {
                let sequence = u64::from(frame * 10 + packet);
                log.on_packet(at(u64::from(frame * 100 + packet * 9)), sequence, frame * 9000);
            }
        }
        assert_eq!(log.jitter_ms(), 0.0);
    }

    #[test]
    fn a_new_timeline_is_not_jitter() {
        let mut log = ReceiveLog::new(90_000);
        for (packet, timestamp) in [(0, 0), (1, 3000), (2, 3_000_000_000), (3, 3_000_003_000)] {
            log.on_packet(Instant::from_micros(packet * 100_000 / 3), packet, timestamp);
        }
        assert!(log.jitter_ms() < 0.01, "{}", log.jitter_ms());
    }

    proptest! {
        #[test]
        fn no_input_makes_it_fail(
            steps in prop::collection::vec((0u8..4, 0u64..1 << 48, any::<u32>(), any::<u32>()), 0..200),
        ) {
            let mut log = ReceiveLog::new(90_000);
            for (kind, sequence, timestamp, micros) in steps {
                let now = Instant::from_micros(u64::from(micros));
                match kind {
                    0 => log.on_packet(now, sequence, timestamp),
                    1 => log.on_packet(now, sequence % 5000, timestamp),
                    2 => log.on_sender_report(now, sequence),
                    _ => drop(log.report(now, SSRC)),
                }
                prop_assert!(log.jitter_ms().is_finite());
            }
        }
    }
}
