//! TURN ChannelData (RFC 8656 section 12.4): two bytes of channel number, two of length, the data.

use core::ops::Range;

use super::{u16_at, Malformed};

const HEADER_LEN: usize = 4;

/// The channel, and where in the datagram the data lies.
///
/// What follows the data is passed over: some clients pad by UDP as they must over TCP (RFC 8656 section 12.5).
///
/// # Errors
/// [`Malformed`] if the datagram ends before the data does.
pub fn parse(datagram: &[u8]) -> Result<(u16, Range<usize>), Malformed> {
    let channel = u16_at(datagram, 0)?;
    let data = HEADER_LEN..HEADER_LEN + usize::from(u16_at(datagram, 2)?);
    if data.end > datagram.len() {
        return Err(Malformed);
    }
    Ok((channel, data))
}

/// Appends a message with the data that `fill` writes, without padding. False, and nothing is appended, if `fill` says
/// so or if the data has no place in a message.
pub fn write(out: &mut Vec<u8>, channel: u16, fill: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
    let start = out.len();
    out.extend(channel.to_be_bytes());
    out.extend([0; 2]); // the length, once it is known
    let filled = fill(out);
    match u16::try_from(out.len().saturating_sub(start + HEADER_LEN)) {
        Ok(len) if filled => {
            out[start + 2..start + HEADER_LEN].copy_from_slice(&len.to_be_bytes());
            true
        }
        _ => {
            out.truncate(start);
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(channel: u16, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        assert!(write(&mut out, channel, |out| {
            out.extend_from_slice(data);
            true
        }));
        out
    }

    #[test]
    fn a_message_that_ends_too_early_is_malformed() {
        let whole = message(0x4001, b"data");
        for len in 0..whole.len() {
            assert_eq!(parse(&whole[..len]), Err(Malformed), "length {len}");
        }
    }

    #[test]
    fn nothing_is_left_of_what_cannot_be_written() {
        let mut out = b"before".to_vec();
        assert!(!write(&mut out, 0x4001, |out| {
            out.push(1);
            false
        }));
        assert!(!write(&mut out, 0x4001, |out| {
            out.resize(out.len() + 65_536, 0);
            true
        }));
        assert_eq!(out, b"before");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_with_any_padding(
            channel in 0x4000u16..0x5000, data in prop::collection::vec(any::<u8>(), 0..100), padding in 0usize..8,
        ) {
            let mut datagram = message(channel, &data);
            datagram.resize(datagram.len() + padding, 0);
            let (read, range) = parse(&datagram).unwrap();
            prop_assert_eq!((read, &datagram[range]), (channel, &data[..]));
        }
    }
}
