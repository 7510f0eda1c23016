//! Any datagram is either malformed or a message whose attributes can all be read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_datapath::packet::stun::{write_binding_error, Message};

fuzz_target!(|datagram: &[u8]| {
    let Ok(message) = Message::parse(datagram) else { return };
    assert!(message.username().is_none_or(|username| username.len() <= 513));
    assert!(!message.integrity_valid(b"a key nobody has"), "a forgery was accepted");
    let unknown = message.unknown_required();
    assert!(unknown.len() <= 8);
    let mut response = Vec::new();
    write_binding_error(&mut response, message.transaction_id(), 420, &unknown, None);
    let response = Message::parse(&response).expect("what is written can be read");
    assert_eq!(response.transaction_id(), message.transaction_id());
    assert_eq!(response.fingerprint_valid(), Some(true));
});
