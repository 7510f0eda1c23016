//! Redundant audio (RFC 2198).

use core::ops::Range;

use crate::packet::{array_at, Malformed};

/// Another header follows; the last one has the bit clear and is one byte long.
const FOLLOWED: u8 = 0x80;
const REDUNDANT_HEADER_LEN: usize = 4;
const LENGTH_MASK: u32 = 0x3ff;

/// The payload type of the primary block, and where its data stands.
///
/// # Errors
/// [`Malformed`] if the headers or the redundant blocks reach beyond the payload.
pub fn primary(payload: &[u8]) -> Result<(u8, Range<usize>), Malformed> {
    let (mut at, mut redundant_len) = (0, 0);
    loop {
        let first = *payload.get(at).ok_or(Malformed)?;
        if first & FOLLOWED == 0 {
            let start = at + 1 + redundant_len;
            return if start <= payload.len() { Ok((first, start..payload.len())) } else { Err(Malformed) };
        }
        redundant_len += (u32::from_be_bytes(array_at(payload, at)?) & LENGTH_MASK) as usize;
        at += REDUNDANT_HEADER_LEN;
    }
}

/// Sets the payload type of every block to `pt`, which is below 128: to what the receiver calls the codec.
///
/// # Errors
/// [`Malformed`] as for [`primary`]; the payload is then unchanged.
pub fn rewrite_payload_types(payload: &mut [u8], pt: u8) -> Result<(), Malformed> {
    primary(payload)?;
    let mut at = 0;
    while payload[at] & FOLLOWED != 0 {
        payload[at] = FOLLOWED | pt;
        at += REDUNDANT_HEADER_LEN;
    }
    payload[at] = pt & !FOLLOWED;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_primary_block_follows_the_redundant_ones() {
        let mut payload = vec![0x80 | 111, 0x0f, 0x00, 2, 0x80 | 111, 0x07, 0x80, 1, 111, 0xaa, 0xaa, 0xbb, 1, 2, 3];
        assert_eq!(primary(&payload), Ok((111, 12..15)));
        assert_eq!(rewrite_payload_types(&mut payload, 96), Ok(()));
        assert_eq!(payload, [0x80 | 96, 0x0f, 0x00, 2, 0x80 | 96, 0x07, 0x80, 1, 96, 0xaa, 0xaa, 0xbb, 1, 2, 3]);
        assert_eq!(primary(&[111]), Ok((111, 1..1)));
    }

    #[test]
    fn what_reaches_beyond_the_payload_is_refused_and_left_alone() {
        let mut payload = [0x80 | 111, 0, 0, 2, 111, 0xaa];
        assert_eq!(rewrite_payload_types(&mut payload, 96), Err(Malformed));
        assert_eq!(payload, [0x80 | 111, 0, 0, 2, 111, 0xaa]);
        for len in 0..5 {
            assert_eq!(primary(&payload[..len]), Err(Malformed));
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut payload in prop::collection::vec(any::<u8>(), 0..64), pt in 0u8..128) {
            let before = primary(&payload);
            let rewritten = rewrite_payload_types(&mut payload, pt);
            prop_assert_eq!(rewritten.is_ok(), before.is_ok());
            if let Ok((_, range)) = before {
                prop_assert_eq!(primary(&payload), Ok((pt, range)));
            }
        }
    }
}
