//! The bound addresses of all allocations. Any worker sends through them; one worker, the allocation's home, reads them.
//!
//! The table alone owns the sockets, and the workers borrow them for one call at a time: one that is removed here is
//! closed at once.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::relay_socket::RelaySocket;
use super::sys::{Epoll, Readiness, Watch};
use crate::idmap::IdMap;
use crate::ids::{RelayId, WorkerId};
use crate::path::Path;

/// A relayed address and its socket.
#[derive(Debug)]
pub struct Endpoint {
    /// Whose.
    pub relay: RelayId,
    /// As the client knows it; behind a NAT the socket is bound to another.
    pub address: SocketAddr,
    /// Where its datagrams come and go.
    pub socket: RelaySocket,
}

/// By allocation and address family.
pub struct RelaySockets {
    table: RwLock<IdMap<u64, Arc<Endpoint>>>,
    /// What each worker reads.
    epolls: Vec<Epoll>,
}

impl RelaySockets {
    /// None yet, for this many workers.
    pub fn new(workers: u16) -> io::Result<Self> {
        let epolls = (0..workers.max(1)).map(|_| Epoll::new()).collect::<io::Result<_>>()?;
        Ok(Self { table: RwLock::default(), epolls })
    }

    /// Takes the sockets of a new allocation. Of several of a family the first counts, the others are closed.
    pub fn adopt(&self, relay: RelayId, sockets: Vec<(SocketAddr, RelaySocket)>) -> io::Result<()> {
        for (address, socket) in sockets {
            let token = token(relay, address.is_ipv6());
            let endpoint = Arc::new(Endpoint { relay, address, socket });
            if self.read().contains_key(&token) {
                continue;
            }
            self.write().insert(token, Arc::clone(&endpoint));
            if let Err(error) = self.home(relay).add(endpoint.socket.as_fd(), token, Watch::READ) {
                self.close(relay);
                return Err(error);
            }
        }
        Ok(())
    }

    /// The allocation ends; nothing happens if it has no sockets.
    pub fn close(&self, relay: RelayId) {
        for ipv6 in [false, true] {
            let removed = self.write().remove(&token(relay, ipv6));
            if let Some(endpoint) = removed {
                // Closing it would do, unless a process that is being started has a copy of the descriptor. It fails
                // only if the descriptor is not there.
                let _ = self.home(relay).remove(endpoint.socket.as_fd());
            }
        }
    }

    /// All of them end.
    pub fn clear(&self) {
        self.write().clear();
    }

    /// What a datagram on a path of the allocation's leaves through.
    pub fn find(&self, relay: RelayId, path: &Path) -> Option<Arc<Endpoint>> {
        self.read().get(&token(relay, path.remote.is_ipv6())).cloned()
    }

    /// Becomes readable when something waits for this worker.
    pub fn descriptor(&self, worker: WorkerId) -> BorrowedFd<'_> {
        self.epolls[usize::from(worker.0)].as_fd()
    }

    /// Replaces `out` by those of this worker's that are ready now; `tokens` is room for the work.
    pub fn ready(
        &self,
        worker: WorkerId,
        tokens: &mut Vec<(u64, Readiness)>,
        out: &mut Vec<(Arc<Endpoint>, Readiness)>,
    ) -> io::Result<()> {
        tokens.clear();
        out.clear();
        self.epolls[usize::from(worker.0)].wait_now(tokens)?;
        let table = self.read();
        // One that is not in the table has been closed since.
        out.extend(tokens.iter().filter_map(|(token, readiness)| Some((Arc::clone(table.get(token)?), *readiness))));
        Ok(())
    }

    fn home(&self, relay: RelayId) -> &Epoll {
        let workers = u16::try_from(self.epolls.len()).unwrap_or(1);
        &self.epolls[usize::from(relay.home(workers).0)]
    }

    fn read(&self) -> RwLockReadGuard<'_, IdMap<u64, Arc<Endpoint>>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, IdMap<u64, Arc<Endpoint>>> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn token(relay: RelayId, ipv6: bool) -> u64 {
    u64::from(relay.0) << 1 | u64::from(ipv6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::sys::{Interest, WaitSet};
    use core::time::Duration;
    use std::net::UdpSocket as StdSocket;

    fn bind(address: &str) -> (SocketAddr, RelaySocket) {
        let socket = RelaySocket::bind(address.parse().unwrap()).unwrap();
        (socket.local(), socket)
    }

    fn path(relay: RelayId, local: SocketAddr, remote: &str) -> Path {
        Path { local, remote: remote.parse().unwrap(), carrier: crate::path::Carrier::RelaySocket(relay) }
    }

    /// Relay and address of what is ready for a worker within a while.
    fn ready(sockets: &RelaySockets, worker: u16, patience: Duration) -> Vec<(RelayId, SocketAddr)> {
        let mut wait = WaitSet::default();
        wait.add(sockets.descriptor(WorkerId(worker)), Interest::Readable);
        wait.wait(Some(patience)).unwrap();
        let (mut tokens, mut out) = (Vec::new(), Vec::new());
        sockets.ready(WorkerId(worker), &mut tokens, &mut out).unwrap();
        out.iter().map(|(endpoint, _)| (endpoint.relay, endpoint.address)).collect()
    }

    #[test]
    fn an_allocation_sends_by_family_and_is_read_at_home() {
        let sockets = RelaySockets::new(2).unwrap();
        let (v4, v6) = (bind("127.0.0.1:0"), bind("[::1]:0"));
        let (v4_address, v6_address) = (v4.0, v6.0);
        let announced: SocketAddr = ([192, 0, 2, 1], 50_000).into();
        sockets.adopt(RelayId(3), vec![(announced, v4.1), v6]).unwrap();
        let found = |remote| {
            let found = sockets.find(RelayId(3), &path(RelayId(3), announced, remote)).unwrap();
            (found.address, found.socket.local())
        };
        assert_eq!(found("192.0.2.9:1"), (announced, v4_address));
        assert_eq!(found("[2001:db8::9]:1"), (v6_address, v6_address));
        StdSocket::bind("127.0.0.1:0").unwrap().send_to(b"x", v4_address).unwrap();
        assert_eq!(ready(&sockets, 1, Duration::from_secs(5)), [(RelayId(3), announced)]);
        assert_eq!(ready(&sockets, 0, Duration::ZERO), []);
    }

    #[test]
    fn what_is_closed_is_free_at_once_and_forgotten() {
        let sockets = RelaySockets::new(1).unwrap();
        let socket = bind("127.0.0.1:0");
        let address = socket.0;
        sockets.adopt(RelayId(1), vec![socket]).unwrap();
        StdSocket::bind("127.0.0.1:0").unwrap().send_to(b"x", address).unwrap();
        assert_eq!(ready(&sockets, 0, Duration::from_secs(5)).len(), 1);
        sockets.close(RelayId(1));
        sockets.close(RelayId(1));
        assert_eq!(ready(&sockets, 0, Duration::ZERO), []);
        assert!(sockets.find(RelayId(1), &path(RelayId(1), address, "127.0.0.1:9")).is_none());
        assert!(sockets.read().is_empty());
        RelaySocket::bind(address).unwrap();
    }
}
