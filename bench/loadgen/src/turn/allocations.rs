//! Allocations as fast as a server gives them: Allocate, 401, Allocate with credentials, success.

use std::io;
use std::time::Duration;

use crate::sys;

use super::link::{Carrier, Link};
use super::plan::{self, Server};
use super::requests::{new_transaction, Account, Verdict, Wish};
use super::stun::Message;

/// Nanoseconds without an answer after which a request is sent again (RFC 8489 section 6.2.1).
const RETRY_NS: u64 = 500_000_000;
/// Nanoseconds without any progress after which the server counts as dead.
const STALLED_NS: u64 = 10_000_000_000;
/// Between two looks at silent sockets: short, so that the server never waits for us.
const BREATH: Duration = Duration::from_micros(50);

/// Let the servers take turns.
pub fn run(plan: plan::Allocations) -> Result<String, String> {
    let plan::Allocations { at_once, rounds, servers, accounts } = plan;
    let mut turns = vec![Vec::new(); servers.len()];
    for _ in 0..rounds {
        for (server, turns) in servers.iter().zip(&mut turns) {
            let failed = |error: io::Error| format!("{}: {error}", server.name);
            let mut crowd = Crowd::gather(server, &accounts).map_err(failed)?;
            let cpu_ns = sys::process_cpu_ns(server.pid).map_err(failed)?;
            let (elapsed_ns, repeated) = crowd.all_ask(Wish::Allocate, at_once).map_err(failed)?;
            let cpu_ns = sys::process_cpu_ns(server.pid).map_err(failed)? - cpu_ns;
            crowd.all_ask(Wish::Release, at_once).map_err(failed)?;
            turns.push(format!(
                "{{\"allocations\":{},\"elapsed_ns\":{elapsed_ns},\"cpu_ns\":{cpu_ns},\"repeated\":{repeated}}}",
                accounts.len()
            ));
        }
    }
    let list: Vec<String> = servers
        .iter()
        .zip(&turns)
        .map(|(server, turns)| format!("{{\"name\":\"{}\",\"turns\":[{}]}}", server.name, turns.join(",")))
        .collect();
    Ok(format!("{{\"servers\":[{}]}}", list.join(",")))
}

/// Clients without allocations yet.
struct Crowd {
    clients: Vec<Asking>,
    poll: sys::Poll,
    inbox: sys::Receiver,
}

struct Asking {
    link: Link,
    account: Account,
    transaction: [u8; 12],
    asked_ns: u64,
}

impl Crowd {
    fn gather(server: &Server, accounts: &[Account]) -> io::Result<Self> {
        let poll = sys::Poll::new(accounts.len())?;
        let mut clients = Vec::with_capacity(accounts.len());
        for (index, account) in accounts.iter().enumerate() {
            let link = Link::open(Carrier::Udp, index, server.address, false)?;
            poll.add(&link, index)?;
            clients.push(Asking { link, account: account.clone(), transaction: [0; 12], asked_ns: 0 });
        }
        Ok(Self { clients, poll, inbox: sys::Receiver::default() })
    }

    /// Have every client ask and be granted, `at_once` at a time: nanoseconds it took, and requests sent again.
    fn all_ask(&mut self, wish: Wish, at_once: usize) -> io::Result<(u64, u64)> {
        let start_ns = sys::monotonic_ns();
        let (mut waiting, mut next, mut repeated) = (Vec::with_capacity(at_once), 0, 0);
        let (mut ready, mut progress_ns) = (Vec::new(), start_ns);
        while next < self.clients.len() || !waiting.is_empty() {
            while waiting.len() < at_once && next < self.clients.len() {
                self.clients[next].ask(wish)?;
                waiting.push(next);
                next += 1;
            }
            self.poll.glance(&mut ready);
            let now_ns = sys::monotonic_ns();
            for &index in &ready {
                if self.clients[index].listen(wish, &mut self.inbox)? {
                    waiting.retain(|asking| *asking != index);
                    progress_ns = now_ns;
                }
            }
            if ready.is_empty() {
                for &index in &waiting {
                    if now_ns >= self.clients[index].asked_ns + RETRY_NS {
                        self.clients[index].ask(wish)?;
                        repeated += 1;
                    }
                }
                if now_ns >= progress_ns + STALLED_NS {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                std::thread::sleep(BREATH);
            }
        }
        Ok((sys::monotonic_ns() - start_ns, repeated))
    }
}

impl Asking {
    fn ask(&mut self, wish: Wish) -> io::Result<()> {
        self.transaction = new_transaction();
        self.asked_ns = sys::monotonic_ns();
        self.link.send(&[self.account.request(wish, self.transaction)])
    }

    /// Read what has come, and ask again if that is wanted; whether the wish was granted.
    fn listen(&mut self, wish: Wish, inbox: &mut sys::Receiver) -> io::Result<bool> {
        let (mut verdict, account, transaction) = (None, &mut self.account, self.transaction);
        self.link.receive(inbox, |message| {
            let response = Message::of(message).filter(|response| response.transaction() == transaction);
            verdict = response.map(|response| account.judge(response)).or(verdict);
        })?;
        match verdict {
            Some(Verdict::Granted) => return Ok(true),
            Some(Verdict::Again) => self.ask(wish)?,
            Some(Verdict::Refused(code)) => return Err(io::Error::other(format!("refused with {code}"))),
            None => {}
        }
        Ok(false)
    }
}
