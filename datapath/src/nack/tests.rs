use proptest::prelude::*;

use super::*;

const RTT: Duration = Duration::from_millis(100);

fn at(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}

/// Received 10 and then 13 at time zero: 11 and 12 are missing.
fn gap(video: bool) -> NackGenerator {
    let mut nack = NackGenerator::new(video);
    assert_eq!(nack.on_packet(at(0), 10, false), Arrival::New);
    assert_eq!(nack.on_packet(at(0), 13, false), Arrival::New);
    nack
}

fn poll(nack: &mut NackGenerator, millis: u64) -> Vec<u16> {
    let mut out = Vec::new();
    nack.poll(at(millis), RTT, &mut out);
    out
}

/// Polls at every deadline until nothing is missing; gives each NACK's time in milliseconds and the final verdict.
fn run_dry(nack: &mut NackGenerator) -> (Vec<u64>, bool) {
    let mut times = Vec::new();
    let mut keyframe = false;
    let mut now = Instant::default();
    while let Some(due) = nack.next_deadline() {
        now = now.max(due);
        let mut out = Vec::new();
        keyframe |= nack.poll(now, RTT, &mut out);
        if !out.is_empty() {
            times.push(now.as_micros() / 1000);
        }
        assert!(times.len() <= usize::from(MAX_TRIES));
    }
    (times, keyframe)
}

#[test]
fn packets_in_order_need_nothing() {
    let mut nack = NackGenerator::new(true);
    for sequence in 65_000..66_000 {
        assert_eq!(nack.on_packet(at(0), sequence, false), Arrival::New);
    }
    assert_eq!(nack.next_deadline(), None);
    assert!(poll(&mut nack, 1000).is_empty());
}

#[test]
fn a_gap_is_asked_for_after_the_time_reordering_takes() {
    let mut nack = gap(true);
    assert_eq!(nack.next_deadline(), Some(at(20)));
    assert!(poll(&mut nack, 19).is_empty());
    assert_eq!(poll(&mut nack, 20), [11, 12]);
}

#[test]
fn on_a_short_path_a_gap_is_asked_for_sooner() {
    let mut nack = NackGenerator::new(true);
    nack.poll(at(0), Duration::from_millis(8), &mut Vec::new());
    nack.on_packet(at(0), 10, false);
    nack.on_packet(at(0), 12, false);
    assert_eq!(nack.next_deadline(), Some(at(2)));
}

#[test]
fn reordered_packets_are_not_asked_for() {
    let mut nack = gap(true);
    assert_eq!(nack.on_packet(at(5), 12, false), Arrival::New);
    assert_eq!(nack.on_packet(at(5), 11, false), Arrival::New);
    assert_eq!(nack.next_deadline(), None);
    assert!(poll(&mut nack, 20).is_empty());
    assert_eq!((nack.repaired(), nack.lost()), (0, 0));
}

#[test]
fn a_retransmission_repairs() {
    let mut nack = gap(true);
    assert_eq!(poll(&mut nack, 20), [11, 12]);
    assert_eq!(nack.on_packet(at(120), 11, true), Arrival::New);
    assert_eq!(nack.on_packet(at(120), 12, true), Arrival::New);
    assert!(poll(&mut nack, 500).is_empty());
    assert_eq!((nack.repaired(), nack.lost()), (2, 0));
}

#[test]
fn nacks_are_repeated_ever_less_often_and_then_given_up() {
    let mut nack = gap(true);
    let (times, keyframe) = run_dry(&mut nack);
    // Every 100 ms and 10, 15, 22, 33, 50, 75, 113 ms.
    assert_eq!(times, [20, 130, 245, 367, 501, 651, 827]);
    assert!(keyframe, "only a keyframe helps now");
    assert_eq!(nack.lost(), 2);
    assert!(!nack.poll(at(5000), RTT, &mut Vec::new()), "told once");
}

#[test]
fn no_packet_is_asked_for_more_than_eight_times() {
    let mut nack = NackGenerator::new(true);
    let rtt = Duration::from_millis(1);
    nack.poll(at(0), rtt, &mut Vec::new());
    nack.on_packet(at(0), 10, false);
    nack.on_packet(at(0), 12, false);
    let mut asked = 0;
    for millis in 0..2000 {
        let mut out = Vec::new();
        nack.poll(at(millis), rtt, &mut out);
        asked += out.len();
    }
    assert_eq!(asked, usize::from(MAX_TRIES));
}

#[test]
fn sound_is_given_up_sooner_and_needs_no_keyframe() {
    let mut nack = gap(false);
    let (times, keyframe) = run_dry(&mut nack);
    assert_eq!(times, [20, 130]);
    assert!(!keyframe);
    assert_eq!(nack.lost(), 2);
}

#[test]
fn nacks_sent_close_together_share_a_packet() {
    let mut nack = gap(true);
    assert_eq!(poll(&mut nack, 20), [11, 12]);
    nack.on_packet(at(12), 15, false);
    assert_eq!(nack.next_deadline(), Some(at(40)));
    assert!(poll(&mut nack, 32).is_empty());
    assert_eq!(poll(&mut nack, 40), [14]);
}

#[test]
fn a_keyframe_makes_what_was_lost_before_it_irrelevant() {
    let mut nack = gap(true);
    nack.on_packet(at(0), 50, false);
    nack.on_packet(at(0), 52, false);
    nack.on_keyframe(50);
    assert_eq!(poll(&mut nack, 20), (34..50).chain([51]).collect::<Vec<_>>());
    nack.on_keyframe(100);
    assert_eq!(nack.next_deadline(), None);
}

#[test]
fn parameter_sets_lost_before_a_keyframe_are_asked_for() {
    let mut nack = NackGenerator::new(true);
    nack.on_packet(at(0), 99, false);
    // 100 has the parameter sets.
    nack.on_packet(at(0), 101, false);
    nack.on_keyframe(101);
    assert_eq!(poll(&mut nack, 20), [100]);
}

#[test]
fn duplicates_are_told_apart() {
    let mut nack = gap(true);
    assert_eq!(nack.on_packet(at(1), 13, false), Arrival::Duplicate);
    assert_eq!(nack.on_packet(at(1), 10, true), Arrival::Duplicate);
    assert_eq!(nack.on_packet(at(1), 11, true), Arrival::New);
    assert_eq!(nack.on_packet(at(1), 11, false), Arrival::Duplicate);
}

#[test]
fn what_comes_after_it_was_given_up_is_not_a_duplicate() {
    let mut nack = gap(true);
    run_dry(&mut nack);
    assert_eq!(nack.on_packet(at(2000), 11, false), Arrival::New);
    assert_eq!(nack.on_packet(at(2000), 11, false), Arrival::Duplicate);
}

#[test]
fn a_packet_overtaken_by_the_very_first_one_is_new() {
    let mut nack = NackGenerator::new(true);
    nack.on_packet(at(0), 65_536, false);
    assert_eq!(nack.on_packet(at(0), 65_535, false), Arrival::New);
    assert_eq!(nack.on_packet(at(0), 65_535, false), Arrival::Duplicate);
    assert_eq!(nack.next_deadline(), None);
}

#[test]
fn a_jump_is_a_restart_and_not_asked_for() {
    let mut nack = gap(true);
    assert_eq!(nack.on_packet(at(1), 13 + 1001, false), Arrival::New);
    assert_eq!(nack.next_deadline(), None);
    assert_eq!(nack.on_packet(at(1), 13 + 1000, false), Arrival::Duplicate, "of the run before");
    assert_eq!(nack.on_packet(at(1), 13 + 1003, false), Arrival::New);
    assert_eq!(poll(&mut nack, 21), [1015]);
}

#[test]
fn an_outage_is_given_up_at_once() {
    let mut nack = gap(true);
    nack.on_packet(at(0), 13 + 300, false);
    let mut out = Vec::new();
    assert!(nack.next_deadline().is_some());
    assert!(nack.poll(at(0), RTT, &mut out));
    assert!(out.is_empty());
    assert_eq!(nack.next_deadline(), None);
    assert_eq!(nack.lost(), 2 + 299);
}

#[test]
fn a_keyframe_after_an_outage_needs_no_other() {
    let mut nack = gap(true);
    nack.on_packet(at(0), 13 + 400, false);
    nack.on_keyframe(413);
    assert!(!nack.poll(at(0), RTT, &mut Vec::new()));
}

#[test]
fn an_outage_of_sound_gives_up_the_oldest() {
    let mut nack = gap(false);
    nack.on_packet(at(0), 13 + 400, false);
    assert_eq!(nack.missing.len(), MAX_MISSING);
    assert_eq!(nack.lost(), 2 + 399 - 300);
    let asked = poll(&mut nack, 25);
    assert_eq!((asked.first(), asked.last(), asked.len()), (Some(&113), Some(&412), 300));
}

#[test]
fn a_retransmission_newer_than_all_media_is_believed_only_if_near() {
    let mut nack = NackGenerator::new(true);
    assert_eq!(nack.on_packet(at(0), 10, true), Arrival::Duplicate, "not as the very first packet");
    nack.on_packet(at(0), 10, false);
    assert_eq!(nack.on_packet(at(0), 10 + 101, true), Arrival::Duplicate);
    assert_eq!(nack.next_deadline(), None);
    assert_eq!(nack.on_packet(at(0), 12, true), Arrival::New);
    assert_eq!(nack.on_packet(at(0), 11, false), Arrival::New);
    assert_eq!(nack.on_packet(at(0), 12, false), Arrival::Duplicate, "the media packet comes after its repair");
}

proptest! {
    #[test]
    fn each_packet_is_new_once(
        order in prop::collection::vec((0u64..30, 1usize..3), 1..300), start in 0u64..100_000,
    ) {
        let mut nack = NackGenerator::new(true);
        let mut arrivals: Vec<(u64, u64)> = Vec::new();
        for (index, (shift, copies)) in (0u64..).zip(order) {
            arrivals.extend((0..copies).map(|copy| (index + shift * copy as u64 + shift, start + index)));
        }
        arrivals.sort_unstable();
        let mut seen = std::collections::HashSet::new();
        for (_, sequence) in arrivals {
            let expected = if seen.insert(sequence) { Arrival::New } else { Arrival::Duplicate };
            prop_assert_eq!(nack.on_packet(at(0), sequence, false), expected);
        }
        prop_assert!(nack.missing.is_empty(), "all of them came");
    }

    #[test]
    fn what_is_asked_for_is_missing(
        steps in prop::collection::vec((1u64..400, 0u64..40, any::<bool>(), any::<bool>()), 1..300), video in any::<bool>(),
    ) {
        let mut nack = NackGenerator::new(video);
        let mut seen = std::collections::HashSet::new();
        let (mut sequence, mut millis) = (5000, 0);
        for (advance, pause, late, recovered) in steps {
            millis += pause;
            let arrived = if late { sequence - advance } else { sequence + advance % 4 };
            sequence = sequence.max(arrived);
            if nack.on_packet(at(millis), arrived, recovered) == Arrival::New {
                seen.insert(arrived as u16);
            }
            let mut out = Vec::new();
            nack.poll(at(millis), RTT, &mut out);
            prop_assert!(nack.missing.len() <= MAX_MISSING);
            prop_assert!(out.iter().all(|asked| !seen.contains(asked)), "{:?}", out);
            prop_assert!(out.windows(2).all(|pair| pair[0] != pair[1]));
        }
    }

    #[test]
    fn no_input_makes_it_fail(steps in prop::collection::vec((0u8..4, 0u64..1 << 48, any::<u32>()), 0..200)) {
        let mut nack = NackGenerator::new(true);
        for (kind, sequence, micros) in steps {
            let now = Instant::from_micros(u64::from(micros));
            match kind {
                0 | 1 => drop(nack.on_packet(now, sequence, kind == 1)),
                2 => nack.on_keyframe(sequence),
                _ => drop(nack.poll(now, Duration::from_micros(u64::from(micros)), &mut Vec::new())),
            }
            prop_assert!(nack.missing.len() <= MAX_MISSING);
        }
    }
}
