//! STUN against RFC 5769, "Test Vectors for Session Traversal Utilities for NAT".
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use sluice_datapath::packet::stun::Message;

/// Section 2's parameters.
const PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";
const TRANSACTION_ID: &str = "b7e7a701 bc34d686 fa87dfae";

/// Section 2.1. The padding of USERNAME is spaces, which MESSAGE-INTEGRITY covers.
const REQUEST: &str = "00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c 69656e74
    00240004 6e0001ff 80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020 00080014 9aeaa70c bfd8cb56
    781ef2b5 b2d3f249 c1b571a2 80280004 e57a3bcf";

/// Section 2.2.
const IPV4_RESPONSE: &str = "0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220
    00200008 0001a147 e112a643 00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96";

/// Section 2.3.
const IPV6_RESPONSE: &str = "01010048 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220
    00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9 00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41
    80280004 c8fb0b4c";

/// Section 2.4: a long-term credential, no FINGERPRINT.
const LONG_TERM_REQUEST: &str = "00010060 2112a442 78ad3433 c6ad72c0 29da412e 00060012 e3839ee3 8388e383 aae38383
    e382afe3 82b90000 0015001c 662f2f34 39396b39 35346436 4f4c3334 6f4c3946 53547679 36347341 0014000b
    6578616d 706c652e 6f726700 00080014 f6702465 6dd64a3e 02b8e071 2e85c9a2 8ca89666";

/// MD5 of "マトリックス:example.org:TheMatrIX" (RFC 8489 section 9.2.2).
const LONG_TERM_KEY: &str = "e8ca7ad59d5eb0518e312911d2dab2a9";

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[test]
fn request_with_short_term_credential() {
    let bytes = hex(REQUEST);
    let message = Message::parse(&bytes).unwrap();
    assert!(message.is_binding_request());
    assert_eq!(message.transaction_id()[..], hex(TRANSACTION_ID));
    assert_eq!(message.username(), Some("evtj:h6vY"));
    assert_eq!(message.priority(), Some(0x6e00_01ff));
    assert_eq!(message.ice_controlled(), Some(0x932f_f9b1_5126_3b36));
    assert_eq!((message.ice_controlling(), message.use_candidate()), (None, false));
    assert_eq!(message.fingerprint_valid(), Some(true));
    assert!(message.integrity_valid(PASSWORD));
    assert!(message.unknown_required().is_empty());
}

#[test]
fn responses_with_short_term_credential() {
    for (digits, mapped) in
        [(IPV4_RESPONSE, "192.0.2.1:32853"), (IPV6_RESPONSE, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")]
    {
        let bytes = hex(digits);
        let message = Message::parse(&bytes).unwrap();
        assert!(message.is_binding_success());
        assert_eq!(message.transaction_id()[..], hex(TRANSACTION_ID));
        assert_eq!(message.xor_mapped_address(), Some(mapped.parse().unwrap()));
        assert_eq!(message.fingerprint_valid(), Some(true), "{mapped}");
        assert!(message.integrity_valid(PASSWORD), "{mapped}");
    }
}

#[test]
fn request_with_long_term_credential() {
    let bytes = hex(LONG_TERM_REQUEST);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.username(), Some("マトリックス"));
    assert_eq!(message.fingerprint_valid(), None);
    assert!(message.integrity_valid(&hex(LONG_TERM_KEY)));
    assert!(message.unknown_required().is_empty());
}

#[test]
fn every_bit_of_a_vector_counts() {
    for digits in [REQUEST, IPV4_RESPONSE, IPV6_RESPONSE] {
        let intact = hex(digits);
        for position in 0..intact.len() * 8 {
            let mut bytes = intact.clone();
            bytes[position / 8] ^= 1 << (position % 8);
            let accepted = Message::parse(&bytes)
                .is_ok_and(|message| message.fingerprint_valid() == Some(true) && message.integrity_valid(PASSWORD));
            assert!(!accepted, "bit {position}");
        }
    }
}
