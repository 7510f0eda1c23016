//! Binding every listen address once per worker, all on their own ports or all on one.

use std::io;
use std::net::SocketAddr;

use super::sys::{BindOptions, UdpSocket};

/// Ports tried until one is free on every address that asked for "any".
const MAX_PORT_TRIES: usize = 16;

/// Socket buffer sizes in bytes, as far as the system grants them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferSizes {
    /// Receive buffer.
    pub receive: usize,
    /// Send buffer.
    pub send: usize,
}

/// For each worker its sockets, one per listen address in the order given. Addresses with port 0 all get the same port,
/// the system's choice. An address somebody else uses is an error, also if that somebody is willing to share it.
pub fn bind_all(listen: &[SocketAddr], workers: u16, buffers: BufferSizes) -> io::Result<Vec<Vec<UdpSocket>>> {
    let mut tries_left = MAX_PORT_TRIES;
    loop {
        tries_left -= 1;
        match try_bind(listen, workers, buffers) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries_left > 0 && needs_same_port(listen) => {}
            result => return result,
        }
    }
}

/// The system's choice for one address may be taken on another.
fn needs_same_port(listen: &[SocketAddr]) -> bool {
    listen.iter().filter(|address| address.port() == 0).count() > 1
}

fn try_bind(listen: &[SocketAddr], workers: u16, buffers: BufferSizes) -> io::Result<Vec<Vec<UdpSocket>>> {
    let options = |exclusive| BindOptions { exclusive, receive_buffer: buffers.receive, send_buffer: buffers.send };
    let mut sets: Vec<Vec<UdpSocket>> = (0..workers).map(|_| Vec::with_capacity(listen.len())).collect();
    let mut common_port = 0;
    for &(mut address) in listen {
        let any_port = address.port() == 0;
        if any_port {
            address.set_port(common_port);
        }
        for (worker, set) in sets.iter_mut().enumerate() {
            let socket = UdpSocket::bind(address, options(worker == 0))?;
            address = socket.local();
            set.push(socket);
        }
        if any_port {
            common_port = address.port();
        }
    }
    Ok(sets)
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
        let sets = bind_all(&listen(&["127.0.0.1:0", "[::1]:0", "127.0.0.2:0"]), 3, BUFFERS).unwrap();
        let ports: BTreeSet<u16> = sets.iter().flatten().map(|socket| socket.local().port()).collect();
        assert_eq!(ports.len(), 1);
        assert!(!ports.contains(&0));
        for set in &sets {
            let ips: Vec<String> = set.iter().map(|socket| socket.local().ip().to_string()).collect();
            assert_eq!(ips, ["127.0.0.1", "::1", "127.0.0.2"]);
        }
    }

    #[test]
    fn an_address_in_use_is_refused_even_if_its_user_would_share() {
        let sets = bind_all(&listen(&["127.0.0.1:0"]), 1, BUFFERS).unwrap();
        let taken = sets[0][0].local();
        let error = bind_all(&[taken], 1, BUFFERS).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn an_address_that_is_not_ours_is_refused() {
        let error = bind_all(&listen(&["192.0.2.1:0"]), 1, BUFFERS).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
    }
}
