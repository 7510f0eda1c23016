//! One connection: its bytes, and what they turn out to be.

pub mod arrivals;
pub mod backlog;
pub mod census;
pub mod connection;
pub mod doors;
pub mod ids;
pub mod line;
pub mod messages;
pub mod pending;
pub mod pipe;
pub mod reception;
pub mod table;
