//! What comes over connections, and what becomes of those that end.

use super::{Worker, MAX_BATCH};
use crate::engine::mailbox::{Letter, PeerRequest};
use crate::event::Event;
use crate::ids::WorkerId;
use crate::net::stream::arrivals::Arrivals;
use crate::net::streams::Over;
use crate::time::Instant;

impl Worker {
    /// Messages of connections, drained as often as datagrams are.
    pub fn receive_streams(&mut self, arrivals: &mut Arrivals) {
        self.streams.look();
        let mut more = true;
        while more {
            let now = self.now();
            more = self.streams.receive(now, arrivals, &mut self.counters);
            for (index, (path, message)) in arrivals.iter_mut().enumerate() {
                if index > 0 && index % MAX_BATCH == 0 {
                    self.drain(now);
                }
                self.route(now, path, message);
            }
            self.drain(now);
            self.settle_streams(now);
        }
    }

    /// Connections that have become HTTP, and those that are over, all of whose messages have been dealt with.
    pub fn settle_streams(&mut self, now: Instant) {
        while let Some(event) = self.streams.poll_event() {
            self.shared.events.push(event);
        }
        let mut any = false;
        while let Some(Over { path, raised }) = self.streams.poll_over() {
            any = true;
            if let Some(stream) = path.carrier.stream().filter(|_| raised) {
                self.shared.events.push(Event::StreamClosed { stream });
            }
            match self.shared.addresses.home_of_path(&path) {
                Some(home) if home == self.id => self.guard(|core| core.end_path(now, &path)),
                Some(home) => self.post(home, Letter::PathEnded(path)),
                None => {}
            }
        }
        if any {
            self.drain(now);
        }
    }

    /// Peers that have answered, arrived or gone.
    pub fn receive_peers(&mut self) {
        let now = self.now();
        self.peers.receive(now, &mut self.counters);
        while let Some(arrival) = self.peers.poll_arrival() {
            // Nobody hears of a peer without permission (RFC 6062, 5.3).
            let permitted = self.guard(|core| core.permits(arrival.relay, arrival.peer.ip()));
            match self.shared.ids.connection(arrival.relay) {
                Ok(connection) if permitted => self.peers.admit(now, connection, arrival),
                _ => self.counters.peers_refused += 1,
            }
        }
        self.deliver_peers(now);
    }

    /// Tells Python of peers.
    pub fn deliver_peers(&mut self, now: Instant) {
        while let Some(event) = self.peers.poll_event() {
            self.shared.events.push(event);
        }
        self.settle_streams(now);
    }

    /// What is asked about the TCP connections of allocations. Requests come to the worker of the allocation, which
    /// hands a peer's connection to that of the client's when they are joined.
    pub fn handle_peer_request(&mut self, now: Instant, request: PeerRequest) {
        match request {
            PeerRequest::Listen { relay, listener } => self.peers.listen(relay, listener),
            PeerRequest::Connect { relay, connection, peer } => self.peers.connect(now, relay, connection, peer),
            PeerRequest::Join { connection, client } => {
                let Some((relay, socket)) = self.peers.take(connection) else { return };
                let adopt = PeerRequest::Adopt { relay, connection, client, socket };
                let home = client.home(self.shared.workers());
                if home == self.id {
                    self.handle_peer_request(now, adopt);
                } else {
                    self.post(home, Letter::Peer(adopt));
                }
            }
            PeerRequest::Adopt { relay, connection, client, socket } => {
                // The answer that the client waits for goes before.
                self.drain(now);
                if self.guard(|core| core.has_relay(relay)) {
                    self.streams.join(now, client, relay, connection, socket);
                }
            }
            PeerRequest::Close { connection } => {
                if !self.peers.close(connection) {
                    self.streams.close_joined(now, connection);
                    let own = self.id;
                    for other in (0..self.shared.workers()).map(WorkerId).filter(|other| *other != own) {
                        self.post(other, Letter::Peer(PeerRequest::CloseJoined { connection }));
                    }
                }
            }
            PeerRequest::CloseJoined { connection } => self.streams.close_joined(now, connection),
        }
        self.deliver_peers(now);
    }
}
