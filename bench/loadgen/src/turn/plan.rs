//! What to do, as lines of `word key=value ...`: the load first, then servers, users and sessions.

use std::net::SocketAddr;

use crate::plan::{peer, BadPlan, Fields, Peer};

use super::link::Carrier;
use super::load::Load;
use super::requests::Account;

/// Most servers, users and sessions of a plan.
const MAX_LINES: usize = 100_000;

/// A TURN server to be measured.
pub struct Server {
    /// What the findings call it.
    pub name: String,
    /// Its process id, whose CPU time is measured.
    pub pid: u32,
    /// Where it listens.
    pub address: SocketAddr,
    /// How its clients reach it.
    pub carrier: Carrier,
}

/// Clients whose packets come back from a peer.
pub struct Relay {
    /// What the clients send.
    pub load: Load,
    /// The servers that take turns.
    pub servers: Vec<Server>,
    /// One account per client, valid on every server.
    pub accounts: Vec<Account>,
}

/// Publishers and viewers of one SFU.
pub struct Hop {
    /// What the publishers send.
    pub load: Load,
    /// Payload type of that.
    pub payload_type: u8,
    /// The SFU and its relay.
    pub server: Server,
    /// The sessions, as they are without a relay, and each one's account at the relay.
    pub publishers: Vec<(Peer, Account)>,
    /// The viewer of each publisher.
    pub viewers: Vec<(Peer, Account)>,
}

/// Allocations, one per account.
pub struct Allocations {
    /// How many are under way at a time.
    pub at_once: usize,
    /// Turns of each server.
    pub rounds: usize,
    /// The servers that take turns.
    pub servers: Vec<Server>,
    /// One account per allocation.
    pub accounts: Vec<Account>,
}

impl Relay {
    /// `relay rate= burst= size= offload= turn= rounds=`, then lines `server` and `user`.
    pub fn read(lines: &[String]) -> Result<Self, BadPlan> {
        let parsed = Lines::read(lines)?;
        let Lines { servers, accounts, .. } = parsed;
        Ok(Self { load: load(&parsed.first)?, servers, accounts })
    }
}

impl Hop {
    /// `hop rate= burst= size= offload= payload_type= turn= rounds=`, then one line `server`, and as many `publisher` as `viewer`.
    pub fn read(lines: &[String]) -> Result<Self, BadPlan> {
        let Lines { first, mut servers, publishers, viewers, .. } = Lines::read(lines)?;
        let server = servers.pop().ok_or_else(|| BadPlan("no line `server`".into()))?;
        if publishers.is_empty() || publishers.len() != viewers.len() {
            return Err(BadPlan("every publisher has one viewer".into()));
        }
        let payload_type = first.value("payload_type")?;
        Ok(Self { load: load(&first)?, payload_type, server, publishers, viewers })
    }
}

impl Allocations {
    /// `allocations at_once= rounds=`, then lines `server` and `user`.
    pub fn read(lines: &[String]) -> Result<Self, BadPlan> {
        let Lines { first, servers, accounts, .. } = Lines::read(lines)?;
        Ok(Self { at_once: first.value("at_once")?, rounds: first.value("rounds")?, servers, accounts })
    }
}

struct Lines<'a> {
    first: Fields<'a>,
    servers: Vec<Server>,
    accounts: Vec<Account>,
    publishers: Vec<(Peer, Account)>,
    viewers: Vec<(Peer, Account)>,
}

impl<'a> Lines<'a> {
    fn read(lines: &'a [String]) -> Result<Self, BadPlan> {
        let (_, first) = Fields::of(lines.first().map_or("", String::as_str));
        let (mut servers, mut accounts, mut publishers, mut viewers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for line in lines.iter().skip(1).take(MAX_LINES) {
            let (kind, fields) = Fields::of(line);
            match kind {
                "server" => servers.push(server(&fields)?),
                "user" => accounts.push(account(&fields)?),
                "publisher" => publishers.push((peer(&fields)?, account(&fields)?)),
                "viewer" => viewers.push((peer(&fields)?, account(&fields)?)),
                _ => return Err(BadPlan(format!("unknown line: {kind}"))),
            }
        }
        Ok(Self { first, servers, accounts, publishers, viewers })
    }
}

fn load(fields: &Fields<'_>) -> Result<Load, BadPlan> {
    let load = Load {
        rate: fields.value("rate")?,
        burst: fields.value("burst")?,
        size: fields.value("size")?,
        offload: fields.value("offload")?,
        turn: fields.value("turn")?,
        rounds: fields.value("rounds")?,
    };
    load.is_sane().then_some(load).ok_or_else(|| BadPlan("a value of the load is out of range".into()))
}

fn server(fields: &Fields<'_>) -> Result<Server, BadPlan> {
    let carrier = match fields.text("carrier")? {
        "udp" => Carrier::Udp,
        "tls" => Carrier::Tls,
        other => return Err(BadPlan(format!("unknown carrier {other}"))),
    };
    let (name, pid, address) = (fields.text("name")?.into(), fields.value("pid")?, fields.value("address")?);
    Ok(Server { name, pid, address, carrier })
}

fn account(fields: &Fields<'_>) -> Result<Account, BadPlan> {
    Ok(Account::new(fields.text("user")?, fields.text("secret")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(String::from).collect()
    }

    #[test]
    fn a_relay_plan_names_servers_and_users() {
        let plan = Relay::read(&lines(
            "relay rate=240 burst=8 size=1200 offload=true turn=2.0 rounds=5\n\
             server name=one pid=1 address=127.0.0.1:3478 carrier=udp\n\
             server name=two pid=2 address=127.0.0.1:5349 carrier=tls\n\
             user user=1700000000:a secret=cGFzcw==",
        ));
        let plan = plan.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(plan.load.burst, 8);
        assert_eq!((plan.servers[0].carrier, plan.servers[1].carrier), (Carrier::Udp, Carrier::Tls));
        assert_eq!((plan.servers[1].pid, plan.accounts.len()), (2, 1));
    }

    #[test]
    fn what_cannot_be_obeyed_is_refused() {
        for text in [
            "relay rate=0 burst=8 size=1200 offload=true turn=2 rounds=5",
            "relay rate=240 burst=8 size=9000 offload=true turn=2 rounds=5",
            "relay rate=240 burst=8 size=1200 offload=true turn=2",
            "relay rate=240 burst=8 size=1200 offload=true turn=2 rounds=5\nserver name=a pid=1 address=nowhere carrier=udp",
            "relay rate=240 burst=8 size=1200 offload=true turn=2 rounds=5\nserver name=a pid=1 address=[::1]:1 carrier=pigeon",
            "relay rate=240 burst=8 size=1200 offload=true turn=2 rounds=5\nviewer",
        ] {
            assert!(Relay::read(&lines(text)).is_err(), "{text}");
        }
        assert!(
            Hop::read(&lines("hop rate=240 burst=8 size=1200 offload=false payload_type=96 turn=2 rounds=5")).is_err()
        );
        assert!(Allocations::read(&lines("allocations rounds=3")).is_err());
    }
}
