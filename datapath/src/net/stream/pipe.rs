//! Two connections made one: what comes from either goes to the other, no faster than that takes it.

use core::time::Duration;
use std::io;

use super::census::Seat;
use super::line::Line;
use crate::net::sys::{Epoll, Readiness};
use crate::time::Instant;

/// With this many bytes waiting for one end, nothing more is read from the other.
const FULL: usize = 64 * 1024;

/// Which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Whoever connected to us.
    Client,
    /// Whom it talks to.
    Other,
}

/// Both ends of it.
#[derive(Debug)]
pub struct Pipe {
    ends: [End; 2],
    moved: Instant,
    _seat: Seat,
}

#[derive(Debug)]
struct End {
    line: Line,
    token: u64,
    /// Nothing comes from it or goes to it any more.
    broken: bool,
}

impl Pipe {
    /// `first` are bytes of the client that came already. Each end has the token it is watched under.
    pub fn new(now: Instant, client: (Line, u64), other: (Line, u64), first: &[u8], seat: Seat) -> Self {
        let end = |(line, token)| End { line, token, broken: false };
        let mut pipe = Self { ends: [end(client), end(other)], moved: now, _seat: seat };
        pipe.pass_on(now, Side::Client, first);
        pipe
    }

    /// Lets `epoll` watch both ends for what the pipe has use for.
    ///
    /// # Errors
    /// The system has no memory for it.
    pub fn watch(&mut self, epoll: &Epoll) -> io::Result<()> {
        for side in [Side::Client, Side::Other] {
            let read = self.has_room_from(side);
            let end = self.end(side);
            if end.broken {
                end.line.unwatch(epoll);
            } else {
                end.line.watch(epoll, end.token, read)?;
            }
        }
        Ok(())
    }

    /// One end is ready: goes on writing to it, and reads from it once. `bytes` is room for what that gives.
    pub fn handle_ready(
        &mut self,
        now: Instant,
        side: Side,
        ready: Readiness,
        scratch: &mut [u8],
        bytes: &mut Vec<u8>,
    ) {
        let backlog = self.end(side).line.backlog();
        if ready.write && self.end(side).line.flush(now).is_err() {
            self.give_up(now, side);
        }
        if self.end(side).line.backlog() < backlog {
            self.moved = now;
        }
        if ready.read && self.has_room_from(side) {
            bytes.clear();
            // What came before it broke counts.
            let read = self.end(side).line.read(now, scratch, bytes);
            self.pass_on(now, side, bytes);
            if read.is_err() {
                self.give_up(now, side);
            }
        }
    }

    /// Nothing will move any more. A client that still sends when nobody is there to hear it is let finish: closing
    /// its connection with bytes unread would take from it what it was sent last (RFC 9112, 9.6).
    pub fn is_over(&self) -> bool {
        let [client, other] = &self.ends;
        let out = client.has_ended() && (other.broken || other.line.is_finished());
        let back = client.broken || (other.has_ended() && client.line.is_finished());
        out && back
    }

    /// An end takes nothing of what waits for it, or has heard that no more comes and says nothing itself, for this
    /// long. A pipe that is open both ways may be silent.
    pub fn is_overdue(&self, now: Instant, patience: Duration) -> bool {
        let late = |since| now.since(since) >= patience;
        self.ends.iter().any(|end| end.line.blocked_since().is_some_and(late) || (end.has_ended() && late(self.moved)))
    }

    /// Nothing that waits for an end will leave any more.
    pub fn forget_unsent(&self) {
        self.ends.iter().for_each(|end| end.line.forget_unsent());
    }

    fn pass_on(&mut self, now: Instant, from: Side, bytes: &[u8]) {
        let ended = self.end(from).has_ended();
        let to = self.end(from.opposite());
        if to.broken {
            return;
        }
        let mut sent = Ok(());
        if !bytes.is_empty() {
            sent = to.line.write(now, bytes);
        }
        if ended {
            sent = sent.and_then(|()| to.line.finish(now));
        }
        if !bytes.is_empty() {
            self.moved = now;
        }
        if sent.is_err() {
            self.give_up(now, from.opposite());
        }
    }

    /// The end is lost. The other still gets what it was sent.
    fn give_up(&mut self, now: Instant, side: Side) {
        if !core::mem::replace(&mut self.end(side).broken, true) {
            self.pass_on(now, side, &[]);
        }
    }

    fn has_room_from(&self, side: Side) -> bool {
        let (from, to) = (&self.ends[side as usize], &self.ends[side.opposite() as usize]);
        !from.has_ended() && (to.broken || to.line.backlog() < FULL)
    }

    fn end(&mut self, side: Side) -> &mut End {
        &mut self.ends[side as usize]
    }
}

impl End {
    fn has_ended(&self) -> bool {
        self.broken || self.line.has_ended()
    }
}

impl Side {
    const fn opposite(self) -> Self {
        match self {
            Self::Client => Self::Other,
            Self::Other => Self::Client,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::stream::census::Census;
    use crate::net::stream::line::Socket;
    use std::io::{ErrorKind, Read, Write};
    use std::os::unix::net::UnixStream;

    const NOW: Instant = Instant::from_micros(1_000_000);
    const PATIENCE: Duration = Duration::from_secs(60);

    /// A pipe, and what is at its ends.
    struct Rig {
        pipe: Pipe,
        epoll: Epoll,
        client: UnixStream,
        other: UnixStream,
    }

    impl Rig {
        fn new(first: &[u8]) -> Self {
            let pair = || {
                let (ours, theirs) = UnixStream::pair().unwrap();
                ours.set_nonblocking(true).unwrap();
                theirs.set_nonblocking(true).unwrap();
                (Line::new(Socket::Local(ours), None), theirs)
            };
            let ((near, client), (far, other)) = (pair(), pair());
            let seat = Census::new(1, 1).admit(None).unwrap();
            let mut pipe = Pipe::new(NOW, (near, 0), (far, 1), first, seat);
            let epoll = Epoll::new().unwrap();
            pipe.watch(&epoll).unwrap();
            Self { pipe, epoll, client, other }
        }

        /// Until nothing is ready.
        fn settle(&mut self) {
            for _ in 0..10_000 {
                let mut ready = Vec::new();
                self.epoll.wait_now(&mut ready).unwrap();
                if ready.is_empty() {
                    return;
                }
                for (token, ready) in ready {
                    let side = if token == 0 { Side::Client } else { Side::Other };
                    self.pipe.handle_ready(NOW, side, ready, &mut [0; 4096], &mut Vec::new());
                }
                self.pipe.watch(&self.epoll).unwrap();
            }
            panic!("an end is always ready: {:?}", self.pipe);
        }
    }

    /// Everything there is to read, and whether that is the end.
    fn read_all(stream: &mut UnixStream) -> (Vec<u8>, bool) {
        let mut bytes = Vec::new();
        match stream.read_to_end(&mut bytes) {
            Ok(_) => (bytes, true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => (bytes, false),
            Err(error) => panic!("{error}"),
        }
    }

    /// As much as fits.
    fn fill(stream: &mut UnixStream) -> usize {
        let mut sum = 0;
        while let Ok(len) = stream.write(&[7; 4096]) {
            sum += len;
        }
        sum
    }

    #[test]
    fn bytes_go_both_ways_and_each_way_ends_for_itself() {
        let mut rig = Rig::new(b"hel");
        rig.client.write_all(b"lo").unwrap();
        rig.other.write_all(b"welcome").unwrap();
        rig.client.shutdown(std::net::Shutdown::Write).unwrap();
        rig.settle();
        assert_eq!(read_all(&mut rig.other), (b"hello".to_vec(), true));
        assert_eq!(read_all(&mut rig.client), (b"welcome".to_vec(), false));
        assert!(!rig.pipe.is_over());
        rig.other.write_all(b"goodbye").unwrap();
        rig.other.shutdown(std::net::Shutdown::Write).unwrap();
        rig.settle();
        assert_eq!(read_all(&mut rig.client), (b"goodbye".to_vec(), true));
        assert!(rig.pipe.is_over());
    }

    #[test]
    fn who_does_not_read_stops_the_other_and_nothing_is_lost() {
        let mut rig = Rig::new(b"");
        let mut sent = 0;
        loop {
            let more = fill(&mut rig.client);
            sent += more;
            rig.settle();
            if more == 0 {
                break;
            }
        }
        assert!(rig.pipe.end(Side::Other).line.backlog() <= FULL + 4096);
        assert!(!rig.pipe.is_overdue(NOW, PATIENCE) && rig.pipe.is_overdue(NOW + PATIENCE, PATIENCE));
        rig.other.write_all(b"the other way is free").unwrap();
        rig.settle();
        assert_eq!(read_all(&mut rig.client).0, b"the other way is free");
        let mut received = 0;
        while received < sent {
            received += read_all(&mut rig.other).0.len();
            rig.settle();
        }
        assert_eq!(received, sent);
        rig.client.write_all(b"on").unwrap();
        rig.settle();
        assert_eq!(read_all(&mut rig.other).0, b"on");
    }

    #[test]
    fn what_was_said_before_the_other_end_was_lost_still_arrives() {
        for client_writes in [false, true] {
            let mut rig = Rig::new(b"");
            rig.other.write_all(b"last words").unwrap();
            let (other, _) = UnixStream::pair().unwrap();
            drop(core::mem::replace(&mut rig.other, other));
            rig.settle();
            if client_writes {
                fill(&mut rig.client);
                rig.settle();
            }
            assert_eq!(read_all(&mut rig.client), (b"last words".to_vec(), true));
            assert!(!rig.pipe.is_over() && rig.pipe.is_overdue(NOW + PATIENCE, PATIENCE));
            rig.client.shutdown(std::net::Shutdown::Write).unwrap();
            rig.settle();
            assert!(rig.pipe.is_over());
        }
    }

    #[test]
    fn a_client_that_is_lost_ends_both() {
        let mut rig = Rig::new(b"");
        let (client, _) = UnixStream::pair().unwrap();
        drop(core::mem::replace(&mut rig.client, client));
        rig.other.write_all(b"anybody?").unwrap();
        rig.settle();
        assert_eq!(read_all(&mut rig.other), (vec![], true));
        assert!(rig.pipe.is_over());
    }
}
