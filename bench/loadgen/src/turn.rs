//! The clients of a TURN server, and the peer behind it.
//!
//! Three loads, each named by the first line of its plan: `relay` has clients send ChannelData to a peer that sends
//! everything back, on several servers by turns; `hop` has publishers and viewers of an SFU reach it directly and through
//! its own relay, by turns; `allocations` makes allocations as fast as a server gives them.

mod allocations;
mod bare;
mod client;
mod echo;
mod hop;
mod link;
mod load;
mod outlet;
mod plan;
mod relay;
mod requests;
mod stun;
mod tls;

use std::io::BufRead;

pub use bare::run as relay_barely;

/// Carry out a plan; its findings as JSON.
pub fn run(input: impl BufRead) -> Result<String, String> {
    let lines: Vec<String> = input.lines().collect::<Result<_, _>>().map_err(|error| format!("plan: {error}"))?;
    match lines.first().and_then(|line| line.split_whitespace().next()) {
        Some("relay") => relay::run(plan::Relay::read(&lines).map_err(|error| error.to_string())?),
        Some("hop") => hop::run(plan::Hop::read(&lines).map_err(|error| error.to_string())?),
        Some("allocations") => allocations::run(plan::Allocations::read(&lines).map_err(|error| error.to_string())?),
        _ => Err("the plan starts with neither relay, hop nor allocations".into()),
    }
}
