//! What a connection is at present, and how long it may stay so.

use std::sync::Arc;

use super::messages::{Liveliness, Stream};
use super::pending::Pending;
use super::pipe::Pipe;
use super::reception::StreamLimits;
use crate::ids::{ConnectionId, RelayId};
use crate::time::Instant;

/// One connection.
#[derive(Debug)]
pub enum Connection {
    /// Nobody knows yet.
    Pending(Box<Pending>),
    /// It carries messages.
    Messages(Arc<Stream>),
    /// It is one with another: the application's for HTTP, or a peer's.
    Pipe(Box<Pipe>, Option<Joined>),
}

/// A connection that carried messages and then was joined to a peer's (RFC 6062, 5.4).
#[derive(Debug)]
pub struct Joined {
    /// The allocation.
    pub relay: RelayId,
    /// The peer's connection.
    pub peer: ConnectionId,
    /// What the client's was.
    pub stream: Arc<Stream>,
}

/// Why a connection is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// It has not done in time what it has to do.
    Late,
    /// It does not take what is sent to it.
    Stuck,
}

impl Connection {
    /// Nothing that waits for the client will leave any more.
    pub fn forget_unsent(&self) {
        match self {
            Self::Pending(_) => {}
            Self::Messages(stream) => stream.forget_unsent(),
            Self::Pipe(pipe, _) => pipe.forget_unsent(),
        }
    }

    /// Whether it is joined to a peer's of this allocation.
    pub fn is_of(&self, relay: RelayId) -> bool {
        matches!(self, Self::Pipe(_, Some(joined)) if joined.relay == relay)
    }

    /// Whether it is to end. One with an allocation may be silent.
    pub fn overdue(&self, now: Instant, limits: &StreamLimits, has_allocation: bool) -> Option<Overdue> {
        match self {
            Self::Pending(pending) => (now.since(pending.since()) >= limits.opening).then_some(Overdue::Late),
            Self::Messages(stream) => {
                let Liveliness { since, last_message, blocked } = stream.liveliness()?;
                let is_late = match last_message {
                    None => now.since(since) >= limits.opening,
                    Some(last) => now.since(last) >= limits.idle && !has_allocation,
                };
                match blocked {
                    Some(blocked) if now.since(blocked) >= limits.stuck => Some(Overdue::Stuck),
                    _ => is_late.then_some(Overdue::Late),
                }
            }
            Self::Pipe(pipe, _) => pipe.is_overdue(now, limits.idle).then_some(Overdue::Stuck),
        }
    }
}
