//! The shell's sockets: batched receive, batched send with segmentation offload, connections, and waiting.

pub mod counters;
pub mod listen;
pub mod network;
pub mod outlet;
pub mod peers;
pub mod proxy;
pub mod relay_socket;
pub mod relay_sockets;
pub mod runs;
pub mod sockets;
pub mod stream;
pub mod streams;
pub mod sys;
pub mod tls;
