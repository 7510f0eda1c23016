//! One relayed transport address that is bound in the kernel.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use super::counters::ShellCounters;
use super::sys::{BindOptions, Message, ReceiveBatch, SendScratch, UdpSocket, Undelivered};

/// Room for what comes while its worker is busy: a tenth of a second of 20 Mbit/s.
const OPTIONS: BindOptions = BindOptions { exclusive: true, receive_buffer: 1 << 19, send_buffer: 1 << 19 };

/// ICMP messages taken from the error queue at a time; the socket stays ready while there are more.
const MAX_UNDELIVERED: usize = 16;

/// Times a send is tried again that failed: every ICMP message that comes makes one call fail, which has nothing to do
/// with the datagrams of that call (ip(7), IP_RECVERR).
const MAX_RETRIES: u32 = 3;

/// A UDP socket between a relayed transport address and the peers (RFC 8656, 3).
#[derive(Debug)]
pub struct RelaySocket {
    socket: UdpSocket,
    /// Datagrams its receive buffer had no room for, as last told.
    overflow: AtomicU32,
    /// Held while it must not fragment, and while its error queue is read: what our own kernel finds too long is then
    /// told to nobody but who sent it.
    errors: Mutex<()>,
}

impl RelaySocket {
    /// Binds it to an address that nobody shares; port 0 is the system's choice.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind_relay(address, OPTIONS)?;
        Ok(Self { socket, overflow: AtomicU32::new(0), errors: Mutex::default() })
    }

    /// The address it is bound to, with the real port.
    pub fn local(&self) -> SocketAddr {
        self.socket.local()
    }

    /// Fills `batch` with what waits.
    pub fn receive(&self, batch: &mut ReceiveBatch, counters: &mut ShellCounters) {
        match self.socket.receive(batch) {
            Ok(_) => counters.receive_calls += 1,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => counters.receive_errors += 1,
        }
        let total = batch.take_overflow();
        if total != 0 {
            let before = self.overflow.swap(total, Ordering::Relaxed);
            counters.dropped_receive_buffer_full += u64::from(total.wrapping_sub(before));
        }
    }

    /// Sends what it can of `messages`, as [`UdpSocket::send`] does.
    pub fn send<'a>(
        &self,
        messages: impl IntoIterator<Item = Message<'a>> + Clone,
        scratch: &mut SendScratch,
    ) -> io::Result<usize> {
        let mut retries_left = MAX_RETRIES;
        loop {
            match self.socket.send(messages.clone(), scratch) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock && retries_left > 0 => retries_left -= 1,
                result => return result,
            }
        }
    }

    /// Sends one datagram that must not be fragmented. If it is too long for its way, `report` gets what a router would
    /// answer.
    pub fn send_whole(
        &self,
        message: Message<'_>,
        scratch: &mut SendScratch,
        report: impl FnMut(Undelivered),
    ) -> io::Result<usize> {
        let _guard = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        self.socket.set_dont_fragment(true)?;
        // An error of another datagram's that is pending would be taken for this one's.
        let sent = self.socket.take_error().and_then(|_| self.socket.send([message], scratch));
        let restored = self.socket.set_dont_fragment(false);
        if sent.as_ref().is_err_and(|error| error.raw_os_error() == Some(libc::EMSGSIZE)) {
            self.take_undelivered(Some(message.destination), report);
        }
        restored.and(sent)
    }

    /// Takes some of the ICMP messages that came about datagrams sent before.
    pub fn undelivered(&self, report: impl FnMut(Undelivered)) {
        let _guard = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        self.take_undelivered(None, report);
    }

    /// What our own kernel found is about the datagram to `just_sent`, for nobody else asks it to find that.
    fn take_undelivered(&self, just_sent: Option<SocketAddr>, mut report: impl FnMut(Undelivered)) {
        for _ in 0..MAX_UNDELIVERED {
            match self.socket.take_undelivered() {
                Ok(Some(found)) if !found.local => report(found),
                Ok(Some(found)) => {
                    if let Some(destination) = just_sent {
                        report(Undelivered { destination, ..found });
                    }
                }
                Ok(None) => {}
                Err(_) => break,
            }
        }
        // Where the queue had no room for the message, an error is pending all the same, and the socket would be ready
        // for ever.
        let _ = self.socket.take_error();
    }
}

impl AsFd for RelaySocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::sys::{Epoll, Readiness, Watch};
    use core::time::Duration;
    use std::net::UdpSocket as StdSocket;
    use std::time::Instant;

    const LOOPBACKS: [&str; 2] = ["127.0.0.1:0", "[::1]:0"];

    fn bind(address: &str) -> RelaySocket {
        RelaySocket::bind(address.parse().unwrap()).unwrap()
    }

    fn peer(address: &str) -> StdSocket {
        let socket = StdSocket::bind(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket
    }

    /// A port of the address's where nobody listens.
    fn nobody(address: &str) -> SocketAddr {
        peer(address).local_addr().unwrap()
    }

    fn message(bytes: &[u8], destination: SocketAddr) -> Message<'_> {
        Message { bytes, segment: None, source: None, destination }
    }

    fn send(socket: &RelaySocket, bytes: &[u8], destination: SocketAddr) -> io::Result<usize> {
        socket.send([message(bytes, destination)], &mut SendScratch::new())
    }

    /// What the socket is ready for, once it is for anything.
    fn readiness(socket: &RelaySocket) -> Readiness {
        let epoll = Epoll::new().unwrap();
        epoll.add(socket.as_fd(), 0, Watch::READ).unwrap();
        let (deadline, mut ready) = (Instant::now() + Duration::from_secs(5), Vec::new());
        while ready.is_empty() && Instant::now() < deadline {
            epoll.wait_now(&mut ready).unwrap();
        }
        ready[0].1
    }

    fn is_ready(socket: &RelaySocket) -> bool {
        let (epoll, mut ready) = (Epoll::new().unwrap(), Vec::new());
        epoll.add(socket.as_fd(), 0, Watch::READ).unwrap();
        epoll.wait_now(&mut ready).unwrap();
        !ready.is_empty()
    }

    #[test]
    fn an_address_is_not_shared() {
        let socket = bind("127.0.0.1:0");
        let error = RelaySocket::bind(socket.local()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let address = socket.local();
        drop(socket);
        assert_eq!(RelaySocket::bind(address).unwrap().local(), address);
    }

    #[test]
    fn a_burst_is_received_at_once_and_comes_apart_again() {
        for address in LOOPBACKS {
            let (from, to) = (bind(address), bind(address));
            let burst: Vec<u8> = (0..8u8).flat_map(|fill| [fill; 1200]).chain([9; 30]).collect();
            let joined = Message { segment: Some(1200), ..message(&burst, to.local()) };
            assert_eq!(from.send([joined], &mut SendScratch::new()).unwrap(), 1);
            send(&from, &[], to.local()).unwrap();
            assert!(readiness(&to).read);
            let (mut batch, mut counters) = (ReceiveBatch::joined(), ShellCounters::default());
            to.receive(&mut batch, &mut counters);
            let got: Vec<(Option<SocketAddr>, Vec<u8>)> = batch
                .iter_mut()
                .map(|(meta, datagram)| {
                    assert!(!meta.truncated);
                    (meta.source, datagram.to_vec())
                })
                .collect();
            let sent = (0..8u8).map(|fill| vec![fill; 1200]).chain([vec![9; 30], vec![]]);
            assert_eq!(got, sent.map(|bytes| (Some(from.local()), bytes)).collect::<Vec<_>>());
            assert_eq!(counters.receive_calls, 1);
        }
    }

    #[test]
    fn what_is_too_long_is_flagged() {
        let to = bind("127.0.0.1:0");
        peer("127.0.0.1:0").send_to(&[1; 2049], to.local()).unwrap();
        readiness(&to);
        let mut batch = ReceiveBatch::joined();
        to.receive(&mut batch, &mut ShellCounters::default());
        assert!(batch.iter_mut().all(|(meta, datagram)| meta.truncated && datagram.len() == 2049));
    }

    #[test]
    fn an_icmp_error_is_reported_once_and_costs_no_other_datagram() {
        for (address, icmp_type, code) in [("127.0.0.1:0", 3, 3), ("[::1]:0", 1, 4)] {
            let (socket, gone, peer) = (bind(address), nobody(address), peer(address));
            send(&socket, b"lost", gone).unwrap();
            assert!(readiness(&socket).broken);
            send(&socket, b"kept", peer.local_addr().unwrap()).unwrap();
            let mut buffer = [0; 8];
            assert_eq!(peer.recv(&mut buffer).unwrap(), 4);
            let mut undelivered = Vec::new();
            socket.undelivered(|report| undelivered.push(report));
            assert_eq!(undelivered, [Undelivered { destination: gone, icmp_type, code, mtu: 0, local: false }]);
            assert!(!is_ready(&socket));
        }
    }

    #[test]
    fn more_errors_than_the_queue_holds_leave_nothing_pending() {
        let (socket, gone) = (bind("127.0.0.1:0"), nobody("127.0.0.1:0"));
        // Loopback tells at once, and the kernel limits how many of these it sends.
        for _ in 0..2000 {
            let _ = send(&socket, &[1; 1000], gone);
        }
        let (mut undelivered, mut looks) = (Vec::new(), 0);
        while is_ready(&socket) {
            socket.undelivered(|report| undelivered.push(report));
            looks += 1;
            assert!(looks <= 2000 / MAX_UNDELIVERED + 1, "it stays ready");
        }

        assert!(!undelivered.is_empty());
    }
}
