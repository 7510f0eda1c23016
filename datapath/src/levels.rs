//! How loud one track was lately, by what its sender says of each packet (RFC 6464).
//!
//! Gathered over a window, so that Python hears of it a few times a second, and of nobody who is silent.

use core::time::Duration;

/// Levels are told at most this often.
pub const WINDOW: Duration = Duration::from_millis(200);
/// What is at this level or below counts as silence, in -dBov: a quiet room is at 70, somebody who speaks at 20 to 50.
pub const SILENT_LEVEL: u8 = 60;
/// What a packet is taken to last before two in a row have shown it, and at most (RFC 7587, 6.1: `maxptime`).
const USUAL_PACKET: Duration = Duration::from_millis(20);
const MAX_PACKET: Duration = Duration::from_millis(120);

/// One window of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loudness {
    /// The loudest packet's level in -dBov: 0 is the loudest there is.
    pub loudest: u8,
    /// How long it was louder than silence, at most the window.
    pub active: Duration,
}

/// Gathers one track's levels.
#[derive(Debug)]
pub struct LevelMeter {
    window: Option<Loudness>,
    /// Sequence number and timestamp of the newest packet.
    newest: Option<(u64, u32)>,
    packet: Duration,
}

impl LevelMeter {
    /// Nothing has come.
    pub fn new() -> Self {
        Self { window: None, newest: None, packet: USUAL_PACKET }
    }

    /// One packet, with its level in -dBov. True: it is the first in its window that is louder than silence.
    pub fn on_packet(&mut self, sequence: u64, timestamp: u32, clock_rate: u32, level: u8) -> bool {
        match self.newest {
            Some((newest, _)) if sequence <= newest => {}
            newest => {
                if let Some((_, before)) = newest.filter(|(newest, _)| newest + 1 == sequence) {
                    self.measure(timestamp.wrapping_sub(before), clock_rate);
                }
                self.newest = Some((sequence, timestamp));
            }
        }
        if level >= SILENT_LEVEL {
            return false;
        }
        let first = self.window.is_none();
        let window = self.window.get_or_insert(Loudness { loudest: level, active: Duration::ZERO });
        window.loudest = window.loudest.min(level);
        window.active = (window.active + self.packet).min(WINDOW);
        first
    }

    /// What was gathered, if anything was louder than silence; the next window begins.
    pub fn take(&mut self) -> Option<Loudness> {
        self.window.take()
    }

    /// How long packets last shows in the timestamps of two in a row, unless the sender paused between them.
    fn measure(&mut self, ticks: u32, clock_rate: u32) {
        let micros = u64::from(ticks) * 1_000_000 / u64::from(clock_rate.max(1));
        let packet = Duration::from_micros(micros);
        if !packet.is_zero() && packet <= MAX_PACKET {
            self.packet = packet;
        }
    }
}

impl Default for LevelMeter {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CLOCK: u32 = 48_000;

    fn loudness(loudest: u8, millis: u64) -> Option<Loudness> {
        Some(Loudness { loudest, active: Duration::from_millis(millis) })
    }

    #[test]
    fn the_loudest_and_the_time_above_silence_are_told() {
        let mut meter = LevelMeter::new();
        let levels = [127, 50, 30, 60, 40, 127];
        let first: Vec<bool> =
            (1u32..).zip(levels).map(|(n, level)| meter.on_packet(u64::from(n), n * 960, CLOCK, level)).collect();
        assert_eq!(first, [false, true, false, false, false, false]);
        assert_eq!(meter.take(), loudness(30, 60));
        assert_eq!(meter.take(), None, "nothing since");
    }

    #[test]
    fn timestamps_say_how_long_a_packet_lasts_but_pauses_do_not() {
        let mut meter = LevelMeter::new();
        meter.on_packet(1, 0, CLOCK, 10);
        meter.on_packet(2, 2880, CLOCK, 10);
        assert_eq!(meter.take(), loudness(10, 20 + 60));
        meter.on_packet(3, 2880 + 48_000, CLOCK, 10);
        assert_eq!(meter.take(), loudness(10, 60), "a pause of a second");
        meter.on_packet(9, 2880 + 49_000, CLOCK, 10);
        assert_eq!(meter.take(), loudness(10, 60), "a gap of unknown content");
        meter.on_packet(8, 12, CLOCK, 10);
        assert_eq!(meter.take(), loudness(10, 60), "late ones count and measure nothing");
    }

    proptest! {
        #[test]
        fn no_input_makes_it_fail(packets in prop::collection::vec((0u64..1 << 48, any::<u32>(), any::<u32>(), 0u8..128), 0..50)) {
            let mut meter = LevelMeter::new();
            for (sequence, timestamp, clock_rate, level) in packets {
                meter.on_packet(sequence, timestamp, clock_rate, level);
            }
            prop_assert!(meter.take().is_none_or(|it| it.loudest < SILENT_LEVEL && it.active <= WINDOW));
        }
    }
}
