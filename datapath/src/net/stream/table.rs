//! Connections by id, for whoever has something for one.

use std::sync::{Arc, PoisonError, RwLock};

use super::messages::Stream;
use crate::idmap::IdMap;
use crate::ids::StreamId;

/// The connections of all workers that carry messages. Written when one begins or ends, so readers hardly ever wait.
#[derive(Debug)]
pub struct StreamTable {
    by_worker: Vec<RwLock<IdMap<StreamId, Arc<Stream>>>>,
}

impl StreamTable {
    /// An empty one.
    pub fn new(workers: u16) -> Self {
        Self { by_worker: (0..workers.max(1)).map(|_| RwLock::default()).collect() }
    }

    /// The connection, unless it has ended or does not carry messages.
    pub fn get(&self, id: StreamId) -> Option<Arc<Stream>> {
        self.shard(id).read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// A new one.
    pub fn insert(&self, id: StreamId, stream: Arc<Stream>) {
        self.shard(id).write().unwrap_or_else(PoisonError::into_inner).insert(id, stream);
    }

    /// It has ended.
    pub fn remove(&self, id: StreamId) {
        self.shard(id).write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn shard(&self, id: StreamId) -> &RwLock<IdMap<StreamId, Arc<Stream>>> {
        // At most MAX_WORKERS were made, and one at least.
        &self.by_worker[usize::from(id.home(self.by_worker.len() as u16).0)]
    }
}
