//! The wire formats: parsers that accept any bytes and writers that cannot be made to write nonsense.

pub mod channel_data;
pub mod codec;
pub mod extensions;
pub mod framing;
pub mod rtcp;
pub mod rtp;
pub mod stun;

use core::fmt;

/// What was received is not a packet of the kind it claims to be.
///
/// Parsing has this one error: a malformed packet is dropped and counted, whatever is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("malformed packet")
    }
}

impl std::error::Error for Malformed {}

/// The protocol of a datagram, told by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// STUN, or TURN that is not ChannelData (RFC 8489).
    Stun,
    /// A DTLS record (RFC 9147).
    Dtls,
    /// TURN ChannelData (RFC 8656 section 12.4).
    ChannelData,
    /// RTP or SRTP (RFC 3550).
    Rtp,
    /// RTCP or SRTCP (RFC 3550).
    Rtcp,
    /// Anything else, including an empty datagram.
    Unknown,
}

/// Tells protocols on one port apart (RFC 7983 section 7), and RTCP from RTP (RFC 5761 section 4).
pub fn classify(datagram: &[u8]) -> Class {
    match datagram {
        [0..=3, ..] => Class::Stun,
        [20..=63, ..] => Class::Dtls,
        // RFC 8656 uses the numbers up to 79, RFC 5766 those to 127, which nobody else has; unbound ones lead nowhere.
        [64..=127, ..] => Class::ChannelData,
        [128..=191, 192..=223, ..] => Class::Rtcp,
        [128..=191, ..] => Class::Rtp,
        _ => Class::Unknown,
    }
}

/// The big-endian 16-bit number at `at`.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Malformed> {
    array_at(bytes, at).map(u16::from_be_bytes)
}

/// The big-endian 32-bit number at `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Malformed> {
    array_at(bytes, at).map(u32::from_be_bytes)
}

/// The big-endian 64-bit number at `at`.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Result<u64, Malformed> {
    array_at(bytes, at).map(u64::from_be_bytes)
}

/// The `N` bytes at `at`.
pub(crate) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Malformed> {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_tells_the_protocol() {
        let class_of = |first: u8| classify(&[first, 0, 0, 0]);
        let ranges = [
            (0..=3, Class::Stun),
            (4..=19, Class::Unknown),
            (20..=63, Class::Dtls),
            (64..=127, Class::ChannelData),
            (128..=191, Class::Rtp),
            (192..=255, Class::Unknown),
        ];
        for (range, class) in ranges {
            for first in range {
                assert_eq!(class_of(first), class, "first byte {first}");
            }
        }
        assert_eq!(classify(&[]), Class::Unknown);
    }

    #[test]
    fn the_second_byte_tells_rtcp_from_rtp() {
        for second in 0..=255 {
            let expected = if (192..=223).contains(&second) { Class::Rtcp } else { Class::Rtp };
            assert_eq!(classify(&[0x80, second]), expected, "second byte {second}");
        }
        assert_eq!(classify(&[0x80]), Class::Rtp);
    }
}
