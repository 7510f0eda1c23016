//! What to do, as lines of `word key=value ...` on standard input.

use std::collections::HashMap;
use std::fmt;
use std::io::BufRead;
use std::net::UdpSocket;

use sluice_datapath::srtp::{Opener, Profile, Sealer};

use crate::sys;

/// Largest burst: what the floor can send in one segmented call.
const MAX_BURST: u64 = 32;
/// Most viewers of a plan.
const MAX_VIEWERS: usize = 100_000;

/// A line that cannot be obeyed, and why.
#[derive(Debug)]
pub struct BadPlan(pub String);

impl fmt::Display for BadPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One connected, encrypted session: its socket (connected to the server) and both directions of SRTP.
pub struct Peer {
    /// The inherited socket.
    pub socket: UdpSocket,
    /// For what we send.
    pub sealer: Sealer,
    /// For what we receive.
    pub opener: Opener,
    /// Our SSRC: of the media we publish, or of our receiver reports.
    pub ssrc: u32,
    /// `username` of our connectivity checks.
    pub username: String,
    /// The key of our connectivity checks.
    pub password: String,
}

/// The whole plan.
pub struct Plan {
    /// The server's process id, whose CPU time is measured.
    pub server: u32,
    /// Packets per second of the publisher.
    pub rate: u64,
    /// Packets sent back to back, as encoders send the packets of a frame; 1: evenly.
    pub burst: u64,
    /// Bytes of a published datagram, authentication tag included.
    pub size: usize,
    /// Payload type of the published packets.
    pub payload_type: u8,
    /// Seconds before the first window.
    pub warmup: f64,
    /// Seconds of each window.
    pub window: f64,
    /// How many windows.
    pub windows: usize,
    /// Seconds of measuring the floor; 0 for not at all.
    pub floor: f64,
    /// The session that publishes.
    pub publisher: Peer,
    /// The sessions that watch.
    pub viewers: Vec<Peer>,
}

impl Plan {
    /// Read a plan up to the line `go`.
    pub fn read(input: impl BufRead) -> Result<Self, BadPlan> {
        let (mut run, mut publisher, mut viewers) = (None, None, Vec::new());
        for line in input.lines() {
            let line = line.map_err(|error| BadPlan(format!("standard input: {error}")))?;
            let (kind, fields) = Fields::of(&line);
            match kind {
                "run" => run = Some(Run::parse(&fields)?),
                "publisher" => publisher = Some(peer(&fields)?),
                "viewer" if viewers.len() < MAX_VIEWERS => viewers.push(peer(&fields)?),
                "go" => break,
                _ => return Err(BadPlan(format!("unknown line: {kind}"))),
            }
        }
        let run = run.ok_or_else(|| BadPlan("no line `run`".into()))?;
        let publisher = publisher.ok_or_else(|| BadPlan("no line `publisher`".into()))?;
        let Run { server, rate, burst, size, payload_type, warmup, window, windows, floor } = run;
        Ok(Self { server, rate, burst, size, payload_type, warmup, window, windows, floor, publisher, viewers })
    }
}

struct Run {
    server: u32,
    rate: u64,
    burst: u64,
    size: usize,
    payload_type: u8,
    warmup: f64,
    window: f64,
    windows: usize,
    floor: f64,
}

impl Run {
    fn parse(fields: &Fields<'_>) -> Result<Self, BadPlan> {
        let run = Self {
            server: fields.value("server")?,
            rate: fields.value("rate")?,
            burst: fields.value("burst")?,
            size: fields.value("size")?,
            payload_type: fields.value("payload_type")?,
            warmup: fields.value("warmup")?,
            window: fields.value("window")?,
            windows: fields.value("windows")?,
            floor: fields.value("floor")?,
        };
        let sane = (1..=1_000_000).contains(&run.rate)
            && (1..=MAX_BURST).contains(&run.burst)
            && (100..=1400).contains(&run.size)
            && run.payload_type < 128
            && (1..=100).contains(&run.windows)
            && [run.warmup, run.window, run.floor].iter().all(|seconds| (0.0..=3600.0).contains(seconds));
        sane.then_some(run).ok_or_else(|| BadPlan("a value of `run` is out of range".into()))
    }
}

/// The session a line describes.
pub fn peer(fields: &Fields<'_>) -> Result<Peer, BadPlan> {
    let profile = fields.text("profile")?;
    let profile = Profile::from_name(profile).ok_or_else(|| BadPlan(format!("unknown profile {profile}")))?;
    let bad_key = |_| BadPlan("a key of the wrong length".into());
    let fd = fields.value("fd")?;
    Ok(Peer {
        socket: sys::inherited_socket(fd).map_err(|error| BadPlan(format!("descriptor {fd}: {error}")))?,
        sealer: Sealer::new(profile, &fields.bytes("send")?).map_err(bad_key)?,
        opener: Opener::new(profile, &fields.bytes("receive")?).map_err(bad_key)?,
        ssrc: fields.value("ssrc")?,
        username: fields.text("username")?.into(),
        password: fields.text("password")?.into(),
    })
}

/// The `key=value` words of a line.
pub struct Fields<'a>(HashMap<&'a str, &'a str>);

impl<'a> Fields<'a> {
    /// The first word of a line, and the rest.
    pub fn of(line: &'a str) -> (&'a str, Self) {
        let mut words = line.split_whitespace();
        (words.next().unwrap_or(""), Self(words.filter_map(|word| word.split_once('=')).collect()))
    }

    /// A value as it is.
    pub fn text(&self, key: &str) -> Result<&str, BadPlan> {
        self.0.get(key).copied().ok_or_else(|| BadPlan(format!("{key} is missing")))
    }

    /// A value that is a number or an address.
    pub fn value<T: std::str::FromStr>(&self, key: &str) -> Result<T, BadPlan> {
        self.text(key)?.parse().map_err(|_| BadPlan(format!("{key} is not a value that fits")))
    }

    fn bytes(&self, key: &str) -> Result<Vec<u8>, BadPlan> {
        let text = self.text(key)?;
        let bytes = (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok());
        bytes.collect::<Option<_>>().ok_or_else(|| BadPlan(format!("{key} is not hexadecimal")))
    }
}
