//! One worker's sockets: receiving from those of the media port, and sending through any, also when the kernel refuses.

use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;

use super::counters::ShellCounters;
use super::outlet::Outlet;
use super::relay_sockets::RelaySockets;
use super::runs::{runs, Run};
use super::sys::{Interest, ReceiveBatch, SendScratch, UdpSocket, Undelivered, WaitSet};
use crate::batch::SendBatch;
use crate::ids::RelayId;

/// Waits for room in a full send buffer between two calls of [`SocketSet::renew_patience`]. Then datagrams are
/// dropped: late media is worth less than the packets that queue up behind it.
const MAX_WAITS: u32 = 3;

/// Length of one such wait.
const WAIT: Duration = Duration::from_millis(1);

/// The sockets of one worker.
pub struct SocketSet {
    sockets: Vec<UdpSocket>,
    relays: Arc<RelaySockets>,
    overflows: Vec<u32>,
    scratch: SendScratch,
    runs: Vec<Run>,
    undelivered: Vec<(RelayId, Undelivered)>,
    segmentation: Segmentation,
    waits_left: u32,
}

/// What we know about segmentation offload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Segmentation {
    Untried,
    Works,
    Refused,
}

impl SocketSet {
    /// A worker's own sockets, at most one per local address and port, and those of the allocations.
    pub fn new(sockets: Vec<UdpSocket>, relays: Arc<RelaySockets>) -> Self {
        let supported = sockets.iter().all(UdpSocket::supports_segmentation);
        Self {
            overflows: vec![0; sockets.len()],
            sockets,
            relays,
            scratch: SendScratch::new(),
            runs: Vec::new(),
            undelivered: Vec::new(),
            segmentation: if supported { Segmentation::Untried } else { Segmentation::Refused },
            waits_left: MAX_WAITS,
        }
    }

    /// The sockets, in the order of [`SocketSet::receive`]'s index.
    pub fn sockets(&self) -> &[UdpSocket] {
        &self.sockets
    }

    /// Fills `batch` from one socket and returns the address its datagrams were sent to where the kernel does not say.
    pub fn receive(
        &mut self,
        index: usize,
        batch: &mut ReceiveBatch,
        counters: &mut ShellCounters,
    ) -> Option<SocketAddr> {
        let socket = self.sockets.get(index)?;
        match socket.receive(batch) {
            Ok(_) => counters.receive_calls += 1,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => counters.receive_errors += 1,
        }
        let total = batch.take_overflow();
        if total != 0 {
            counters.dropped_receive_buffer_full += u64::from(total.wrapping_sub(self.overflows[index]));
            self.overflows[index] = total;
        }
        Some(socket.local())
    }

    /// Allows waiting for full send buffers again. Called once per turn of the worker's loop, so that a congested
    /// device can delay a turn by a few milliseconds only.
    pub fn renew_patience(&mut self) {
        self.waits_left = MAX_WAITS;
    }

    /// What sending has found undeliverable since this was last called, by allocation.
    pub fn take_undelivered(&mut self) -> Vec<(RelayId, Undelivered)> {
        core::mem::take(&mut self.undelivered)
    }

    /// Sends what of the batch goes by UDP, or counts what could not be sent.
    pub fn send(&mut self, batch: &SendBatch, counters: &mut ShellCounters) {
        let mut runs = core::mem::take(&mut self.runs);
        let by_udp = |run: &Run| run.path.carrier.stream().is_none();
        runs.extend(self::runs(batch, self.segmentation != Segmentation::Refused).filter(by_udp));
        let mut at = 0;
        while at < runs.len() {
            let Some((outlet, len)) = Outlet::of(&runs[at..], &self.sockets, &self.relays) else {
                counters.dropped_no_socket += runs[at].count as u64;
                at += 1;
                continue;
            };
            match outlet.send(batch.bytes(), &runs[at..at + len], &mut self.scratch, &mut self.undelivered) {
                Ok(sent) => {
                    counters.send_calls += 1;
                    self.segmentation = note_sent(&runs[at..at + sent], self.segmentation, counters);
                    at += sent;
                }
                Err(error) => match self.judge(&outlet, &error, runs[at].count > 1) {
                    Verdict::Wait => {
                        self.waits_left -= 1;
                        wait_for_room(&outlet, &error);
                    }
                    Verdict::Split { give_up } => {
                        counters.segmentation_refused += 1;
                        if give_up {
                            self.segmentation = Segmentation::Refused;
                        }
                        let plain: Vec<Run> = if give_up { runs.drain(at..).collect() } else { vec![runs.remove(at)] };
                        let plain = plain.into_iter().flat_map(Run::split);
                        runs.splice(at..at, plain);
                    }
                    Verdict::DropFull => {
                        counters.dropped_send_buffer_full += runs[at].count as u64;
                        at += 1;
                    }
                    Verdict::DropRefused => {
                        counters.dropped_send_refused += runs[at].count as u64;
                        at += 1;
                    }
                },
            }
        }
        runs.clear();
        self.runs = runs;
    }

    /// A client chooses whom and how much its allocation sends: neither may its full buffer hold up the others, nor a
    /// destination that takes no segments make us give them up.
    fn judge(&self, outlet: &Outlet<'_>, error: &io::Error, segmented: bool) -> Verdict {
        let (segmentation, waits_left) =
            if outlet.is_relay() { (Segmentation::Works, 0) } else { (self.segmentation, self.waits_left) };
        judge(error, segmented, segmentation, waits_left)
    }
}

fn note_sent(runs: &[Run], known: Segmentation, counters: &mut ShellCounters) -> Segmentation {
    let mut segmented = false;
    for run in runs {
        counters.datagrams_sent += run.count as u64;
        counters.bytes_sent += run.bytes.len() as u64;
        if run.count > 1 {
            counters.datagrams_segmented += run.count as u64;
            segmented = true;
        }
    }
    if segmented {
        Segmentation::Works
    } else {
        known
    }
}

/// A full device queue (ENOBUFS) does not say when it has room again, a full socket buffer does.
fn wait_for_room(outlet: &Outlet<'_>, error: &io::Error) {
    let mut set = WaitSet::default();
    if error.kind() == io::ErrorKind::WouldBlock {
        set.add(outlet.as_fd(), Interest::Writable);
    }
    // If waiting fails we have not waited, nothing more.
    let _ = set.wait(Some(WAIT));
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Try the same again after a short wait.
    Wait,
    /// Send the run's datagrams one by one; give up segmentation for good?
    Split { give_up: bool },
    /// No room, and no time left to wait for it.
    DropFull,
    /// This one cannot be sent.
    DropRefused,
}

/// What to do about an error of the first of several messages.
fn judge(error: &io::Error, segmented: bool, segmentation: Segmentation, waits_left: u32) -> Verdict {
    match error.raw_os_error().unwrap_or(0) {
        libc::EAGAIN | libc::ENOBUFS | libc::EINTR if waits_left > 0 => Verdict::Wait,
        libc::EAGAIN | libc::ENOBUFS | libc::EINTR => Verdict::DropFull,
        // The device cannot compute checksums.
        libc::EIO if segmented => Verdict::Split { give_up: true },
        // The kernel cannot segment at all, or not towards this destination, whose route may have a smaller MTU: where
        // it has worked before, that one does not spoil it for the others.
        libc::EINVAL | libc::EMSGSIZE | libc::EOPNOTSUPP if segmented => {
            Verdict::Split { give_up: segmentation != Segmentation::Works }
        }
        _ => Verdict::DropRefused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::sys::{BindOptions, MAX_MESSAGES};
    use crate::path::Path;
    use std::net::{IpAddr, UdpSocket as StdSocket};
    use std::time::Instant;

    const OPTIONS: BindOptions = BindOptions { exclusive: false, receive_buffer: 1 << 20, send_buffer: 1 << 20 };

    fn set(address: &str) -> SocketSet {
        set_of(UdpSocket::bind(address.parse().unwrap(), OPTIONS).unwrap())
    }

    fn set_of(socket: UdpSocket) -> SocketSet {
        SocketSet::new(vec![socket], Arc::new(RelaySockets::new(1).unwrap()))
    }

    fn peer(ip: &str) -> StdSocket {
        let socket = StdSocket::bind((ip.parse::<IpAddr>().unwrap(), 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket
    }

    fn read(peer: &StdSocket) -> (Vec<u8>, SocketAddr) {
        let mut buffer = [0; 65_536];
        let (len, from) = peer.recv_from(&mut buffer).unwrap();
        (buffer[..len].to_vec(), from)
    }

    /// What the set's only socket receives next.
    fn receive(
        set: &mut SocketSet,
        batch: &mut ReceiveBatch,
        counters: &mut ShellCounters,
    ) -> Vec<(Path, Vec<u8>, bool)> {
        let mut wait = WaitSet::default();
        let place = wait.add(set.sockets()[0].as_fd(), Interest::Readable);
        wait.wait(Some(Duration::from_secs(5))).unwrap();
        assert!(wait.is_ready(place), "nothing came");
        let bound = set.receive(0, batch, counters).unwrap();
        let path = |ip: Option<IpAddr>, remote: Option<SocketAddr>| {
            Path::udp((ip.unwrap_or(bound.ip()), bound.port()).into(), remote.unwrap())
        };
        batch
            .iter_mut()
            .map(|(meta, data)| (path(meta.destination, meta.source), data.to_vec(), meta.truncated))
            .collect()
    }

    #[test]
    fn replies_leave_from_the_address_the_datagram_came_to() {
        for (bind, to, client) in [
            ("0.0.0.0:0", "127.0.0.1", "127.0.0.1"),
            ("0.0.0.0:0", "127.0.0.2", "127.0.0.1"),
            ("[::]:0", "::1", "::1"),
            ("127.0.0.3:0", "127.0.0.3", "127.0.0.1"),
        ] {
            let mut set = set(bind);
            let client = peer(client);
            let target = SocketAddr::new(to.parse().unwrap(), set.sockets()[0].local().port());
            client.send_to(b"ping", target).unwrap();
            let mut counters = ShellCounters::default();
            let got = receive(&mut set, &mut ReceiveBatch::new(), &mut counters);
            let path = Path::udp(target, client.local_addr().unwrap());
            assert_eq!(got, [(path, b"ping".to_vec(), false)]);

            let mut batch = SendBatch::new();
            batch.push(path, b"pong");
            set.send(&batch, &mut counters);
            assert_eq!(read(&client), (b"pong".to_vec(), target));
        }
    }

    #[test]
    fn one_call_receives_many_in_order_and_flags_what_is_too_long() {
        let mut set = set("127.0.0.1:0");
        let client = peer("127.0.0.1");
        let target = set.sockets()[0].local();
        client.send_to(&[], target).unwrap();
        client.send_to(&[7; 60_000], target).unwrap();
        for i in 0..MAX_MESSAGES as u8 {
            client.send_to(&[i], target).unwrap();
        }
        let mut counters = ShellCounters::default();
        let mut batch = ReceiveBatch::new();
        let first = receive(&mut set, &mut batch, &mut counters);
        let rest = receive(&mut set, &mut batch, &mut counters);
        assert_eq!((first.len(), rest.len(), counters.receive_calls), (MAX_MESSAGES, 2, 2));
        assert_eq!((first[0].1.len(), first[0].2), (0, false));
        assert_eq!((first[1].1.len(), first[1].2), (super::super::sys::MAX_DATAGRAM, true));
        let values: Vec<u8> = first[2..].iter().chain(&rest).map(|(_, data, _)| data[0]).collect();
        assert_eq!(values, (0..MAX_MESSAGES as u8).collect::<Vec<_>>());
    }

    #[test]
    fn a_full_receive_buffer_is_counted() {
        let options = BindOptions { receive_buffer: 4096, ..OPTIONS };
        let mut set = set_of(UdpSocket::bind(([127, 0, 0, 1], 0).into(), options).unwrap());
        let client = peer("127.0.0.1");
        let target = set.sockets()[0].local();
        let mut counters = ShellCounters::default();
        let mut batch = ReceiveBatch::new();
        let (mut sent, mut got) = (0, 0);
        // The count comes with the next datagram that finds room.
        for _ in 0..2 {
            for _ in 0..50 {
                client.send_to(&[1; 1000], target).unwrap();
                sent += 1;
            }
            got += receive(&mut set, &mut batch, &mut counters).len();
        }
        let unreported = 50;
        let dropped = counters.dropped_receive_buffer_full as usize;
        assert!(dropped > 0 && dropped <= sent - got && dropped + unreported >= sent - got);
    }

    #[test]
    fn neighbours_leave_in_one_call_and_arrive_as_they_were() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let mut set = set(address);
            let local = set.sockets()[0].local();
            let (one, two) = (peer(&local.ip().to_string()), peer(&local.ip().to_string()));
            let to = |peer: &StdSocket| Path::udp(local, peer.local_addr().unwrap());
            let mut batch = SendBatch::new();
            for len in [1100, 1100, 1100, 90] {
                batch.push(to(&one), &vec![len as u8; len]);
            }
            batch.push(to(&two), b"other");
            let mut counters = ShellCounters::default();
            set.send(&batch, &mut counters);
            let lens: Vec<usize> = (0..4).map(|_| read(&one).0.len()).collect();
            assert_eq!(lens, [1100, 1100, 1100, 90]);
            assert_eq!(read(&two), (b"other".to_vec(), local));
            assert_eq!((counters.send_calls, counters.datagrams_sent, counters.bytes_sent), (1, 5, 3395));
            assert_eq!(counters.datagrams_segmented, 4);
        }
    }

    #[test]
    fn refused_segmentation_falls_back_to_plain_sends_and_is_remembered() {
        let mut set = set("127.0.0.1:0");
        set.sockets()[0].refuse_segmentation().unwrap();
        let local = set.sockets()[0].local();
        let client = peer("127.0.0.1");
        let path = Path::udp(local, client.local_addr().unwrap());
        let mut counters = ShellCounters::default();
        for _ in 0..2 {
            let mut batch = SendBatch::new();
            for fill in 0..5 {
                batch.push(path, &[fill; 500]);
            }
            set.send(&batch, &mut counters);
            let fills: Vec<u8> = (0..5).map(|_| read(&client).0[499]).collect();
            assert_eq!(fills, [0, 1, 2, 3, 4]);
        }
        assert_eq!((counters.segmentation_refused, counters.datagrams_sent), (1, 10));
        assert_eq!((counters.datagrams_segmented, counters.dropped_send_refused), (0, 0));
    }

    #[test]
    fn what_cannot_be_sent_is_dropped_alone() {
        let mut set = set("127.0.0.1:0");
        let local = set.sockets()[0].local();
        let client = peer("127.0.0.1");
        let good = Path::udp(local, client.local_addr().unwrap());
        // No such address of ours; another port than ours; a family our socket does not speak; port 0.
        let bad = [
            Path { local: ([192, 0, 2, 1], local.port()).into(), ..good },
            Path { local: ([127, 0, 0, 1], local.port() ^ 1).into(), ..good },
            Path { remote: "[::1]:9".parse().unwrap(), ..good },
            Path { remote: ([127, 0, 0, 1], 0).into(), ..good },
        ];
        let mut batch = SendBatch::new();
        for path in bad {
            batch.push(path, b"bad");
            batch.push(good, b"good");
        }
        let mut counters = ShellCounters::default();
        set.send(&batch, &mut counters);
        for _ in bad {
            assert_eq!(read(&client).0, b"good");
        }
        assert_eq!((counters.datagrams_sent, counters.dropped_send_refused), (4, 2));
        assert_eq!(counters.dropped_no_socket, 2);
    }

    #[test]
    fn more_runs_than_one_call_takes_all_leave() {
        let mut set = set("127.0.0.1:0");
        let local = set.sockets()[0].local();
        let clients: Vec<StdSocket> = (0..150).map(|_| peer("127.0.0.1")).collect();
        let mut batch = SendBatch::new();
        for client in &clients {
            batch.push(Path::udp(local, client.local_addr().unwrap()), b"x");
        }
        let mut counters = ShellCounters::default();
        set.send(&batch, &mut counters);
        assert!(clients.iter().all(|client| read(client).0 == b"x"));
        assert_eq!(counters.send_calls, 3);
    }

    #[test]
    fn errors_are_judged() {
        use Segmentation::{Untried, Works};
        let judge =
            |code, segmented, known, waits| super::judge(&io::Error::from_raw_os_error(code), segmented, known, waits);
        for code in [libc::EAGAIN, libc::ENOBUFS] {
            assert_eq!(judge(code, true, Works, 1), Verdict::Wait);
            assert_eq!(judge(code, true, Works, 0), Verdict::DropFull);
        }
        assert_eq!(judge(libc::EIO, true, Works, 3), Verdict::Split { give_up: true });
        assert_eq!(judge(libc::EINVAL, true, Untried, 3), Verdict::Split { give_up: true });
        assert_eq!(judge(libc::EINVAL, true, Works, 3), Verdict::Split { give_up: false });
        for code in [libc::EIO, libc::EINVAL, libc::EPERM, libc::ENETUNREACH] {
            assert_eq!(judge(code, false, Works, 3), Verdict::DropRefused);
        }
        assert_eq!(judge(libc::EPERM, true, Untried, 3), Verdict::DropRefused);
    }

    #[test]
    fn a_wait_is_as_long_as_asked_to_a_fraction_of_a_millisecond() {
        let start = Instant::now();
        WaitSet::default().wait(Some(Duration::from_micros(1500))).unwrap();
        assert!(start.elapsed() >= Duration::from_micros(1500));
    }
}
