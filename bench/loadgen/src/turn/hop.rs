//! Publishers and viewers of an SFU, reached directly and through its own relay by turns: what the hop inside costs.
//!
//! The sessions are the same in both: a check nominates the way that the turn is about, as when a client changes networks.

use std::io;
use std::time::Duration;

use sluice_datapath::packet::rtp::Header;
use sluice_datapath::packet::stun::write_binding_request;
use sluice_datapath::packet::{classify, Class};
use sluice_datapath::srtp::Opener;

use crate::plan::Peer;
use crate::publisher::{Kind, Stream};
use crate::{payload, sys};

use super::client::Client;
use super::load::{Load, Traffic};
use super::plan::{self, Server};
use super::requests::{new_transaction, Account};

/// Checks sent before a way counts as closed, and nanoseconds between two.
const ATTEMPTS: usize = 10;
const RETRY_NS: u64 = 300_000_000;
/// Between two looks for the answer to a check.
const BREATH: Duration = Duration::from_micros(200);

/// How a session's packets travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Between the client's socket and the media port.
    Direct,
    /// In ChannelData, through the relay in the same process.
    Relayed,
}

const WAYS: [Way; 2] = [Way::Direct, Way::Relayed];

/// Let the two ways take turns.
pub fn run(plan: plan::Hop) -> Result<String, String> {
    let plan::Hop { load, payload_type, server, publishers, viewers } = plan;
    let stream = |(peer, _): &(Peer, Account)| Stream::new(Kind::Video, load.rate, load.size, payload_type, peer.ssrc);
    let streams = publishers.iter().map(stream).collect();
    let sessions: Result<Vec<Session>, String> = publishers
        .into_iter()
        .chain(viewers)
        .enumerate()
        .map(|(index, (peer, account))| Session::new(&server, index, peer, account))
        .collect();
    let inbox = sys::Receiver::default();
    let mut media = Media { sessions: sessions?, streams, load, way: Way::Direct, inbox, turn: Turn::default() };
    let (mut bursts, mut turns) = (0, [Vec::new(), Vec::new()]);
    for round in 0..=load.rounds {
        for (way, turns) in WAYS.into_iter().zip(&mut turns) {
            let failed = |error: io::Error| format!("{way:?}: {error}");
            let mut poll = media.take_way(way).map_err(failed)?;
            let cpu_ns = sys::process_cpu_ns(server.pid).map_err(failed)?;
            bursts = load.run(media.streams.len(), bursts, &mut poll, &mut media).map_err(failed)?;
            let cpu_ns = sys::process_cpu_ns(server.pid).map_err(failed)? - cpu_ns;
            if round > 0 {
                turns.push(media.turn.json(cpu_ns)); // what went before was to warm up
            }
        }
    }
    Ok(format!("{{\"direct\":[{}],\"relayed\":[{}]}}", turns[0].join(","), turns[1].join(",")))
}

/// What became of one turn's packets.
#[derive(Default)]
struct Turn {
    sent: u64,
    delivered: u64,
    corrupt: u64,
}

impl Turn {
    fn json(&self, cpu_ns: u64) -> String {
        let Self { sent, delivered, corrupt } = self;
        format!("{{\"cpu_ns\":{cpu_ns},\"sent\":{sent},\"delivered\":{delivered},\"corrupt\":{corrupt}}}")
    }
}

/// Every publisher's stream, on its way to that publisher's viewer.
struct Media {
    /// The publishers' first, then the viewers' in the same order.
    sessions: Vec<Session>,
    streams: Vec<Stream>,
    load: Load,
    way: Way,
    inbox: sys::Receiver,
    turn: Turn,
}

impl Media {
    /// Have all sessions change to this way; their sockets.
    fn take_way(&mut self, way: Way) -> io::Result<sys::Poll> {
        let poll = sys::Poll::new(self.sessions.len())?;
        for (index, session) in self.sessions.iter_mut().enumerate() {
            session.nominate(way, &mut self.inbox)?;
            match way {
                Way::Direct => poll.add(&session.peer.socket, index)?,
                Way::Relayed => poll.add(&session.relayed, index)?,
            }
        }
        self.way = way;
        self.turn = Turn::default();
        Ok(poll)
    }
}

impl Traffic for Media {
    fn send(&mut self, number: u64) {
        let publishers = self.streams.len() as u64;
        let index = (number % publishers) as usize;
        let (first, now_ns) = (number / publishers * self.load.burst, sys::monotonic_ns());
        let (session, stream) = (&mut self.sessions[index], &mut self.streams[index]);
        let packets: Vec<Vec<u8>> = (first..first + self.load.burst)
            .filter_map(|number| stream.next(&session.peer, number, now_ns).map(<[u8]>::to_vec))
            .collect();
        self.turn.sent += packets.len() as u64;
        session.send(self.way, &packets);
    }

    fn receive(&mut self, index: usize) {
        let turn = &mut self.turn;
        self.sessions[index].receive(self.way, &mut self.inbox, |opener, data| {
            if classify(data) == Class::Rtp {
                match is_whole(opener, data) {
                    Some(true) => turn.delivered += 1,
                    _ => turn.corrupt += 1,
                }
            }
        });
    }

    fn is_complete(&self) -> bool {
        self.turn.delivered == self.turn.sent
    }
}

/// Whether a packet opens and carries what a publisher wrote.
fn is_whole(opener: &mut Opener, data: &mut [u8]) -> Option<bool> {
    let header = Header::parse(data).ok()?;
    let opened = opener.open_rtp(data, &header).ok()?;
    Some(payload::read(data.get(header.payload_offset..opened.len)?).is_some())
}

/// A session of the SFU, and its client's allocation.
struct Session {
    peer: Peer,
    relayed: Client,
}

impl Session {
    fn new(server: &Server, index: usize, peer: Peer, account: Account) -> Result<Self, String> {
        Ok(Self { peer, relayed: Client::connect(server, index, account, server.address, false)? })
    }

    /// Have the server send on this way from now on (RFC 8445 section 7.3.1.5).
    fn nominate(&mut self, way: Way, inbox: &mut sys::Receiver) -> io::Result<()> {
        for _ in 0..ATTEMPTS {
            let (transaction, mut check, mut answered) = (new_transaction(), Vec::new(), false);
            let (username, key) = (self.peer.username.as_str(), self.peer.password.as_bytes());
            write_binding_request(&mut check, transaction, username, key, 1, Some(u64::from(self.peer.ssrc)), true);
            self.send(way, &[check]);
            let deadline_ns = sys::monotonic_ns() + RETRY_NS;
            while !answered && sys::monotonic_ns() < deadline_ns {
                std::thread::sleep(BREATH);
                self.receive(way, inbox, |_, data| {
                    answered |= data.starts_with(&[0x01, 0x01]) && data.get(8..20) == Some(&transaction);
                });
            }
            if answered {
                return Ok(());
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Send packets back to back. One that is lost here is missed by the viewer.
    fn send(&mut self, way: Way, packets: &[Vec<u8>]) {
        match way {
            Way::Direct => {
                let datagrams: Vec<_> = packets.iter().map(|packet| (packet.as_slice(), None)).collect();
                sys::send_batch(&self.peer.socket, &datagrams);
            }
            Way::Relayed => {
                for packet in packets {
                    self.relayed.queue(packet.len(), |data| data.copy_from_slice(packet));
                }
                let _ = self.relayed.send();
            }
        }
    }

    fn receive(&mut self, way: Way, inbox: &mut sys::Receiver, mut take: impl FnMut(&mut Opener, &mut [u8])) {
        let Self { peer: Peer { socket, opener, .. }, relayed } = self;
        match way {
            Way::Direct => inbox.drain(socket, |data| take(opener, data)),
            Way::Relayed => {
                let _ = relayed.receive(inbox, |data| take(opener, data));
            }
        }
    }
}
