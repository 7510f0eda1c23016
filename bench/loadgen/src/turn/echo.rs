//! The peer: everything that comes goes back where it came from.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

use crate::sys;

use super::outlet::Outlet;

/// One socket on the loopback.
pub struct Peer {
    outlet: Outlet,
    inbox: sys::Receiver,
    /// Packets that have come.
    pub received: u64,
}

impl Peer {
    /// A peer on a free port; with offload, what it sends to one address travels as one.
    pub fn new(offload: bool) -> io::Result<Self> {
        let outlet = Outlet::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?, offload)?;
        Ok(Self { outlet, inbox: sys::Receiver::default(), received: 0 })
    }

    /// What clients call it.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.outlet.socket.local_addr()
    }

    /// Send back all that has come.
    pub fn echo(&mut self) -> io::Result<()> {
        loop {
            let count = self.inbox.receive(&self.outlet.socket);
            for index in 0..count {
                let source = self.inbox.source(index);
                for datagram in self.inbox.datagrams(index) {
                    self.outlet.push(&[], datagram, Some(source))?;
                    self.received += 1;
                }
            }
            self.outlet.flush()?;
            if count == 0 {
                return Ok(());
            }
        }
    }
}

impl AsRawFd for Peer {
    fn as_raw_fd(&self) -> RawFd {
        self.outlet.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn everything_comes_back_to_whoever_sent_it() -> io::Result<()> {
        let mut peer = Peer::new(true)?;
        let senders = [UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?];
        for (sender, data) in senders.iter().zip([b"one", b"two"]) {
            sender.send_to(data, peer.address()?)?;
        }
        peer.echo()?;
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
