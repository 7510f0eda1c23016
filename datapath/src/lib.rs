//! The packet path of Sluice.
//!
//! [`core::Core`] is sans-IO and deterministic: `handle_*` takes bytes, addresses and the time; what it wants sent,
//! told or passed to another core is drained after every input; there is one `next_deadline`. The `net` and `worker`
//! modules are the shell around it; `python` is the only file that names PyO3.

pub mod addressmap;
pub mod admission;
pub mod batch;
pub mod bucket;
pub mod command;
mod constant_time;
pub mod core;
pub mod egress;
pub mod engine;
pub mod event;
pub mod history;
pub mod ice;
pub mod idmap;
pub mod ids;
pub mod keyframe;
pub mod levels;
pub mod media;
pub mod message;
pub mod munger;
pub mod nack;
pub mod net;
pub mod packet;
pub mod path;
pub mod pictures;
pub mod rate;
pub mod receive;
pub mod relay;
pub mod remb;
pub mod serial;
pub mod srtp;
pub mod stats;
pub mod time;
pub mod track;
pub mod transport;
pub mod twcc;
pub mod worker;

#[cfg(feature = "python")]
mod python;
