//! From a peer to the client of an allocation: as ChannelData or as a Data indication.

use core::net::SocketAddr;

use super::{note, Allocation};
use crate::batch::SendBatch;
use crate::packet::channel_data;
use crate::packet::stun::indication;
use crate::path::Path;
use crate::stats::Counters;
use crate::time::Instant;

/// How a datagram gets to the other end of a path.
pub enum Way<'a> {
    /// As it is.
    Plain(Path),
    /// Inside an allocation, wrapped for its client.
    Wrapped(Downlink<'a>),
}

/// The way from one peer to the client of an allocation that permits it.
pub struct Downlink<'a> {
    pub(super) now: Instant,
    pub(super) allocation: &'a mut Allocation,
    pub(super) peer: SocketAddr,
    /// Bound for the peer.
    pub(super) channel: Option<u16>,
    pub(super) counters: &'a mut Counters,
}

impl Way<'_> {
    /// Append a datagram that `fill` writes at the end of the batch's arena; false: there is none after all.
    pub fn write(&mut self, batch: &mut SendBatch, fill: impl FnOnce(&mut Vec<u8>) -> bool) {
        match self {
            Self::Plain(path) => batch.write(*path, fill),
            Self::Wrapped(downlink) => downlink.write(batch, fill),
        }
    }

    /// Append a finished datagram.
    pub fn push(&mut self, batch: &mut SendBatch, datagram: &[u8]) {
        self.write(batch, |bytes| {
            bytes.extend_from_slice(datagram);
            true
        });
    }
}

impl Downlink<'_> {
    /// The wrapping goes before the data and its length is filled in after, so that nothing is written twice.
    fn write(&mut self, batch: &mut SendBatch, fill: impl FnOnce(&mut Vec<u8>) -> bool) {
        let Self { now, allocation, peer, channel, counters } = self;
        let transaction = if channel.is_none() { allocation.next_transaction() } else { [0; 12] };
        batch.write(allocation.client, |bytes| {
            let fill_within_limit = |bytes: &mut Vec<u8>| {
                let start = bytes.len();
                if !fill(bytes) {
                    return false;
                }
                let passed = allocation.send(*now, bytes.len().saturating_sub(start));
                match passed {
                    Ok(()) => counters.relayed_to_clients += 1,
                    Err(dropped) => note(counters, Some(allocation), dropped),
                }
                passed.is_ok()
            };
            match channel {
                Some(channel) => channel_data::write(bytes, *channel, fill_within_limit),
                None => indication::write_data(bytes, transaction, *peer, fill_within_limit),
            }
        });
    }
}
