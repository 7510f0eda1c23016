use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const FRAME: u32 = 3000;

fn at(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}

/// Switched to a source that starts at (1000, 50000), whose first output number is 100.
fn video() -> Munger {
    let mut munger = Munger::new(100, VIDEO_CLOCK_RATE);
    munger.switch(at(0), 1000, 50_000, None);
    munger
}

/// Forwards a packet whose timestamp does not matter and gives its output number.
fn forward(munger: &mut Munger, sequence: u64) -> Option<u64> {
    munger.forward(at(0), sequence, 50_000, false).map(|mapped| mapped.sequence)
}

#[test]
fn the_first_source_keeps_its_timestamps() {
    let mut munger = Munger::new(100, VIDEO_CLOCK_RATE);
    assert_eq!(munger.last(), None);
    assert_eq!(munger.to_output_timestamp(1), None);
    let first = munger.switch(at(5), 1000, 50_000, Some(7));
    assert_eq!(first, Mapped { sequence: 100, timestamp: 50_000 });
    assert_eq!(munger.last(), Some((first, at(5))));
    let second = munger.forward(at(38), 1001, 53_000, true);
    assert_eq!(second, Some(Mapped { sequence: 101, timestamp: 53_000 }));
    assert_eq!(munger.to_output_timestamp(53_000), Some(53_000));
}

#[test]
fn nothing_is_forwarded_before_the_first_switch() {
    let mut munger = Munger::new(0, VIDEO_CLOCK_RATE);
    munger.skip(999);
    assert_eq!(munger.forward(at(0), 1000, 0, true), None);
}

#[test]
fn packets_from_before_the_switch_point_are_not_forwarded() {
    let mut munger = video();
    assert_eq!(forward(&mut munger, 999), None);
    assert_eq!(forward(&mut munger, 1001), Some(101));
}

#[test]
fn a_late_packet_after_a_drop_gets_the_offset_of_its_own_place() {
    let mut munger = video();
    assert_eq!(forward(&mut munger, 1002), Some(102));
    munger.skip(1003);
    assert_eq!(forward(&mut munger, 1004), Some(103));
    assert_eq!(forward(&mut munger, 1001), Some(101));
    assert_eq!(munger.last().map(|(last, _)| last.sequence), Some(103));
}

#[test]
fn padding_only_packets_leave_no_gap() {
    let mut munger = video();
    for padding in 1001..=1010 {
        munger.skip(padding);
    }
    assert_eq!(forward(&mut munger, 1011), Some(101));
    assert!(munger.past.len() == 1);
}

#[test]
fn padding_after_a_loss_leaves_only_the_gap_of_the_loss() {
    let mut munger = video();
    munger.skip(1003);
    assert_eq!(forward(&mut munger, 1004), Some(103));
    assert_eq!(forward(&mut munger, 1002), Some(102));
    assert_eq!(forward(&mut munger, 1001), Some(101));
}

#[test]
fn padding_that_comes_late_leaves_its_number_unused() {
    let mut munger = video();
    assert_eq!(forward(&mut munger, 1002), Some(102));
    munger.skip(1001);
    assert_eq!(forward(&mut munger, 1003), Some(103));
}

#[test]
fn a_skipped_packet_has_no_place_of_its_own() {
    let mut munger = video();
    munger.skip(1001);
    munger.skip(1002);
    assert_eq!(forward(&mut munger, 1003), Some(101));
    assert_eq!(forward(&mut munger, 1001), None);
    assert_eq!(forward(&mut munger, 1002), None);
}

#[test]
fn padding_does_not_open_a_closed_frame() {
    let mut munger = video();
    munger.forward(at(0), 1001, 50_000, true);
    munger.skip(1002);
    assert_eq!(munger.switch(at(33), 7, 0, None).sequence, 102);
}

#[test]
fn a_new_source_continues_after_a_complete_frame() {
    let mut munger = video();
    munger.forward(at(0), 1001, 50_000, true);
    assert_eq!(munger.switch(at(33), 65_534, 9, None).sequence, 102);
    assert_eq!(munger.forward(at(33), 65_535, 9, false).map(|mapped| mapped.sequence), Some(103));
    assert_eq!(munger.forward(at(33), 65_536, 9, true).map(|mapped| mapped.sequence), Some(104));
}

#[test]
fn a_frame_cut_short_is_followed_by_one_missing_number() {
    let mut munger = video();
    assert_eq!(munger.switch(at(33), 7, 0, None).sequence, 102);
    munger.mark_closed();
    assert_eq!(munger.switch(at(66), 7, 0, None).sequence, 103);
}

#[test]
fn sound_has_no_frames_to_cut_short() {
    let mut munger = Munger::new(0, 48_000);
    munger.switch(at(0), 10, 960, None);
    assert_eq!(munger.switch(at(20), 500, 0, None).sequence, 1);
}

#[test]
fn a_timestamp_from_sender_reports_is_used_if_the_wall_clock_agrees() {
    for (hint, expected) in [
        (50_000 + 9_000, 59_000),
        (50_000 + 9_000 - 4_500, 54_500),
        (50_000 + 9_000 + 18_000, 77_000),
        // More than 200 ms off.
        (50_000 + 9_000 + 18_001, 59_000),
        (1, 59_000),
    ] {
        let mut munger = video();
        assert_eq!(munger.switch(at(100), 7, 123, Some(hint)).timestamp, expected, "hint {hint}");
    }
}

#[test]
fn without_sender_reports_the_wall_clock_decides() {
    let mut munger = video();
    let first = munger.switch(at(1000), 7, 4_000_000_000, None);
    assert_eq!(first.timestamp, 50_000 + 90_000);
    let next = munger.forward(at(1033), 8, 4_000_000_000 + FRAME, true);
    assert_eq!(next.map(|mapped| mapped.timestamp), Some(50_000 + 90_000 + FRAME));
    assert_eq!(munger.to_output_timestamp(4_000_000_000), Some(50_000 + 90_000));
}

#[test]
fn timestamps_never_go_back_or_repeat_at_a_switch() {
    for hint in [None, Some(50_000), Some(49_999), Some(50_001)] {
        let mut munger = video();
        let timestamp = munger.switch(at(0), 7, 3, hint).timestamp;
        assert!(timestamp > 50_000, "{timestamp} with {hint:?}");
    }
}

#[test]
fn timestamps_do_not_drift_by_a_wrap_after_a_long_pause() {
    let mut munger = video();
    let day = Duration::from_secs(86_400);
    let expected = 50_000u32.wrapping_add((86_400u64 * 90_000) as u32);
    assert_eq!(munger.switch(at(0) + day, 7, 3, None).timestamp, expected);
    assert_eq!(munger.switch(at(0) + day * 2, 7, 3, Some(expected)).timestamp, {
        expected.wrapping_add((86_400u64 * 90_000) as u32)
    });
}

#[test]
fn output_numbers_carry_their_rollover_count() {
    let mut munger = Munger::new(65_535, VIDEO_CLOCK_RATE);
    assert_eq!(munger.switch(at(0), 70_000, 0, None).sequence, 65_535);
    assert_eq!(forward(&mut munger, 70_001), Some(65_536));
}

#[test]
fn a_jump_of_the_source_becomes_one_missing_number() {
    let mut munger = video();
    assert_eq!(forward(&mut munger, 2000), Some(1100), "loss of less than the limit is shown as it is");
    let restarted = munger.forward(at(1000), 40_000, 7, true);
    assert_eq!(restarted, Some(Mapped { sequence: 1102, timestamp: 50_000 + 90_000 }));
    assert_eq!(forward(&mut munger, 40_001), Some(1103));
    assert_eq!(forward(&mut munger, 39_999), None);
    assert_eq!(forward(&mut munger, 1999), Some(1099));
}

#[test]
fn a_number_kept_free_for_a_late_packet_goes_to_no_other() {
    for jump in [false, true] {
        let mut munger = video();
        // 1001 to 1003 are missing: 101 to 103 are theirs.
        munger.skip(1004);
        let next = match jump {
            false => munger.switch(at(20), 7, 0, None),
            true => munger.forward(at(20), 40_000, 0, true).unwrap(),
        };
        assert!(next.sequence > 103, "{next:?}");
    }
}

#[test]
fn a_long_outage_keeps_the_timestamps_of_the_source() {
    let mut munger = video();
    let after = munger.forward(at(10_000), 5000, 50_000 + 900_090, true);
    assert_eq!(after, Some(Mapped { sequence: 102, timestamp: 50_000 + 900_090 }));
}

#[test]
fn the_ranges_for_late_packets_are_bounded() {
    let mut munger = video();
    for pair in 0..10_000 {
        assert_eq!(forward(&mut munger, 1001 + 2 * pair), Some(101 + pair));
        munger.skip(1002 + 2 * pair);
    }
    assert_eq!(munger.past.len(), MAX_RANGES);
    assert_eq!(forward(&mut munger, 1001), None, "before the oldest range");
}

#[test]
fn a_layer_switch_gives_the_numbers_worked_out_by_hand() {
    // Last sent: 20105, timestamp 3 000 000, frame complete. The keyframe of the new source was captured, by the
    // sender reports, at output time 3 003 000. Packets 0 and 2 are of a temporal layer that is left out.
    let mut munger = Munger::new(20_105, VIDEO_CLOCK_RATE);
    munger.switch(at(0), 1, 3_000_000, None);
    munger.mark_closed();
    let sequence = |sequence: u64| (1 << 16) + sequence;
    let expect = |sequence, timestamp| Some(Mapped { sequence, timestamp });
    let first = munger.switch(at(33), sequence(65_534), 4_294_960_000, Some(3_003_000));
    assert_eq!(Some(first), expect(20_106, 3_003_000));
    assert_eq!(munger.forward(at(33), sequence(65_535), 4_294_960_000, true), expect(20_107, 3_003_000));
    munger.skip(sequence(65_536));
    assert_eq!(munger.forward(at(100), sequence(65_537), 4_294_966_000, true), expect(20_108, 3_009_000));
    munger.skip(sequence(65_538));
    assert_eq!(munger.forward(at(166), sequence(65_539), 4_704, true), expect(20_109, 3_015_000));
}

/// A source's packets in the order in which they arrive: moved by up to eight places, some lost, some padding.
fn arrivals() -> impl Strategy<Value = Vec<(u64, bool)>> {
    let packet = (0u64..8, prop::bool::weighted(0.2), prop::bool::weighted(0.1));
    prop::collection::vec(packet, 1..400).prop_map(|packets| {
        let mut order: Vec<_> = packets
            .iter()
            .enumerate()
            .filter(|(_, (_, _, lost))| !lost)
            .map(|(index, (shift, padding, _))| (index as u64 + shift, index as u64, *padding))
            .collect();
        order.sort_by_key(|(position, ..)| *position);
        order.into_iter().map(|(_, sequence, padding)| (sequence, padding)).collect()
    })
}

proptest! {
    #[test]
    fn each_packet_gets_a_number_of_its_own_in_the_order_of_the_source(
        arrivals in arrivals(), first in any::<u16>(), start in 0u64..200_000,
    ) {
        let mut munger = Munger::new(first, VIDEO_CLOCK_RATE);
        munger.switch(at(0), start, 0, None);
        let mut outputs = BTreeMap::from([(start, u64::from(first))]);
        let mut newest = start;
        let mut arrived = std::collections::BTreeSet::from([start]);
        let mut late_padding = Vec::new();
        for (sequence, padding) in arrivals {
            let sequence = start + 1 + sequence;
            if padding {
                munger.skip(sequence);
                late_padding.extend((sequence < newest).then_some(sequence));
            } else {
                let mapped = munger.forward(at(0), sequence, 0, false);
                prop_assert!(mapped.is_some(), "reordering by eight is within the ranges");
                outputs.extend(mapped.map(|mapped| (sequence, mapped.sequence)));
            }
            newest = newest.max(sequence);
            arrived.insert(sequence);
        }
        // Strictly increasing, hence distinct.
        let sent: Vec<u64> = outputs.values().copied().collect();
        prop_assert!(sent.windows(2).all(|pair| pair[0] < pair[1]), "{sent:?}");
        // A hole is a packet that was lost, or padding that came too late to close it. There is no other reason.
        let holes = sent.windows(2).map(|pair| pair[1] - pair[0] - 1).sum::<u64>();
        let end = outputs.last_key_value().map_or(start, |(sequence, _)| *sequence);
        let lost = (start..end).filter(|sequence| !arrived.contains(sequence)).count();
        let unclosed = late_padding.iter().filter(|sequence| **sequence < end).count();
        prop_assert_eq!(holes, (lost + unclosed) as u64);
    }

    #[test]
    fn without_loss_or_reordering_there_is_no_hole(padding in prop::collection::vec(any::<bool>(), 0..500)) {
        let mut munger = video();
        let mut next = 101;
        for (sequence, padding) in (1001..).zip(padding) {
            if padding {
                munger.skip(sequence);
            } else {
                prop_assert_eq!(forward(&mut munger, sequence), Some(next));
                next += 1;
            }
        }
    }

    #[test]
    fn the_stream_of_many_sources_only_goes_forward(
        sources in prop::collection::vec((any::<u32>(), any::<u32>(), any::<Option<u32>>(), 0u64..400, 1u64..20), 1..40),
    ) {
        let mut munger = Munger::new(9, VIDEO_CLOCK_RATE);
        let mut now = at(0);
        let mut last: Option<Mapped> = None;
        for (sequence, timestamp, hint, pause, frames) in sources {
            now = now + Duration::from_millis(pause);
            for frame in 0..frames {
                let sequence = u64::from(sequence) + frame;
                let timestamp = timestamp.wrapping_add(FRAME.wrapping_mul(frame as u32));
                let mapped = if frame == 0 {
                    Some(munger.switch(now, sequence, timestamp, hint))
                } else {
                    munger.forward(now, sequence, timestamp, true)
                };
                let Some(mapped) = mapped else { return Err(TestCaseError::fail("in order, yet not forwarded")) };
                if let Some(last) = last {
                    let missing = mapped.sequence - last.sequence - 1;
                    prop_assert!(missing <= 1);
                    prop_assert!((mapped.timestamp.wrapping_sub(last.timestamp) as i32) > 0);
                }
                last = Some(mapped);
                now = now + Duration::from_millis(33);
            }
        }
    }

    #[test]
    fn no_input_makes_it_fail(
        steps in prop::collection::vec((0u8..3, 0u64..1 << 48, any::<u32>(), any::<u64>()), 0..200),
    ) {
        let mut munger = Munger::new(0, VIDEO_CLOCK_RATE);
        for (kind, sequence, timestamp, micros) in steps {
            let now = Instant::from_micros(micros);
            match kind {
                0 => drop(munger.switch(now, sequence, timestamp, Some(timestamp))),
                1 => drop(munger.forward(now, sequence, timestamp, true)),
                _ => munger.skip(sequence),
            }
            prop_assert!(munger.past.len() <= MAX_RANGES);
        }
    }
}
