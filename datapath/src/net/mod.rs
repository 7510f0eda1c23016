//! The shell's sockets: batched receive, batched send with segmentation offload, and waiting.

pub mod counters;
pub mod listen;
pub mod runs;
pub mod sockets;
pub mod sys;
