//! Binding every listen address once per worker, all on their own ports or all on one.

use std::io;
use std::net::SocketAddr;

use super::stream::doors::Door;
use super::sys::{tcp, BindOptions, UdpSocket};

/// Ports tried until one is free on every address that asked for "any", by every protocol.
const MAX_PORT_TRIES: usize = 16;

/// Socket buffer sizes in bytes, as far as the system grants them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferSizes {
    /// Receive buffer.
    pub receive: usize,
    /// Send buffer.
    pub send: usize,
}

/// Where to listen.
#[derive(Clone, Copy, Debug)]
pub struct Addresses<'a> {
    /// By UDP. Those with port 0 all get the same port, the system's choice.
    pub media: &'a [SocketAddr],
    /// By TCP as well, at the same addresses and ports.
    pub tcp: bool,
    /// By TLS.
    pub tls: &'a [SocketAddr],
}

/// What one worker listens with.
#[derive(Debug, Default)]
pub struct Bound {
    /// One per address for media, in the order given.
    pub sockets: Vec<UdpSocket>,
    /// By TCP, if asked for, then one per TLS address in the order given.
    pub doors: Vec<Door>,
}

impl Bound {
    /// Where it listens by TLS.
    pub fn tls_addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        let by_tls = self.doors.iter().filter(|door| door.tls);
        by_tls.filter_map(|door| door.listener.local_addr().ok())
    }
}

/// For each worker what it listens with. An address somebody else uses is an error, also if that somebody is willing to
/// share it.
pub fn bind_all(addresses: Addresses<'_>, workers: u16, buffers: BufferSizes) -> io::Result<Vec<Bound>> {
    let mut tries_left = MAX_PORT_TRIES;
    loop {
        tries_left -= 1;
        match try_bind(addresses, workers, buffers) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries_left > 0 && needs_same_port(addresses) => {}
            result => return result,
        }
    }
}

/// The system's choice for one address or protocol may be taken on another.
fn needs_same_port(Addresses { media, tcp, .. }: Addresses<'_>) -> bool {
    media.iter().filter(|address| address.port() == 0).count() > usize::from(!tcp)
}

fn try_bind(addresses: Addresses<'_>, workers: u16, buffers: BufferSizes) -> io::Result<Vec<Bound>> {
    let options = |exclusive| BindOptions { exclusive, receive_buffer: buffers.receive, send_buffer: buffers.send };
    let mut all: Vec<Bound> = (0..workers).map(|_| Bound::default()).collect();
    let mut common_port = 0;
    for &(mut address) in addresses.media {
        let any_port = address.port() == 0;
        if any_port {
            address.set_port(common_port);
        }
        for (worker, bound) in all.iter_mut().enumerate() {
            let socket = UdpSocket::bind(address, options(worker == 0))?;
            address = socket.local();
            bound.sockets.push(socket);
        }
        if any_port {
            common_port = address.port();
        }
        if addresses.tcp {
            open_doors(&mut all, address, false)?;
        }
    }
    addresses.tls.iter().try_for_each(|&address| open_doors(&mut all, address, true))?;
    Ok(all)
}

fn open_doors(all: &mut [Bound], mut address: SocketAddr, tls: bool) -> io::Result<()> {
    for (worker, bound) in all.iter_mut().enumerate() {
        let listener = tcp::listen(address, worker == 0)?;
        address = listener.local_addr()?;
        bound.doors.push(Door { listener, tls });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const BUFFERS: BufferSizes = BufferSizes { receive: 1 << 16, send: 1 << 16 };

    fn listen(addresses: &[&str]) -> Vec<SocketAddr> {
        addresses.iter().map(|address| address.parse().unwrap()).collect()
    }

    #[test]
    fn every_worker_has_a_socket_per_address_and_all_share_one_port() {
        let media = listen(&["127.0.0.1:0", "[::1]:0", "127.0.0.2:0"]);
        let tls = listen(&["127.0.0.1:0", "[::1]:0"]);
        for tcp in [false, true] {
            let all = bind_all(Addresses { media: &media, tcp, tls: &tls }, 3, BUFFERS).unwrap();
            let mut ports = BTreeSet::new();
            for bound in &all {
                let sockets: Vec<SocketAddr> = bound.sockets.iter().map(UdpSocket::local).collect();
                let ips: Vec<String> = sockets.iter().map(|address| address.ip().to_string()).collect();
                assert_eq!(ips, ["127.0.0.1", "::1", "127.0.0.2"]);
                ports.extend(sockets.iter().map(SocketAddr::port));
                let plain = bound.doors.iter().filter(|door| !door.tls);
                let plain: Vec<SocketAddr> = plain.map(|door| door.listener.local_addr().unwrap()).collect();
                assert_eq!(plain, if tcp { sockets } else { vec![] });
                assert!(bound.tls_addresses().eq(all[0].tls_addresses()) && bound.tls_addresses().count() == 2);
            }
            assert_eq!(ports.len(), 1);
            assert!(!ports.contains(&0));
        }
    }

    #[test]
    fn an_address_in_use_is_refused_even_if_its_user_would_share() {
        let any = listen(&["127.0.0.1:0"]);
        let all = bind_all(Addresses { media: &any, tcp: true, tls: &any }, 1, BUFFERS).unwrap();
        let media = [all[0].sockets[0].local()];
        let tls = [all[0].doors[1].listener.local_addr().unwrap()];
        for taken in [
            Addresses { media: &media, tcp: false, tls: &[] },
            Addresses { media: &any, tcp: true, tls: &tls },
            Addresses { media: &tls, tcp: true, tls: &[] },
        ] {
            let error = bind_all(taken, 1, BUFFERS).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        }
    }

    #[test]
    fn an_address_that_is_not_ours_is_refused() {
        let media = listen(&["192.0.2.1:0"]);
        let error = bind_all(Addresses { media: &media, tcp: false, tls: &[] }, 1, BUFFERS).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
    }
}
