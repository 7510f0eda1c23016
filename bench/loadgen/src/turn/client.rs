//! A client with an allocation and a channel to its one peer.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use crate::sys;

use super::link::Link;
use super::plan::Server;
use super::requests::{channel_data, channel_header, new_transaction, Account, Verdict, Wish};
use super::stun::Message;

/// How often a request is sent before its server counts as dead.
const ATTEMPTS: usize = 10;
/// Nanoseconds between two attempts.
const RETRY_NS: u64 = 500_000_000;
/// Between two looks for a response.
const BREATH: Duration = Duration::from_micros(200);

/// A client that can relay.
pub struct Client {
    link: Link,
    frame: Vec<Vec<u8>>,
}

impl Client {
    /// Client `index` of a server, with an allocation and a channel to `peer`.
    pub fn connect(
        server: &Server,
        index: usize,
        mut account: Account,
        peer: SocketAddr,
        offload: bool,
    ) -> Result<Self, String> {
        let failed = |error: io::Error| format!("{}, client {index}: {error}", server.name);
        let mut link = Link::open(server.carrier, index, server.address, offload).map_err(failed)?;
        ask(&mut link, &mut account, Wish::Allocate).map_err(failed)?;
        ask(&mut link, &mut account, Wish::BindChannel(peer)).map_err(failed)?;
        Ok(Self { link, frame: Vec::new() })
    }

    /// Put one packet of `size` bytes into the next burst, for `fill` to fill.
    pub fn queue(&mut self, size: usize, fill: impl FnOnce(&mut [u8])) {
        let mut message = channel_header(size).to_vec();
        message.resize(4 + size, 0);
        fill(&mut message[4..]);
        self.frame.push(message);
    }

    /// Send what is queued as one burst.
    pub fn send(&mut self) -> io::Result<()> {
        let outcome = self.link.send(&self.frame);
        self.frame.clear();
        outcome
    }

    /// Hand over the packets that have come from the peer.
    pub fn receive(&mut self, inbox: &mut sys::Receiver, mut take: impl FnMut(&mut [u8])) -> io::Result<()> {
        self.link.receive(inbox, |message| {
            if let Some(data) = channel_data(message) {
                take(data);
            }
        })
    }
}

impl AsRawFd for Client {
    fn as_raw_fd(&self) -> RawFd {
        self.link.as_raw_fd()
    }
}

/// Ask until the wish is granted.
fn ask(link: &mut Link, account: &mut Account, wish: Wish) -> io::Result<()> {
    let mut inbox = sys::Receiver::default();
    for _ in 0..ATTEMPTS {
        let transaction = new_transaction();
        link.send(&[account.request(wish, transaction)])?;
        let (mut verdict, deadline_ns) = (None, sys::monotonic_ns() + RETRY_NS);
        while verdict.is_none() && sys::monotonic_ns() < deadline_ns {
            std::thread::sleep(BREATH);
            link.receive(&mut inbox, |message| {
                let response = Message::of(message).filter(|response| response.transaction() == transaction);
                verdict = response.map(|response| account.judge(response)).or(verdict);
            })?;
        }
        match verdict {
            Some(Verdict::Granted) => return Ok(()),
            Some(Verdict::Refused(code)) => return Err(io::Error::other(format!("refused with {code}"))),
            Some(Verdict::Again) | None => {}
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}
