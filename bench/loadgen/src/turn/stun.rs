//! STUN messages as a TURN client writes and reads them (RFC 8489 section 5).

use hmac::{Hmac, Mac};
use sha1::Sha1;

const HEADER: usize = 20;
const COOKIE: [u8; 4] = 0x2112_A442_u32.to_be_bytes();
const MESSAGE_INTEGRITY: u16 = 0x0008;

/// A message being written.
pub struct Writer(Vec<u8>);

impl Writer {
    /// A message of this type without attributes.
    pub fn new(kind: u16, transaction: [u8; 12]) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0; 2]);
        bytes.extend(COOKIE);
        bytes.extend(transaction);
        Self(bytes)
    }

    /// Append an attribute.
    pub fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        self.0.extend(kind.to_be_bytes());
        self.0.extend((value.len() as u16).to_be_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self.set_length(0);
        self
    }

    /// Append MESSAGE-INTEGRITY (RFC 8489 section 14.5).
    pub fn integrity(mut self, key: &[u8]) -> Self {
        self.set_length(24);
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else { return self }; // any length of key will do
        mac.update(&self.0);
        let code = mac.finalize().into_bytes();
        self.attribute(MESSAGE_INTEGRITY, &code)
    }

    /// The message.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    fn set_length(&mut self, more: usize) {
        let length = (self.0.len() - HEADER + more) as u16;
        self.0[2..4].copy_from_slice(&length.to_be_bytes());
    }
}

/// A received message. Its integrity is not checked: nobody else is on the loopback.
#[derive(Clone, Copy)]
pub struct Message<'a>(&'a [u8]);

impl<'a> Message<'a> {
    /// A datagram that looks like one STUN message.
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        let length = usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?));
        (bytes[0] < 4 && bytes.get(4..8)? == COOKIE && bytes.len() == HEADER + length).then_some(Self(bytes))
    }

    /// Method and class.
    pub fn kind(&self) -> u16 {
        u16::from_be_bytes([self.0[0], self.0[1]])
    }

    /// Whom it answers.
    pub fn transaction(&self) -> [u8; 12] {
        std::array::from_fn(|at| self.0[8 + at])
    }

    /// The first attribute of this type.
    pub fn attribute(&self, kind: u16) -> Option<&'a [u8]> {
        let mut rest = &self.0[HEADER..];
        while let [high, low, length_high, length_low, after @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
            if u16::from_be_bytes([*high, *low]) == kind {
                return after.get(..length);
            }
            rest = after.get(length.next_multiple_of(4)..)?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769 section 2.4, whose password comes out of SASLprep as `TheMatrIX`.
    #[test]
    fn the_long_term_vector() {
        let expected = "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c\
                        662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f72670000080014\
                        f67024656dd64a3e02b8e0712e85c9a28ca89666";
        let transaction = [0x78, 0xad, 0x34, 0x33, 0xc6, 0xad, 0x72, 0xc0, 0x29, 0xda, 0x41, 0x2e];
        let message = Writer::new(0x0001, transaction)
            .attribute(0x0006, "マトリックス".as_bytes())
            .attribute(0x0015, b"f//499k954d6OL34oL9FSTvy64sA")
            .attribute(0x0014, b"example.org")
            .integrity(&super::super::requests::long_term_key("マトリックス", b"example.org", "TheMatrIX"))
            .finish();
        assert_eq!(message.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), expected);
    }

    #[test]
    fn attributes_are_found_behind_padding() {
        let bytes = Writer::new(0x0113, [7; 12]).attribute(0x0009, b"abcde").attribute(0x0015, b"nonce").finish();
        let message = Message::of(&bytes);
        assert_eq!(message.map(|message| (message.kind(), message.transaction())), Some((0x0113, [7; 12])));
        assert_eq!(message.and_then(|message| message.attribute(0x0015)), Some(&b"nonce"[..]));
        assert_eq!(message.and_then(|message| message.attribute(0x0014)), None);
        for length in 0..bytes.len() {
            assert!(Message::of(&bytes[..length]).is_none());
        }
    }
}
