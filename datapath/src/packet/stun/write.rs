//! Writing Binding requests and responses.

use core::net::{IpAddr, SocketAddr};

use super::check::{fingerprint, integrity};
use super::{attribute, kind, HEADER_LEN, MAGIC_COOKIE};

/// Longest attribute value we write, so that no message comes near the 64 KiB of its length field.
const MAX_VALUE_LEN: usize = 1024;

/// Appends an ICE connectivity check (RFC 8445 section 7.2.2) with MESSAGE-INTEGRITY and FINGERPRINT.
///
/// `username` is `receiver's ufrag:sender's ufrag` and `key` the receiver's ICE password; `controlling` is the
/// tie-breaker of a sender in the controlling role, `None` writes neither role.
pub fn write_binding_request(
    out: &mut Vec<u8>,
    transaction_id: [u8; 12],
    username: &str,
    key: &[u8],
    priority: u32,
    controlling: Option<u64>,
    use_candidate: bool,
) {
    let mut writer = Writer::start(out, kind::BINDING_REQUEST, transaction_id);
    writer.attribute(attribute::USERNAME, username.as_bytes());
    writer.attribute(attribute::PRIORITY, &priority.to_be_bytes());
    if let Some(tie_breaker) = controlling {
        writer.attribute(attribute::ICE_CONTROLLING, &tie_breaker.to_be_bytes());
    }
    if use_candidate {
        writer.attribute(attribute::USE_CANDIDATE, &[]);
    }
    writer.finish(Some(key));
}

/// Appends a Binding success response with XOR-MAPPED-ADDRESS, MESSAGE-INTEGRITY and FINGERPRINT.
///
/// An IPv4-mapped IPv6 address is written as the IPv4 address it stands for.
pub fn write_binding_success(out: &mut Vec<u8>, transaction_id: [u8; 12], mapped: SocketAddr, key: &[u8]) {
    let writer = Writer::start(out, kind::BINDING_SUCCESS, transaction_id);
    write_address(writer.out, attribute::XOR_MAPPED_ADDRESS, transaction_id, mapped);
    writer.finish(Some(key));
}

/// Appends a Binding error response with FINGERPRINT, and with MESSAGE-INTEGRITY if there is a `key`.
///
/// `code` is 300 to 699 (RFC 8489 section 14.8). UNKNOWN-ATTRIBUTES is written if `unknown` has any.
pub fn write_binding_error(
    out: &mut Vec<u8>,
    transaction_id: [u8; 12],
    code: u16,
    unknown: &[u16],
    key: Option<&[u8]>,
) {
    let code = code.clamp(300, 699);
    let mut writer = Writer::start(out, kind::BINDING_ERROR, transaction_id);
    let mut value = vec![0, 0, (code / 100) as u8, (code % 100) as u8]; // class 3 to 6, number 0 to 99
    value.extend(reason(code).as_bytes());
    writer.attribute(attribute::ERROR_CODE, &value);
    if !unknown.is_empty() {
        let value: Vec<u8> = unknown.iter().flat_map(|attribute| attribute.to_be_bytes()).collect();
        writer.attribute(attribute::UNKNOWN_ATTRIBUTES, &value);
    }
    writer.finish(key);
}

/// The recommended reason phrases (RFC 8489 section 14.8, RFC 8445 section 20.2).
fn reason(code: u16) -> &'static str {
    match code {
        400 => "Bad Request",
        401 => "Unauthenticated",
        420 => "Unknown Attribute",
        487 => "Role Conflict",
        500 => "Server Error",
        _ => "",
    }
}

/// Appends an attribute with a masked address: the port with the magic cookie's first half, the address with the magic
/// cookie and, for IPv6, the transaction id (RFC 8489 section 14.2).
pub(super) fn write_address(out: &mut Vec<u8>, attribute: u16, transaction_id: [u8; 12], address: SocketAddr) {
    let port = (address.port() ^ (MAGIC_COOKIE >> 16) as u16).to_be_bytes();
    out.extend(attribute.to_be_bytes());
    match address.ip().to_canonical() {
        IpAddr::V4(address) => {
            out.extend([0, 8, 0, 1]);
            out.extend(port);
            out.extend((u32::from(address) ^ MAGIC_COOKIE).to_be_bytes());
        }
        IpAddr::V6(address) => {
            let mask = MAGIC_COOKIE.to_be_bytes().into_iter().chain(transaction_id);
            out.extend([0, 20, 0, 2]);
            out.extend(port);
            out.extend(address.octets().into_iter().zip(mask).map(|(octet, mask)| octet ^ mask));
        }
    }
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Writer<'a> {
    fn start(out: &'a mut Vec<u8>, kind: u16, transaction_id: [u8; 12]) -> Self {
        let start = out.len();
        out.extend(kind.to_be_bytes());
        out.extend([0; 2]); // the length, once it is known
        out.extend(MAGIC_COOKIE.to_be_bytes());
        out.extend(transaction_id);
        Self { out, start }
    }

    fn attribute(&mut self, attribute: u16, value: &[u8]) {
        let value = &value[..value.len().min(MAX_VALUE_LEN)];
        self.out.extend(attribute.to_be_bytes());
        self.out.extend((value.len() as u16).to_be_bytes());
        self.out.extend(value);
        self.out.resize(self.out.len() + value.len().next_multiple_of(4) - value.len(), 0);
    }

    fn finish(mut self, key: Option<&[u8]>) {
        if let Some(key) = key {
            let tag = integrity(&self.out[self.start..], key);
            self.attribute(attribute::MESSAGE_INTEGRITY, tag.as_ref());
        }
        self.set_length(self.out.len() + 8);
        let fingerprint = fingerprint(&self.out[self.start..]);
        self.attribute(attribute::FINGERPRINT, &fingerprint.to_be_bytes());
    }

    /// Sets the length field for a message that ends at `end` of the output.
    fn set_length(&mut self, end: usize) {
        let length = (end - self.start - HEADER_LEN) as u16; // few attributes, each at most MAX_VALUE_LEN
        self.out[self.start + 2..self.start + 4].copy_from_slice(&length.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::super::Message;
    use super::*;
    use proptest::prelude::*;

    const ID: [u8; 12] = *b"transaction!";

    #[test]
    fn an_ipv4_mapped_address_is_written_as_ipv4() {
        let mut out = Vec::new();
        write_binding_success(&mut out, ID, "[::ffff:192.0.2.7]:4000".parse().unwrap(), b"key");
        let message = Message::parse(&out).unwrap();
        assert_eq!(message.xor_mapped_address(), Some("192.0.2.7:4000".parse().unwrap()));
    }

    #[test]
    fn an_error_names_its_code_and_unknown_attributes() {
        let mut out = b"before".to_vec();
        write_binding_error(&mut out, ID, 420, &[0x7001, 0x7002, 0x7003], None);
        let bytes = &out[6..];
        let message = Message::parse(bytes).unwrap();
        assert!(message.is_binding_error() && message.error_code() == Some(420));
        assert_eq!(message.fingerprint_valid(), Some(true));
        assert!(!message.integrity_valid(b"key"));
        let listed = [0x00, 0x0a, 0x00, 0x06, 0x70, 0x01, 0x70, 0x02, 0x70, 0x03];
        assert!(bytes.windows(listed.len()).any(|window| window == listed));
    }

    proptest! {
        #[test]
        fn a_request_is_read_back(
            transaction_id: [u8; 12], username in "[a-z0-9]{1,40}:[a-z0-9]{1,40}", priority: u32,
            controlling: Option<u64>, use_candidate: bool, flipped in any::<prop::sample::Index>(), bit in 0u8..8,
        ) {
            let mut out = Vec::new();
            let key = b"password";
            write_binding_request(&mut out, transaction_id, &username, key, priority, controlling, use_candidate);
            let message = Message::parse(&out).unwrap();
            prop_assert!(message.is_binding_request() && !message.is_binding_success());
            prop_assert_eq!(message.transaction_id(), transaction_id);
            prop_assert_eq!(message.username(), Some(username.as_str()));
            prop_assert_eq!(message.priority(), Some(priority));
            prop_assert_eq!(message.ice_controlling(), controlling);
            prop_assert_eq!(message.ice_controlled(), None);
            prop_assert_eq!(message.use_candidate(), use_candidate);
            prop_assert_eq!(message.fingerprint_valid(), Some(true));
            prop_assert!(message.integrity_valid(b"password") && !message.integrity_valid(b"Password"));

            let position = flipped.index(out.len());
            out[position] ^= 1 << bit;
            let intact = Message::parse(&out).is_ok_and(|message| {
                message.fingerprint_valid() == Some(true) && message.integrity_valid(b"password")
            });
            prop_assert!(!intact, "a flipped bit went unnoticed");
        }

        #[test]
        fn a_mapped_address_is_read_back(transaction_id: [u8; 12], octets: [u8; 16], v4: bool, port: u16) {
            let [a, b, c, d, ..] = octets;
            let ip = if v4 { IpAddr::from([a, b, c, d]) } else { IpAddr::from(octets) };
            let mut out = Vec::new();
            write_binding_success(&mut out, transaction_id, SocketAddr::new(ip, port), b"key");
            let message = Message::parse(&out).unwrap();
            prop_assert!(message.is_binding_success() && message.integrity_valid(b"key"));
            prop_assert_eq!(message.xor_mapped_address(), Some(SocketAddr::new(ip.to_canonical(), port)));
        }
    }
}
