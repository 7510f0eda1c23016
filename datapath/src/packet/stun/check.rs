//! The two checks at the end of a message: MESSAGE-INTEGRITY and FINGERPRINT.

use ring::hmac;

use super::{HEADER_LEN, INTEGRITY_LEN};

/// FINGERPRINT is the CRC-32 xor this, to differ from a CRC in the application's data (RFC 8489 section 14.7).
const FINGERPRINT_XOR: u32 = 0x5354_554e;

/// FINGERPRINT of a message up to that attribute, whose length field counts it already (RFC 8489 section 14.7).
pub(super) fn fingerprint(message: &[u8]) -> u32 {
    crc32(message) ^ FINGERPRINT_XOR
}

/// The HMAC-SHA1 over a message up to MESSAGE-INTEGRITY, with the length field as if that were its end
/// (RFC 8489 section 14.5).
pub(super) fn integrity(message: &[u8], key: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key));
    let length = (message.len() - HEADER_LEN + 4 + INTEGRITY_LEN) as u16; // a whole message is below 64 KiB
    context.update(&message[..2]);
    context.update(&length.to_be_bytes());
    context.update(&message[4..]);
    context.sign()
}

/// CRC-32 of ITU-T V.42, which FINGERPRINT uses.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let mut crc = byte as u32;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xedb8_8320 };
                bit += 1;
            }
            table[byte] = crc;
            byte += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc, &byte| crc >> 8 ^ TABLE[usize::from(crc as u8 ^ byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_is_the_common_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
