use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::packet::rtcp::{self, Packet};

fn at(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}

/// One feedback as its receiver reads it: the statuses in order, arrivals in ticks of 250 µs modulo 2^32.
#[derive(Debug, PartialEq)]
struct Feedback {
    count: u8,
    statuses: Vec<(u16, Option<u32>)>,
}

impl Feedback {
    fn parse(bytes: &[u8]) -> Self {
        assert!(bytes.len() <= 1200, "{} bytes", bytes.len());
        assert_eq!(bytes.len() % 4, 0);
        let packets: Vec<_> = rtcp::parse(bytes).collect();
        let [Ok(Packet::TransportFeedback(feedback))] = packets.as_slice() else { panic!("{packets:?}") };
        assert_eq!((feedback.sender, feedback.media), (1, 2));
        let statuses: Vec<_> =
            feedback.arrivals().map(|(sequence, ticks)| (sequence, ticks.map(|ticks| ticks as u32))).collect();
        assert!(statuses.last().is_some_and(|(_, ticks)| ticks.is_some()), "never empty, never ends in a loss");
        Self { count: feedback.feedback_count, statuses }
    }

    fn sequences(&self) -> Vec<u16> {
        self.statuses.iter().map(|(sequence, _)| *sequence).collect()
    }

    fn arrived(&self) -> Vec<u16> {
        self.statuses.iter().filter(|(_, ticks)| ticks.is_some()).map(|(sequence, _)| *sequence).collect()
    }
}

fn poll(recorder: &mut ArrivalRecorder, now: Instant) -> Vec<Feedback> {
    let mut out = Vec::new();
    recorder.poll(now, 1, 2, &mut out);
    out.iter().map(|bytes| Feedback::parse(bytes)).collect()
}

fn poll_one(recorder: &mut ArrivalRecorder, millis: u64) -> Feedback {
    let mut all = poll(recorder, at(millis));
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[test]
fn the_wire_format_is_as_drafted() {
    let mut recorder = ArrivalRecorder::new();
    recorder.on_packet(Instant::from_micros(1_000_000), 1);
    recorder.on_packet(Instant::from_micros(1_000_250), 2);
    recorder.on_packet(Instant::from_micros(1_100_250), 4);
    let mut out = Vec::new();
    recorder.poll(at(1200), 0x0102_0304, 0x0506_0708, &mut out);
    // 1 s is 15 * 64 ms and 160 ticks; then 1 tick, lost, 400 ticks. Nine bytes of chunk and deltas, so that three
    // of padding fill the word.
    #[rustfmt::skip]
    let expected = [
        0xaf, 205, 0, 6, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 0, 4, 0, 0, 15, 0,
        0b11_01_01_00, 0b10_00_00_00, 160, 1, 0x01, 0x90, 0, 2,
    ];
    assert_eq!(out, [expected.to_vec()]);
}

#[test]
fn feedback_waits_for_the_interval() {
    let mut recorder = ArrivalRecorder::new();
    assert_eq!(recorder.next_deadline(), None);
    recorder.on_packet(at(10), 7);
    assert_eq!(recorder.next_deadline(), Some(at(110)));
    assert!(poll(&mut recorder, at(109)).is_empty());
    assert_eq!(poll_one(&mut recorder, 110).arrived(), [7]);
    assert_eq!(recorder.next_deadline(), None);
}

#[test]
fn a_hundred_packets_are_reported_at_once_but_not_twice_in_50_ms() {
    let mut recorder = ArrivalRecorder::new();
    for sequence in 0..100 {
        recorder.on_packet(at(10), sequence);
    }
    assert_eq!(poll_one(&mut recorder, 10).arrived().len(), 100);
    for sequence in 100..200 {
        recorder.on_packet(at(20), sequence);
    }
    assert_eq!(recorder.next_deadline(), Some(at(60)));
    assert!(poll(&mut recorder, at(59)).is_empty());
    assert_eq!(poll_one(&mut recorder, 60).arrived().len(), 100);
}

#[test]
fn feedback_is_never_empty() {
    let mut recorder = ArrivalRecorder::new();
    assert!(poll(&mut recorder, at(1000)).is_empty());
    recorder.on_packet(at(1000), 7);
    poll_one(&mut recorder, 1100);
    recorder.on_packet(at(1100), 7);
    assert_eq!(recorder.next_deadline(), None);
    assert!(poll(&mut recorder, at(5000)).is_empty());
}

#[test]
fn losses_before_the_first_arrival_of_a_feedback_are_told() {
    let mut recorder = ArrivalRecorder::new();
    recorder.on_packet(at(0), 7);
    poll_one(&mut recorder, 100);
    recorder.on_packet(at(100), 10);
    let feedback = poll_one(&mut recorder, 200);
    assert_eq!(feedback.sequences(), [8, 9, 10]);
    assert_eq!(feedback.arrived(), [10]);
}

#[test]
fn the_base_goes_back_for_a_packet_that_was_told_lost() {
    let mut recorder = ArrivalRecorder::new();
    for sequence in [7, 8, 10, 11] {
        recorder.on_packet(at(0), sequence);
    }
    assert_eq!(poll_one(&mut recorder, 100).arrived(), [7, 8, 10, 11]);
    recorder.on_packet(at(110), 9);
    let feedback = poll_one(&mut recorder, 210);
    assert_eq!(feedback.arrived(), [9, 10, 11], "not told lost because they were told before");
    assert_eq!(feedback.statuses[1].1, Some(0), "with the arrival it had");
}

#[test]
fn the_base_advances() {
    let mut recorder = ArrivalRecorder::new();
    let mut lengths = Vec::new();
    for sequence in 0..3000 {
        let now = at(u64::from(sequence) * 10);
        recorder.on_packet(now, sequence);
        lengths.extend(poll(&mut recorder, now).iter().map(|feedback| feedback.statuses.len()));
    }
    assert_eq!(lengths.len(), 272);
    assert!(lengths.iter().all(|length| *length == 11), "{lengths:?}");
    assert!(recorder.arrivals.len() <= 64, "kept for half a second only");
}

#[test]
fn the_first_of_duplicates_counts() {
    let mut recorder = ArrivalRecorder::new();
    recorder.on_packet(at(0), 7);
    recorder.on_packet(at(50), 7);
    assert_eq!(poll_one(&mut recorder, 100).statuses, [(7, Some(0))]);
}

#[test]
fn a_packet_older_than_what_is_remembered_is_ignored() {
    let mut recorder = ArrivalRecorder::new();
    recorder.on_packet(at(0), 7);
    recorder.on_packet(at(0), 9);
    poll_one(&mut recorder, 100);
    recorder.on_packet(at(1000), 10);
    poll_one(&mut recorder, 1100);
    recorder.on_packet(at(1101), 8);
    assert_eq!(recorder.next_deadline(), None, "or 9 would be told lost");
}

#[test]
fn sequence_numbers_may_start_anywhere_and_wrap() {
    for start in [0, 1, 32_767, 32_768, 40_000, 65_535] {
        let mut recorder = ArrivalRecorder::new();
        let sequences: Vec<u16> = (0..20).map(|offset| u16::wrapping_add(start, offset)).collect();
        for sequence in &sequences {
            recorder.on_packet(at(3), *sequence);
        }
        assert_eq!(poll_one(&mut recorder, 103).arrived(), sequences);
    }
}

#[test]
fn the_first_two_packets_may_be_swapped_across_the_wrap() {
    let mut recorder = ArrivalRecorder::new();
    recorder.on_packet(at(0), 0);
    recorder.on_packet(at(1), 65_535);
    assert_eq!(poll_one(&mut recorder, 100).statuses, [(65_535, Some(4)), (0, Some(0))]);
}

#[test]
fn the_reference_time_is_24_bits_unsigned_and_wraps() {
    let wrap_micros = (1u64 << 24) * 64_000;
    for micros in [wrap_micros / 2 - 500, wrap_micros / 2, wrap_micros - 500, wrap_micros, wrap_micros * 3 + 777] {
        let mut recorder = ArrivalRecorder::new();
        for step in 0..5u16 {
            recorder.on_packet(Instant::from_micros(micros + u64::from(step) * 251), step);
        }
        let now = Instant::from_micros(micros + 200_000);
        let all = poll(&mut recorder, now);
        let ticks: Vec<_> = all[0].statuses.iter().map(|(_, ticks)| ticks.unwrap()).collect();
        let expected: Vec<_> = (0..5).map(|step| ((micros + step * 251) / 250) as u32).collect();
        assert_eq!(ticks, expected);
    }
}

#[test]
fn rounding_does_not_add_up() {
    let mut recorder = ArrivalRecorder::new();
    // 99 intervals of 249 µs: each by itself would round to zero.
    for sequence in 0..100 {
        recorder.on_packet(Instant::from_micros(u64::from(sequence) * 249), sequence);
    }
    let all = poll(&mut recorder, at(100));
    assert_eq!(all[0].statuses.last(), Some(&(99, Some(99 * 249 / 250))));
}

#[test]
fn small_deltas_reach_to_255_ticks() {
    for (ticks, len) in [(255, 24), (256, 28)] {
        let mut recorder = ArrivalRecorder::new();
        recorder.on_packet(at(0), 1);
        recorder.on_packet(Instant::from_micros(ticks * 250), 2);
        let mut out = Vec::new();
        recorder.poll(at(200), 1, 2, &mut out);
        assert_eq!(out[0].len(), len);
        assert_eq!(Feedback::parse(&out[0]).statuses[1], (2, Some(ticks as u32)));
    }
}

#[test]
fn arrivals_against_the_order_give_negative_deltas() {
    let mut recorder = ArrivalRecorder::new();
    recorder.on_packet(at(10), 2);
    recorder.on_packet(at(60), 1);
    assert_eq!(poll_one(&mut recorder, 110).statuses, [(1, Some(240)), (2, Some(40))]);
}

#[test]
fn a_delta_too_large_begins_a_new_feedback() {
    let mut recorder = ArrivalRecorder::new();
    recorder.on_packet(at(0), 1);
    recorder.on_packet(at(8_192), 3);
    let all = poll(&mut recorder, at(8_192));
    assert_eq!(all[0], Feedback { count: 0, statuses: vec![(1, Some(0))] });
    assert_eq!(all[1], Feedback { count: 1, statuses: vec![(2, None), (3, Some(8_192 * 4))] });
}

#[test]
fn the_feedback_count_wraps_at_256() {
    let mut recorder = ArrivalRecorder::new();
    for round in 0..600u16 {
        let now = at(u64::from(round) * 100);
        recorder.on_packet(now, round);
        assert_eq!(u16::from(poll_one(&mut recorder, u64::from(round + 1) * 100).count), round % 256);
    }
}

#[test]
fn much_at_once_is_split_into_packets_of_bounded_size() {
    let mut recorder = ArrivalRecorder::new();
    // The most expensive pattern: every packet behind a gap, every delta large.
    for index in 0..1000u16 {
        recorder.on_packet(at(u64::from(index) * 70), index * 16);
    }
    let mut arrived: Vec<u16> = Vec::new();
    for feedback in poll(&mut recorder, at(70_000)) {
        arrived.extend(feedback.arrived());
    }
    assert_eq!(arrived, (0..1000).map(|index| index * 16).collect::<Vec<_>>());
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut recorder = ArrivalRecorder::new();
    for index in 0..20_000u32 {
        recorder.on_packet(at(0), index as u16);
    }
    assert_eq!(recorder.arrivals.len(), MAX_ARRIVALS);
    let told: usize = poll(&mut recorder, at(0)).iter().map(|feedback| feedback.statuses.len()).sum();
    assert_eq!(told, MAX_ARRIVALS);
}

#[test]
fn long_gaps_are_told_in_pieces() {
    let mut recorder = ArrivalRecorder::new();
    for sequence in [0, 30_000, 60_000, 24_464] {
        recorder.on_packet(at(0), sequence);
    }
    let all = poll(&mut recorder, at(100));
    assert_eq!(all.iter().map(|feedback| feedback.statuses.len()).collect::<Vec<_>>(), [60_001, 30_000]);
}

/// Packets with their sequence number, in order of arrival: lost, reordered, duplicated, with pauses.
fn arrivals() -> impl Strategy<Value = (u16, Vec<(u64, u64)>)> {
    let packet = (0u64..40_000, prop::bool::weighted(0.1), 0u64..60_000, 1usize..3);
    let pauses = prop::collection::vec(prop_oneof![9 => Just(0u64), 1 => 0u64..9_000_000], 1..300);
    (any::<u16>(), prop::collection::vec(packet, 1..300), pauses).prop_map(|(start, packets, pauses)| {
        let mut sent_at = 0;
        let mut arrivals = Vec::new();
        for (index, ((spacing, lost, jitter, copies), pause)) in packets.into_iter().zip(pauses).enumerate() {
            sent_at += spacing / 8 + pause;
            let copies = if lost { 0 } else { copies as u64 };
            arrivals.extend((0..copies).map(|copy| (sent_at + jitter * (copy + 1), index as u64)));
        }
        arrivals.sort_unstable();
        (start, arrivals)
    })
}

proptest! {
    #[test]
    fn everything_that_arrived_is_told_with_its_time((start, arrivals) in arrivals()) {
        let mut recorder = ArrivalRecorder::new();
        let mut told: BTreeMap<u16, u32> = BTreeMap::new();
        let mut first: BTreeMap<u16, u32> = BTreeMap::new();
        let mut next_count = 0u8;
        let mut last_poll: Option<Instant> = None;
        let drain = |recorder: &mut ArrivalRecorder, until: Option<Instant>, told: &mut BTreeMap<u16, u32>,
                         next_count: &mut u8, last_poll: &mut Option<Instant>| {
            while let Some(due) = recorder.next_deadline().filter(|due| until.is_none_or(|until| *due <= until)) {
                if let Some(last) = *last_poll {
                    assert!(due.since(last) >= MIN_INTERVAL);
                }
                *last_poll = Some(due);
                for feedback in poll(recorder, due) {
                    assert_eq!(feedback.count, *next_count);
                    *next_count = next_count.wrapping_add(1);
                    for (sequence, ticks) in feedback.statuses {
                        match ticks {
                            Some(ticks) => drop(told.insert(sequence, ticks)),
                            None => assert!(!told.contains_key(&sequence), "told as arrived before"),
                        }
                    }
                }
            }
        };
        for (micros, index) in arrivals {
            let now = Instant::from_micros(micros);
            drain(&mut recorder, Some(now), &mut told, &mut next_count, &mut last_poll);
            let sequence = start.wrapping_add(index as u16);
            recorder.on_packet(now, sequence);
            first.entry(sequence).or_insert((micros / 250) as u32);
        }
        drain(&mut recorder, None, &mut told, &mut next_count, &mut last_poll);
        // Reordering here is by far less than the half second that arrivals are kept.
        prop_assert_eq!(told, first);
    }

}

proptest! {
    // Reading back a feedback about 2^15 losses is slow, and nearly every one here is.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_sequence_numbers_and_times_give_well_formed_feedback(
        packets in prop::collection::vec((any::<u16>(), any::<u32>()), 1..40),
    ) {
        let mut recorder = ArrivalRecorder::new();
        let mut now = at(0);
        for (sequence, micros) in packets {
            now = now + Duration::from_micros(u64::from(micros % 100_000));
            recorder.on_packet(now, sequence);
            drop(poll(&mut recorder, now));
        }
        drop(poll(&mut recorder, now + Duration::from_secs(1)));
        prop_assert_eq!(recorder.next_deadline(), None);
    }
}
