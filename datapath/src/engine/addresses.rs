//! Which worker owns what arrives, shared by all workers.
//!
//! The kernel spreads datagrams over the workers by a hash of the 5-tuple, which knows nothing of transports. A worker
//! that gets one it does not know asks here. Written when transports and paths come and go, so readers hardly ever wait.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::ids::{TransportId, WorkerId};
use crate::path::Path;

/// ICE users a transport has at most: the present one and the one before its last restart.
const MAX_UFRAGS: usize = 2;

/// ICE users by transport, and validated paths by worker.
pub struct AddressBook {
    workers: u16,
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    ufrags: HashMap<String, TransportId>,
    transports: HashMap<TransportId, Vec<String>>,
    paths: HashMap<Path, WorkerId>,
}

/// The ICE user exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UfragTaken;

impl AddressBook {
    /// An empty one.
    pub fn new(workers: u16) -> Self {
        Self { workers, inner: RwLock::default() }
    }

    /// Checks for `ufrag` belong to this new transport.
    pub fn register(&self, transport: TransportId, ufrag: &str) -> Result<(), UfragTaken> {
        let mut inner = self.write();
        inner.add(transport, ufrag)
    }

    /// Checks for `ufrag` belong to this transport from now on, and so do those for its previous one, but for none
    /// before. Nothing happens if the transport was forgotten, which a worker may do at any time.
    pub fn renew(&self, transport: TransportId, ufrag: &str) -> Result<(), UfragTaken> {
        let mut inner = self.write();
        if inner.transports.contains_key(&transport) {
            inner.add(transport, ufrag)
        } else {
            Ok(())
        }
    }

    /// The transport is gone. Its paths are released by its worker.
    pub fn forget(&self, transport: TransportId) {
        let mut inner = self.write();
        for ufrag in inner.transports.remove(&transport).unwrap_or_default() {
            inner.ufrags.remove(&ufrag);
        }
    }

    /// The worker whose transport has this ICE user.
    pub fn home_of_ufrag(&self, ufrag: &str) -> Option<WorkerId> {
        self.read().ufrags.get(ufrag).map(|transport| transport.home(self.workers))
    }

    /// The worker that has validated this path last.
    pub fn home_of_path(&self, path: &Path) -> Option<WorkerId> {
        self.read().paths.get(path).copied()
    }

    /// `worker` has validated this path. The return value is another worker that had it until now.
    pub fn claim(&self, path: Path, worker: WorkerId) -> Option<WorkerId> {
        self.write().paths.insert(path, worker).filter(|previous| *previous != worker)
    }

    /// `worker` no longer has this path; nothing happens if another has it by now.
    pub fn release(&self, path: &Path, worker: WorkerId) {
        let mut inner = self.write();
        if inner.paths.get(path) == Some(&worker) {
            inner.paths.remove(path);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn add(&mut self, transport: TransportId, ufrag: &str) -> Result<(), UfragTaken> {
        if let Some(owner) = self.ufrags.get(ufrag) {
            return if *owner == transport { Ok(()) } else { Err(UfragTaken) };
        }
        self.ufrags.insert(ufrag.to_owned(), transport);
        let ufrags = self.transports.entry(transport).or_default();
        ufrags.push(ufrag.to_owned());
        if ufrags.len() > MAX_UFRAGS {
            let oldest = ufrags.remove(0);
            self.ufrags.remove(&oldest);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_keeps_the_previous_user_only() {
        let book = AddressBook::new(2);
        book.register(TransportId(5), "one").unwrap();
        for ufrag in ["two", "three"] {
            book.renew(TransportId(5), ufrag).unwrap();
        }
        assert_eq!(book.home_of_ufrag("one"), None);
        assert_eq!(book.home_of_ufrag("two"), Some(WorkerId(1)));
        assert_eq!(book.home_of_ufrag("three"), Some(WorkerId(1)));
    }

    #[test]
    fn a_user_belongs_to_one_transport_until_that_is_forgotten() {
        let book = AddressBook::new(1);
        book.register(TransportId(1), "user").unwrap();
        assert_eq!(book.register(TransportId(1), "user"), Ok(()));
        assert_eq!(book.register(TransportId(2), "user"), Err(UfragTaken));
        book.forget(TransportId(1));
        assert_eq!(book.renew(TransportId(1), "later"), Ok(()));
        assert_eq!(book.home_of_ufrag("later"), None, "nobody would ever forget it");
        assert_eq!(book.register(TransportId(2), "user"), Ok(()));
    }

    #[test]
    fn the_last_worker_to_claim_a_path_has_it() {
        let book = AddressBook::new(2);
        let path = Path::udp(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
        assert_eq!(book.claim(path, WorkerId(0)), None);
        assert_eq!(book.claim(path, WorkerId(0)), None);
        assert_eq!(book.claim(path, WorkerId(1)), Some(WorkerId(0)));
        book.release(&path, WorkerId(0));
        assert_eq!(book.home_of_path(&path), Some(WorkerId(1)));
        book.release(&path, WorkerId(1));
        assert_eq!(book.home_of_path(&path), None);
    }
}
