//! A client's way to its server: a UDP socket, or a TLS connection with messages in it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

use crate::sys;

use super::outlet::Outlet;
use super::tls::Stream;

/// How a client reaches its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// Datagrams.
    Udp,
    /// TURN over TLS over TCP (RFC 8656 section 3.1).
    Tls,
}

/// One client's way to its server.
pub enum Link {
    /// A connected socket.
    Udp(Outlet),
    /// A connection.
    Tls(Box<Stream>),
}

impl Link {
    /// The link of client `index`; over UDP each comes from an address of its own, as clients do.
    pub fn open(carrier: Carrier, index: usize, server: SocketAddr, offload: bool) -> io::Result<Self> {
        match carrier {
            Carrier::Udp => {
                let socket = UdpSocket::bind((client_address(index), 0))?;
                socket.connect(server)?;
                Outlet::new(socket, offload).map(Self::Udp)
            }
            Carrier::Tls => Stream::connect(server).map(|stream| Self::Tls(Box::new(stream))),
        }
    }

    /// Send messages back to back.
    pub fn send(&mut self, messages: &[Vec<u8>]) -> io::Result<()> {
        match self {
            Self::Udp(outlet) => {
                for message in messages {
                    outlet.push(&[], message, None)?;
                }
                outlet.flush()
            }
            Self::Tls(stream) => stream.send(messages),
        }
    }

    /// Hand over every message that has come.
    pub fn receive(&mut self, inbox: &mut sys::Receiver, take: impl FnMut(&mut [u8])) -> io::Result<()> {
        match self {
            Self::Udp(outlet) => {
                inbox.drain(&outlet.socket, take);
                Ok(())
            }
            Self::Tls(stream) => stream.receive(take),
        }
    }
}

impl AsRawFd for Link {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Udp(outlet) => outlet.as_raw_fd(),
            Self::Tls(stream) => stream.as_raw_fd(),
        }
    }
}

/// An address of the loopback's that is this client's: servers limit what one address may ask.
fn client_address(index: usize) -> IpAddr {
    let [_, high, middle, low] = (index as u32).wrapping_add(0x0001_0001).to_be_bytes();
    Ipv4Addr::new(127, high, middle, low).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn clients_have_addresses_of_their_own_on_the_loopback() {
        let addresses: HashSet<IpAddr> = (0..100_000).map(client_address).collect();
        assert_eq!(addresses.len(), 100_000);
        assert!(addresses.iter().all(IpAddr::is_loopback));
    }
}
