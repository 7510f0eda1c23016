//! A load that comes in bursts, evenly over many senders, for one turn after the other.

use std::io;

use crate::sys;

/// Longest time between two looks at the sockets.
const BREATH_NS: u64 = 1_000_000;
/// How long nothing may come before what is missing counts as lost.
const GRACE_NS: u64 = 500_000_000;

/// Longest turn, in seconds: a session without a check for 30 s has ended (RFC 7675).
const MAX_TURN: f64 = 20.0;

/// What each of many senders sends.
#[derive(Clone, Copy)]
pub struct Load {
    /// Packets per second of one sender.
    pub rate: u64,
    /// Packets sent back to back, as encoders send the packets of a frame; 1: evenly.
    pub burst: u64,
    /// Bytes of a packet.
    pub size: usize,
    /// Whether a burst travels as one.
    pub offload: bool,
    /// Seconds of one turn.
    pub turn: f64,
    /// Measured turns; one more goes before, to warm up.
    pub rounds: usize,
}

/// Where the bursts go and what becomes of them.
pub trait Traffic {
    /// Send one burst; `number` counts all senders' bursts of all turns.
    fn send(&mut self, number: u64);
    /// Read what has come for the socket known as `index`.
    fn receive(&mut self, index: usize);
    /// Whether everything that was sent has arrived.
    fn is_complete(&self) -> bool;
}

impl Load {
    /// Whether all values are in a range that makes sense.
    pub fn is_sane(&self) -> bool {
        (1..=100_000).contains(&self.rate)
            && (1..=32).contains(&self.burst)
            && (100..=1400).contains(&self.size)
            && (0.01..=MAX_TURN).contains(&self.turn)
            && (1..=100).contains(&self.rounds)
    }

    /// One turn of `senders` senders that take turns burst by burst, beginning at burst `first`; the next turn's first.
    ///
    /// It ends when everything has arrived, or nothing more comes. As in [`sys::Poll::look`] nobody waits
    /// on a socket, so that the server does not pay for waking us.
    pub fn run(&self, senders: usize, first: u64, poll: &mut sys::Poll, traffic: &mut impl Traffic) -> io::Result<u64> {
        let bursts_per_second = senders as f64 * self.rate as f64 / self.burst as f64;
        let count = (self.turn * bursts_per_second).ceil() as u64;
        let start_ns = sys::monotonic_ns();
        let due_ns = |sent: u64| start_ns + (sent as f64 / bursts_per_second * 1e9) as u64;
        let (mut sent, mut ready, mut end_ns) = (0, Vec::new(), u64::MAX);
        loop {
            let now_ns = sys::monotonic_ns();
            while sent < count && due_ns(sent) <= now_ns {
                traffic.send(first + sent);
                sent += 1;
                end_ns = now_ns + GRACE_NS;
            }
            if sent == count && (traffic.is_complete() || now_ns >= end_ns) {
                return Ok(first + count);
            }
            let next_ns = if sent < count { due_ns(sent) } else { u64::MAX };
            sys::sleep_until_ns(next_ns.min(now_ns + BREATH_NS));
            poll.glance(&mut ready);
            for &index in &ready {
                traffic.receive(index);
                end_ns = now_ns + GRACE_NS;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Recorder {
        sent: Vec<(u64, u64)>,
    }

    impl Traffic for Recorder {
        fn send(&mut self, number: u64) {
            self.sent.push((number, sys::monotonic_ns()));
        }

        fn receive(&mut self, _index: usize) {}

        fn is_complete(&self) -> bool {
            true
        }
    }

    #[test]
    fn bursts_are_counted_on_and_never_come_early() {
        let load = Load { rate: 400, burst: 8, size: 1200, offload: false, turn: 0.05, rounds: 1 };
        let (mut traffic, start_ns) = (Recorder::default(), sys::monotonic_ns());
        let poll = sys::Poll::new(1).and_then(|mut poll| load.run(4, 100, &mut poll, &mut traffic));
        assert_eq!(poll.ok(), Some(110), "4 senders, 50 bursts per second each, for 50 ms");
        assert_eq!(traffic.sent.iter().map(|(number, _)| *number).collect::<Vec<_>>(), (100..110).collect::<Vec<_>>());
        for (number, at_ns) in traffic.sent {
            assert!(at_ns >= start_ns + (number - 100) * 5_000_000, "burst {number}");
        }
    }
}
