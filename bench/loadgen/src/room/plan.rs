//! What to do in calls, as lines of `word key=value ...` on standard input.

use std::io::BufRead;

use crate::payload::MIN_LEN;
use crate::plan::{peer, BadPlan, Fields, Peer};

/// Most members of a plan.
const MAX_MEMBERS: usize = 10_000;
/// Most windows of a plan.
const MAX_WINDOWS: usize = 100;
/// Bytes of a datagram besides the payload: header, extension, authentication tag.
const OVERHEAD: usize = 12 + 8 + 16;

/// How a stream is published.
#[derive(Clone, Copy)]
pub struct Load {
    /// Packets per second.
    pub rate: u64,
    /// Bytes of a datagram, authentication tag included.
    pub size: usize,
    /// Payload type.
    pub payload_type: u8,
}

/// The whole plan.
pub struct Plan {
    /// The server's process id, whose CPU time is measured.
    pub server: u32,
    /// Every member's microphone.
    pub audio: Load,
    /// Every member's camera.
    pub video: Load,
    /// Monotonic time at which the first window begins.
    pub start_ns: u64,
    /// Seconds of each window.
    pub lengths: Vec<f64>,
    /// Number of the room, SSRC of the microphone, and the session, whose own SSRC is the camera's.
    pub members: Vec<(usize, u32, Peer)>,
}

impl Plan {
    /// Read a plan up to the line `go`.
    pub fn read(input: impl BufRead) -> Result<Self, BadPlan> {
        let (mut run, mut members) = (None, Vec::new());
        for line in input.lines() {
            let line = line.map_err(|error| BadPlan(format!("standard input: {error}")))?;
            let (kind, fields) = Fields::of(&line);
            match kind {
                "run" => run = Some(Self::parse(&fields)?),
                "member" if members.len() < MAX_MEMBERS => {
                    let room: usize = fields.value("room")?;
                    if room >= MAX_MEMBERS {
                        return Err(BadPlan("a room's number is out of range".into()));
                    }
                    members.push((room, fields.value("audio_ssrc")?, peer(&fields)?));
                }
                "go" => break,
                _ => return Err(BadPlan(format!("unknown line: {kind}"))),
            }
        }
        if members.is_empty() {
            return Err(BadPlan("no line `member`".into()));
        }
        Ok(Self { members, ..run.ok_or_else(|| BadPlan("no line `run`".into()))? })
    }

    fn parse(fields: &Fields<'_>) -> Result<Self, BadPlan> {
        let lengths: Result<Vec<f64>, _> = fields.text("windows")?.split(',').map(str::parse).collect();
        let lengths = lengths.map_err(|_| BadPlan("windows are seconds, separated by commas".into()))?;
        let sane =
            (1..=MAX_WINDOWS).contains(&lengths.len()) && lengths.iter().all(|each| (0.1..=3600.0).contains(each));
        if !sane {
            return Err(BadPlan("a window is out of range".into()));
        }
        Ok(Self {
            server: fields.value("server")?,
            audio: load(fields, "audio")?,
            video: load(fields, "video")?,
            start_ns: fields.value("start")?,
            lengths,
            members: Vec::new(),
        })
    }
}

fn load(fields: &Fields<'_>, kind: &str) -> Result<Load, BadPlan> {
    let load = Load {
        rate: fields.value(&format!("{kind}_rate"))?,
        size: fields.value(&format!("{kind}_size"))?,
        payload_type: fields.value(&format!("{kind}_type"))?,
    };
    let sane = (1..=100_000).contains(&load.rate)
        && (MIN_LEN + OVERHEAD..=1400).contains(&load.size)
        && load.payload_type < 128;
    sane.then_some(load).ok_or_else(|| BadPlan(format!("a value of the {kind} is out of range")))
}
