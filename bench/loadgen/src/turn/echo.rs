//! The peer: everything that comes goes back where it came from.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

use crate::sys;

/// Bytes of the peer's socket buffer: it answers for all clients.
const RECEIVE_BUFFER: i32 = 16 << 20;

/// One socket on the loopback.
pub struct Peer {
    socket: UdpSocket,
    inbox: sys::Receiver,
    /// Packets that have come.
    pub received: u64,
}

impl Peer {
    /// A peer on a free port.
    pub fn new() -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        sys::set_receive_buffer(&socket, RECEIVE_BUFFER);
        Ok(Self { socket, inbox: sys::Receiver::default(), received: 0 })
    }

    /// What clients call it.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Send back all that has come.
    pub fn echo(&mut self) {
        loop {
            let count = self.inbox.receive(&self.socket);
            if count == 0 {
                return;
            }
            self.received += count as u64;
            sys::send_batch(&self.socket, &self.inbox.answers(count));
        }
    }
}

impl AsRawFd for Peer {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn everything_comes_back_to_whoever_sent_it() -> io::Result<()> {
        let mut peer = Peer::new()?;
        let senders = [UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?];
        for (sender, data) in senders.iter().zip([b"one", b"two"]) {
            sender.send_to(data, peer.address()?)?;
        }
        peer.echo();
        for (sender, data) in senders.iter().zip([b"one", b"two"]) {
            let mut buffer = [0; 16];
            sender.set_read_timeout(Some(Duration::from_secs(5)))?;
            let (length, from) = sender.recv_from(&mut buffer)?;
            assert_eq!((&buffer[..length], from), (&data[..], peer.address()?));
        }
        assert_eq!(peer.received, 2);
        Ok(())
    }
}
