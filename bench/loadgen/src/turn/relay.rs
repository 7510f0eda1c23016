//! Clients whose packets come back from a peer: each is relayed twice, once in either direction.

use std::io;

use crate::latency::Histogram;
use crate::payload::{self, Stamp};
use crate::sys;

use super::client::Client;
use super::echo::Peer;
use super::load::{Load, Traffic};
use super::plan::{self, Server};

/// Let the servers take turns.
pub fn run(plan: plan::Relay) -> Result<String, String> {
    let plan::Relay { load, servers, accounts } = plan;
    let peer_failed = |error: io::Error| format!("peer: {error}");
    let mut peer = Peer::new(load.offload).map_err(peer_failed)?;
    let address = peer.address().map_err(peer_failed)?;
    let mut contestants = Vec::with_capacity(servers.len());
    for server in servers {
        let clients: Result<Vec<Client>, String> = accounts
            .iter()
            .enumerate()
            .map(|(index, account)| Client::connect(&server, index, account.clone(), address, load.offload))
            .collect();
        contestants.push(Contestant { server, clients: clients?, bursts: 0, turns: Vec::new(), seen: Seen::default() });
    }
    for round in 0..=load.rounds {
        for contestant in &mut contestants {
            contestant.take_turn(&load, &mut peer).map_err(|error| format!("{}: {error}", contestant.server.name))?;
            if round == 0 {
                contestant.turns.clear(); // it was to warm up
                contestant.seen = Seen::default();
            }
        }
    }
    let findings: Vec<String> = contestants.iter().map(Contestant::json).collect();
    Ok(format!("{{\"servers\":[{}]}}", findings.join(",")))
}

/// A server, its clients and what they saw.
struct Contestant {
    server: Server,
    clients: Vec<Client>,
    bursts: u64,
    turns: Vec<Turn>,
    seen: Seen,
}

/// What became of one turn's packets, and what it cost the server.
#[derive(Default)]
struct Turn {
    cpu_ns: u64,
    sent: u64,
    at_peer: u64,
    at_client: u64,
}

/// What clients find in the packets that come back.
#[derive(Default)]
struct Seen {
    whole: u64,
    corrupt: u64,
    /// From the client's send call to the end of its receive call.
    round_trip: Histogram,
}

impl Contestant {
    fn take_turn(&mut self, load: &Load, peer: &mut Peer) -> io::Result<()> {
        let mut poll = sys::Poll::new(self.clients.len() + 1)?;
        for (index, client) in self.clients.iter().enumerate() {
            poll.add(client, index)?;
        }
        poll.add(peer, self.clients.len())?;
        let (cpu_ns, whole, senders) = (sys::process_cpu_ns(self.server.pid)?, self.seen.whole, self.clients.len());
        peer.received = 0;
        let (clients, seen) = (&mut self.clients, &mut self.seen);
        let inbox = sys::Receiver::default();
        let mut exchange = Exchange { clients, peer, seen, inbox, load, sent: 0, due: whole, failure: Ok(()) };
        self.bursts = load.run(senders, self.bursts, &mut poll, &mut exchange)?;
        let Exchange { sent, failure, .. } = exchange;
        failure?;
        self.turns.push(Turn {
            cpu_ns: sys::process_cpu_ns(self.server.pid)? - cpu_ns,
            sent,
            at_peer: peer.received,
            at_client: self.seen.whole - whole,
        });
        Ok(())
    }

    fn json(&self) -> String {
        let turns: Vec<String> = self.turns.iter().map(Turn::json).collect();
        format!(
            "{{\"name\":\"{}\",\"corrupt\":{},\"p50_ms\":{:.3},\"p99_ms\":{:.3},\"turns\":[{}]}}",
            self.server.name,
            self.seen.corrupt,
            self.seen.round_trip.percentile_ms(500),
            self.seen.round_trip.percentile_ms(990),
            turns.join(","),
        )
    }
}

impl Turn {
    fn json(&self) -> String {
        let Self { cpu_ns, sent, at_peer, at_client } = self;
        format!("{{\"cpu_ns\":{cpu_ns},\"sent\":{sent},\"at_peer\":{at_peer},\"at_client\":{at_client}}}")
    }
}

/// One turn's traffic: clients, known by their index, and behind them the peer.
struct Exchange<'a> {
    clients: &'a mut [Client],
    peer: &'a mut Peer,
    seen: &'a mut Seen,
    inbox: sys::Receiver,
    load: &'a Load,
    sent: u64,
    /// Whole packets there will be when all have come back.
    due: u64,
    failure: io::Result<()>,
}

impl Traffic for Exchange<'_> {
    fn send(&mut self, number: u64) {
        let index = (number % self.clients.len() as u64) as usize;
        let client = &mut self.clients[index];
        let sent_ns = sys::monotonic_ns();
        for packet in 0..self.load.burst {
            let stamp = Stamp { number: number * self.load.burst + packet, sent_ns };
            client.queue(self.load.size, |data| payload::write(data, stamp));
        }
        self.sent += self.load.burst;
        self.due += self.load.burst;
        let outcome = client.send();
        self.note(outcome);
    }

    fn receive(&mut self, index: usize) {
        let (seen, now_ns) = (&mut *self.seen, sys::monotonic_ns());
        let outcome = match self.clients.get_mut(index) {
            Some(client) => client.receive(&mut self.inbox, |data| seen.take(data, now_ns)),
            None => self.peer.echo(),
        };
        self.note(outcome);
    }

    fn is_complete(&self) -> bool {
        self.seen.whole == self.due
    }
}

impl Exchange<'_> {
    fn note(&mut self, outcome: io::Result<()>) {
        if outcome.is_err() && self.failure.is_ok() {
            self.failure = outcome;
        }
    }
}

impl Seen {
    fn take(&mut self, data: &[u8], now_ns: u64) {
        match payload::read(data) {
            Some(stamp) => {
                self.whole += 1;
                self.round_trip.add(now_ns.saturating_sub(stamp.sent_ns));
            }
            None => self.corrupt += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::bare;
    use crate::turn::link::Carrier;
    use crate::turn::requests::Account;

    #[test]
    fn every_packet_reaches_the_peer_and_comes_back() -> Result<(), String> {
        relay(true)?;
        relay(false)
    }

    fn relay(offload: bool) -> Result<(), String> {
        let place = std::net::UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let address = place.map_err(|error| error.to_string())?;
        std::thread::spawn(move || bare::run(address));
        let (name, pid, carrier) = ("bare".into(), std::process::id(), Carrier::Udp);
        let server = Server { name, pid, address, carrier };
        let load = Load { rate: 400, burst: 8, size: 1200, offload, turn: 0.1, rounds: 2 };
        let accounts = ["a", "b", "c"].map(|user| Account::new(user, "secret")).to_vec();
        let findings = run(plan::Relay { load, servers: vec![server], accounts })?;
        let turns: Vec<&str> = findings.matches("\"sent\":120,\"at_peer\":120,\"at_client\":120").collect();
        assert_eq!(turns.len(), 2, "{findings}");
        assert!(findings.contains("\"corrupt\":0"), "{findings}");
        Ok(())
    }
}
