//! What comes to the sockets of the allocations that are at home here.

use std::sync::Arc;

use super::{Worker, MAX_BATCH, SPIN_GUARD};
use crate::ids::RelayId;
use crate::net::relay_sockets::Endpoint;
use crate::net::sys::{Readiness, ReceiveBatch, Undelivered};
use crate::path::{Carrier, Path};
use crate::time::Instant;

/// Room for one turn's work.
pub struct Inbox {
    tokens: Vec<(u64, Readiness)>,
    ready: Vec<(Arc<Endpoint>, Readiness)>,
    received: ReceiveBatch,
    undelivered: Vec<(RelayId, Undelivered)>,
}

impl Inbox {
    /// An empty one.
    pub fn new() -> Self {
        Self { tokens: Vec::new(), ready: Vec::new(), received: ReceiveBatch::joined(), undelivered: Vec::new() }
    }
}

impl Worker {
    /// One look at each socket that is ready. Clients share the sockets of the media port, so that what several of them
    /// are sent leaves in few calls: the core's outputs are drained after a batch, not after each socket.
    pub fn receive_relayed(&mut self, inbox: &mut Inbox) {
        let Inbox { tokens, ready, received, undelivered } = inbox;
        if self.shared.relays.ready(self.id, tokens, ready).is_err() {
            std::thread::sleep(SPIN_GUARD);
            return;
        }
        let mut now = self.now();
        let mut inputs = 0;
        for (endpoint, readiness) in ready.drain(..) {
            if readiness.broken {
                endpoint.socket.undelivered(|report| undelivered.push((endpoint.relay, report)));
                inputs += undelivered.len();
                self.report_undelivered(now, undelivered);
            }
            if readiness.read {
                endpoint.socket.receive(received, &mut self.counters);
                inputs += self.receive_from_peers(now, &endpoint, received);
            }
            if inputs >= MAX_BATCH {
                self.drain(now);
                now = self.now();
                inputs = 0;
            }
        }
        self.drain(now);
    }

    /// Returns how many datagrams that was.
    fn receive_from_peers(&mut self, now: Instant, endpoint: &Endpoint, received: &mut ReceiveBatch) -> usize {
        let mut count = 0;
        for (meta, datagram) in received.iter_mut() {
            count += 1;
            let Some(remote) = meta.source else {
                self.counters.dropped_no_source += 1;
                continue;
            };
            if meta.truncated {
                self.counters.dropped_oversize += 1;
                continue;
            }
            let path = Path { local: endpoint.address, remote, carrier: Carrier::RelaySocket(endpoint.relay) };
            self.route(now, path, datagram);
        }
        count
    }

    /// Tells the core what the network answered to datagrams of allocations.
    pub fn report_undelivered(&mut self, now: Instant, undelivered: &mut Vec<(RelayId, Undelivered)>) {
        for (relay, Undelivered { destination, icmp_type, code, mtu, .. }) in undelivered.drain(..) {
            self.counters.relay_errors_received += 1;
            self.guard(|core| core.handle_icmp(now, relay, destination, icmp_type, code, mtu));
        }
    }
}
