//! The system has no descriptors left: an engine waits for better times without spinning. A program of its own, as the
//! limit is that of the process.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use core::time::Duration;
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use sluice_datapath::engine::controls::Controls;
use sluice_datapath::engine::{Engine, Options};
use sluice_datapath::event::Event;
use sluice_datapath::net::sys::WaitSet;

const PATIENCE: Duration = Duration::from_secs(10);

fn counter(engine: &Engine, name: &str) -> u64 {
    engine.counters().into_iter().find(|(known, _)| *known == name).unwrap().1
}

fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        WaitSet::default().wait(Some(Duration::from_millis(5))).unwrap();
    }
}

/// Takes descriptors until there are none.
fn exhaust() -> Vec<File> {
    let limit = libc::rlimit { rlim_cur: 256, rlim_max: 256 };
    #[allow(unsafe_code, reason = "the standard library has no limits")]
    // SAFETY: the value lives until the call returns.
    let result = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    assert_eq!(result, 0);
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

#[test]
fn connections_wait_until_there_are_descriptors_again() {
    let options = Options { workers: 1, tcp: true, ..Options::default() };
    let engine = Engine::start(&["127.0.0.1:0".parse().unwrap()], options).unwrap();
    let mut client = None;
    let mut files = exhaust();
    // One for the client, none for the engine.
    files.pop();
    eventually("the kernel takes the connection", || {
        client = client.take().or_else(|| TcpStream::connect(engine.local_addresses()[0]).ok());
        client.is_some()
    });
    let mut client = client.unwrap();
    let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    request.resize(20, 7);
    client.write_all(&request).unwrap();
    eventually("it cannot be accepted", || counter(&engine, "accept_errors") > 2);
    let wakeups = counter(&engine, "wakeups");
    let errors = counter(&engine, "accept_errors");
    eventually("it is tried again", || counter(&engine, "accept_errors") > errors + 5);
    let errors = counter(&engine, "accept_errors") - errors;
    let wakeups = counter(&engine, "wakeups") - wakeups;
    assert!(wakeups <= 4 * errors + 20, "{wakeups} wake-ups for {errors} tries");
    assert!(engine.drain_events(9).is_empty());
    drop(files);
    eventually("it is served", || {
        engine.drain_events(9).into_iter().any(|event| matches!(event, Event::StunReceived { .. }))
    });
    drop(engine);
    assert!(!matches!(client.read(&mut [0]), Ok(1..)));
}
