//! Connections to the worker threads over loopback: what comes in by TCP and TLS, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

#[path = "../common/mod.rs"]
mod common;
mod limits;
mod peers;
mod proxied;
mod support;
mod tcp;
mod tls;
