//! STUN messages (RFC 8489) with the attributes ICE adds (RFC 8445 section 7.1).

mod check;
pub mod indication;
mod write;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{array_at, u16_at, u32_at, Malformed};
use crate::constant_time;

use check::{fingerprint, integrity};
pub use write::{write_binding_error, write_binding_request, write_binding_success};

const HEADER_LEN: usize = 20;
const MAGIC_COOKIE: u32 = 0x2112_a442;
const INTEGRITY_LEN: usize = 20;
const FINGERPRINT_LEN: usize = 4;
/// The longest username: two ICE user fragments of 256 characters (RFC 8839 section 5.4) and a colon.
const MAX_USERNAME_LEN: usize = 513;
/// Up to this many unknown attributes are named in an error response.
const MAX_UNKNOWN: usize = 8;

/// Method Binding in the three classes that take part in a transaction (RFC 8489 section 5), and the indications that
/// carry data (RFC 8656 section 17).
mod kind {
    pub const BINDING_REQUEST: u16 = 0x0001;
    pub const BINDING_SUCCESS: u16 = 0x0101;
    pub const BINDING_ERROR: u16 = 0x0111;
    pub const SEND_INDICATION: u16 = 0x0016;
    pub const DATA_INDICATION: u16 = 0x0017;
    /// The two bits of the class, both 0 in a request.
    pub const CLASS: u16 = 0x0110;
}

/// Attribute types (RFC 8489 section 18.3, RFC 8445 section 20.1, RFC 8656 section 18).
mod attribute {
    pub const MAPPED_ADDRESS: u16 = 0x0001;
    pub const USERNAME: u16 = 0x0006;
    pub const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub const ERROR_CODE: u16 = 0x0009;
    pub const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
    pub const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub const DATA: u16 = 0x0013;
    pub const REALM: u16 = 0x0014;
    pub const NONCE: u16 = 0x0015;
    pub const DONT_FRAGMENT: u16 = 0x001a;
    pub const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;
    pub const PASSWORD_ALGORITHM: u16 = 0x001d;
    pub const USERHASH: u16 = 0x001e;
    pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub const PRIORITY: u16 = 0x0024;
    pub const USE_CANDIDATE: u16 = 0x0025;
    pub const ICMP: u16 = 0x8004;
    pub const FINGERPRINT: u16 = 0x8028;
    pub const ICE_CONTROLLED: u16 = 0x8029;
    pub const ICE_CONTROLLING: u16 = 0x802a;
    /// Types below this must be understood by whoever processes the message.
    pub const FIRST_OPTIONAL: u16 = 0x8000;
}

/// What a message is, by its header alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A Binding request.
    BindingRequest,
    /// A request of any other method.
    OtherRequest,
    /// A Send indication: data to relay.
    SendIndication,
    /// An indication of any other method, or a response.
    Other,
}

/// What this datagram is if it is STUN.
///
/// # Errors
/// [`Malformed`] if the header is not STUN's, or the length field is not the datagram's.
pub fn kind(datagram: &[u8]) -> Result<Kind, Malformed> {
    Ok(match header(datagram)? {
        kind::BINDING_REQUEST => Kind::BindingRequest,
        kind::SEND_INDICATION => Kind::SendIndication,
        kind if kind & kind::CLASS == 0 => Kind::OtherRequest,
        _ => Kind::Other,
    })
}

/// Method and class of a datagram with a sound header (RFC 8489 section 5).
fn header(d: &[u8]) -> Result<u16, Malformed> {
    let kind = u16_at(d, 0)?;
    let length = usize::from(u16_at(d, 2)?);
    if kind >> 14 != 0 || u32_at(d, 4)? != MAGIC_COOKIE || length % 4 != 0 || d.len() != HEADER_LEN + length {
        return Err(Malformed);
    }
    Ok(kind)
}

/// A well-formed STUN message, borrowed from its datagram. Nothing in it is authentic before
/// [`Message::integrity_valid`] says so.
///
/// Of an attribute that occurs twice the first counts (RFC 8489 section 14). Attributes behind MESSAGE-INTEGRITY are
/// not protected by it and are ignored, except FINGERPRINT and MESSAGE-INTEGRITY-SHA256 (RFC 8489 section 14.5).
#[derive(Clone, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    kind: u16,
    username: Option<&'a str>,
    use_candidate: bool,
    priority: Option<u32>,
    controlled: Option<u64>,
    controlling: Option<u64>,
    xor_mapped_address: Option<SocketAddr>,
    error_code: Option<u16>,
    /// Where the attribute's header starts.
    integrity: Option<usize>,
    fingerprint: Option<usize>,
    unknown_required: [u16; MAX_UNKNOWN],
    unknown_len: usize,
}

impl<'a> Message<'a> {
    /// Parses a datagram that holds exactly one STUN message.
    ///
    /// # Errors
    /// [`Malformed`] if the header is not STUN's, the length field is not the datagram's, an attribute reaches beyond
    /// the message or has a size or value its type cannot have, or anything follows FINGERPRINT.
    pub fn parse(d: &'a [u8]) -> Result<Self, Malformed> {
        let mut message = Self {
            bytes: d,
            kind: header(d)?,
            username: None,
            use_candidate: false,
            priority: None,
            controlled: None,
            controlling: None,
            xor_mapped_address: None,
            error_code: None,
            integrity: None,
            fingerprint: None,
            unknown_required: [0; MAX_UNKNOWN],
            unknown_len: 0,
        };
        let mut at = HEADER_LEN;
        while at < d.len() {
            if message.fingerprint.is_some() {
                return Err(Malformed);
            }
            let value_len = usize::from(u16_at(d, at + 2)?);
            let value = d.get(at + 4..at + 4 + value_len).ok_or(Malformed)?;
            message.read_attribute(at, u16_at(d, at)?, value)?;
            at += 4 + value_len.next_multiple_of(4);
        }
        if at != d.len() {
            return Err(Malformed);
        }
        Ok(message)
    }

    fn read_attribute(&mut self, at: usize, attribute: u16, value: &'a [u8]) -> Result<(), Malformed> {
        match attribute {
            attribute::FINGERPRINT => {
                exactly::<FINGERPRINT_LEN>(value)?;
                self.fingerprint = Some(at);
            }
            _ if self.integrity.is_some() => {}
            attribute::MESSAGE_INTEGRITY => {
                exactly::<INTEGRITY_LEN>(value)?;
                self.integrity = Some(at);
            }
            attribute::USERNAME if value.len() > MAX_USERNAME_LEN => return Err(Malformed),
            attribute::USERNAME => set(&mut self.username, core::str::from_utf8(value).map_err(|_| Malformed)?),
            attribute::USE_CANDIDATE => {
                exactly::<0>(value)?;
                self.use_candidate = true;
            }
            attribute::PRIORITY => set(&mut self.priority, u32::from_be_bytes(exactly(value)?)),
            attribute::ICE_CONTROLLED => set(&mut self.controlled, u64::from_be_bytes(exactly(value)?)),
            attribute::ICE_CONTROLLING => set(&mut self.controlling, u64::from_be_bytes(exactly(value)?)),
            attribute::XOR_MAPPED_ADDRESS => {
                let address = unmask_address(self.bytes, value)?;
                set(&mut self.xor_mapped_address, address);
            }
            attribute::ERROR_CODE => set(&mut self.error_code, parse_error_code(value)?),
            attribute::MAPPED_ADDRESS
            | attribute::UNKNOWN_ATTRIBUTES
            | attribute::REALM
            | attribute::NONCE
            | attribute::MESSAGE_INTEGRITY_SHA256
            | attribute::PASSWORD_ALGORITHM
            | attribute::USERHASH
            | attribute::FIRST_OPTIONAL.. => {}
            unknown => self.note_unknown(unknown),
        }
        Ok(())
    }

    fn note_unknown(&mut self, attribute: u16) {
        if let Some(slot) = self.unknown_required.get_mut(self.unknown_len) {
            *slot = attribute;
            self.unknown_len += 1;
        }
    }

    /// True for a Binding request.
    pub fn is_binding_request(&self) -> bool {
        self.kind == kind::BINDING_REQUEST
    }

    /// True for a Binding success response.
    pub fn is_binding_success(&self) -> bool {
        self.kind == kind::BINDING_SUCCESS
    }

    /// True for a Binding error response.
    pub fn is_binding_error(&self) -> bool {
        self.kind == kind::BINDING_ERROR
    }

    /// The transaction id, to be repeated in the response.
    pub fn transaction_id(&self) -> [u8; 12] {
        // The constructor checked the length; zeros cannot happen.
        array_at(self.bytes, 8).unwrap_or_default()
    }

    /// USERNAME; in ICE `receiver's ufrag:sender's ufrag` (RFC 8445 section 7.2.2).
    pub fn username(&self) -> Option<&'a str> {
        self.username
    }

    /// True if USE-CANDIDATE is present: the sender nominates this path (RFC 8445 section 8.1.1).
    pub fn use_candidate(&self) -> bool {
        self.use_candidate
    }

    /// PRIORITY (RFC 8445 section 7.1.1).
    pub fn priority(&self) -> Option<u32> {
        self.priority
    }

    /// The tie-breaker of a sender in the controlled role.
    pub fn ice_controlled(&self) -> Option<u64> {
        self.controlled
    }

    /// The tie-breaker of a sender in the controlling role.
    pub fn ice_controlling(&self) -> Option<u64> {
        self.controlling
    }

    /// XOR-MAPPED-ADDRESS of a success response.
    pub fn xor_mapped_address(&self) -> Option<SocketAddr> {
        self.xor_mapped_address
    }

    /// ERROR-CODE of an error response, 300 to 699.
    pub fn error_code(&self) -> Option<u16> {
        self.error_code
    }

    /// Whether FINGERPRINT fits the message (RFC 8489 section 14.7); `None` if there is none.
    pub fn fingerprint_valid(&self) -> Option<bool> {
        let at = self.fingerprint?;
        Some(u32_at(self.bytes, at + 4) == Ok(fingerprint(&self.bytes[..at])))
    }

    /// Whether MESSAGE-INTEGRITY was made with `key` (RFC 8489 section 14.5); false if there is none.
    pub fn integrity_valid(&self, key: &[u8]) -> bool {
        let Some(at) = self.integrity else { return false };
        let expected = integrity(&self.bytes[..at], key);
        let start = at + 4;
        self.bytes.get(start..start + INTEGRITY_LEN).is_some_and(|tag| constant_time::equal(tag, expected.as_ref()))
    }

    /// Attributes that must be understood but are not (RFC 8489 section 6.3.1); the first eight.
    pub fn unknown_required(&self) -> Vec<u16> {
        self.unknown_required[..self.unknown_len].to_vec()
    }
}

/// Undoes the masking of an address in a message (RFC 8489 section 14.2).
fn unmask_address(message: &[u8], value: &[u8]) -> Result<SocketAddr, Malformed> {
    let [_, family, rest @ ..] = value else { return Err(Malformed) };
    let port = u16_at(rest, 0)? ^ (MAGIC_COOKIE >> 16) as u16;
    let mask: [u8; 16] = array_at(message, 4)?;
    let address = match (family, &rest[2..]) {
        (1, octets) => IpAddr::from(Ipv4Addr::from(u32::from_be_bytes(exactly(octets)?) ^ MAGIC_COOKIE)),
        (2, octets) => {
            let masked = u128::from_be_bytes(exactly(octets)?);
            IpAddr::from(Ipv6Addr::from(masked ^ u128::from_be_bytes(mask)))
        }
        _ => return Err(Malformed),
    };
    Ok(SocketAddr::new(address, port))
}

/// Sets an attribute that was not seen before.
fn set<T>(slot: &mut Option<T>, value: T) {
    slot.get_or_insert(value);
}

fn exactly<const N: usize>(value: &[u8]) -> Result<[u8; N], Malformed> {
    value.try_into().map_err(|_| Malformed)
}

/// ERROR-CODE: class in hundreds, then 0 to 99 (RFC 8489 section 14.8).
fn parse_error_code(value: &[u8]) -> Result<u16, Malformed> {
    match value {
        [_, _, class, number @ 0..=99, ..] if (3..=6).contains(&(class & 7)) => {
            Ok(u16::from(class & 7) * 100 + u16::from(*number))
        }
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: [u8; 12] = *b"transaction!";

    /// A Binding request of these attributes, without integrity or fingerprint.
    fn request(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (attribute, value) in attributes {
            body.extend(attribute.to_be_bytes());
            body.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let mut message = kind::BINDING_REQUEST.to_be_bytes().to_vec();
        message.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        message.extend(MAGIC_COOKIE.to_be_bytes());
        message.extend(ID);
        message.extend(body);
        message
    }

    #[test]
    fn the_length_must_be_exact() {
        let message = request(&[(attribute::PRIORITY, &[0, 0, 0, 9])]);
        assert_eq!(Message::parse(&message).unwrap().priority(), Some(9));
        for len in 0..message.len() {
            assert!(Message::parse(&message[..len]).is_err(), "length {len}");
        }
        assert!(Message::parse(&[message, vec![0; 4]].concat()).is_err());
    }

    #[test]
    fn attributes_of_impossible_size_or_value_are_refused() {
        for (attribute, value) in [
            (attribute::PRIORITY, [0; 5].as_slice()),
            (attribute::USE_CANDIDATE, &[0]),
            (attribute::ICE_CONTROLLED, &[0; 4]),
            (attribute::ICE_CONTROLLING, &[0; 9]),
            (attribute::MESSAGE_INTEGRITY, &[0; 19]),
            (attribute::FINGERPRINT, &[]),
            (attribute::USERNAME, &[0xff]),
            (attribute::USERNAME, &[b'a'; 514]),
            (attribute::XOR_MAPPED_ADDRESS, &[0, 1, 0, 0, 1, 2, 3]),
            (attribute::XOR_MAPPED_ADDRESS, &[0, 3, 0, 0, 1, 2, 3, 4]),
            (attribute::XOR_MAPPED_ADDRESS, &[0]),
            (attribute::ERROR_CODE, &[0, 0, 7, 0]),
            (attribute::ERROR_CODE, &[0, 0, 4, 100]),
        ] {
            assert!(Message::parse(&request(&[(attribute, value)])).is_err(), "{attribute:#06x} {value:?}");
        }
    }

    #[test]
    fn the_first_of_two_counts() {
        let message = request(&[(attribute::PRIORITY, &[0, 0, 0, 1]), (attribute::PRIORITY, &[0, 0, 0, 2])]);
        assert_eq!(Message::parse(&message).unwrap().priority(), Some(1));
    }

    #[test]
    fn nothing_counts_behind_integrity_and_nothing_may_follow_the_fingerprint() {
        let tag = [0; INTEGRITY_LEN];
        let ignored = request(&[(attribute::MESSAGE_INTEGRITY, &tag), (attribute::USE_CANDIDATE, &[]), (0x7777, &[])]);
        let message = Message::parse(&ignored).unwrap();
        assert!(!message.use_candidate() && message.unknown_required().is_empty());
        let fingerprint = (attribute::FINGERPRINT, [0; 4].as_slice());
        assert!(Message::parse(&request(&[fingerprint, (attribute::MESSAGE_INTEGRITY, &tag)])).is_err());
        assert!(Message::parse(&request(&[fingerprint, fingerprint])).is_err());
    }

    #[test]
    fn unknown_attributes_are_listed_up_to_a_bound() {
        let attributes: Vec<(u16, &[u8])> = (0x7000..0x7020).map(|attribute| (attribute, [].as_slice())).collect();
        let bytes = request(&attributes);
        assert_eq!(Message::parse(&bytes).unwrap().unknown_required(), (0x7000..0x7008).collect::<Vec<_>>());
        let bytes = request(&[(0x8fff, &[1]), (attribute::NONCE, b"n")]);
        assert!(Message::parse(&bytes).unwrap().unknown_required().is_empty());
    }

    #[test]
    fn without_integrity_no_key_fits() {
        assert!(!Message::parse(&request(&[])).unwrap().integrity_valid(b""));
    }

    proptest! {
        #[test]
        fn arbitrary_attributes_never_panic(
            attributes in prop::collection::vec((
                prop_oneof![any::<u16>(), 0u16..0x30, 0x8020u16..0x8030],
                prop::collection::vec(any::<u8>(), 0..24),
            ), 0..6),
            cut in 0usize..8,
        ) {
            let attributes: Vec<(u16, &[u8])> = attributes.iter().map(|(a, v)| (*a, v.as_slice())).collect();
            let mut bytes = request(&attributes);
            bytes.truncate(bytes.len().saturating_sub(cut));
            if let Ok(message) = Message::parse(&bytes) {
                prop_assert!(!message.integrity_valid(b"key"));
                let _ = message.fingerprint_valid();
                prop_assert!(message.unknown_required().len() <= MAX_UNKNOWN);
            }
        }
    }
}
