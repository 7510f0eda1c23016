//! Connectivity checks that keep consent fresh (RFC 7675), as every real client sends them.

use sluice_datapath::packet::stun::write_binding_request;

use crate::plan::Peer;
use crate::sys;

/// Nanoseconds between two checks of one session.
pub const INTERVAL_NS: u64 = 5_000_000_000;

/// Send one check; a lost one is made good by the next.
pub fn send(peer: &Peer, buffer: &mut Vec<u8>) {
    let mut transaction_id = [0; 12];
    transaction_id[..8].copy_from_slice(&sys::monotonic_ns().to_be_bytes());
    transaction_id[8..].copy_from_slice(&peer.ssrc.to_be_bytes());
    buffer.clear();
    let (username, key) = (peer.username.as_str(), peer.password.as_bytes());
    write_binding_request(buffer, transaction_id, username, key, 1, Some(u64::from(peer.ssrc)), true);
    let _ = peer.socket.send(buffer);
}
