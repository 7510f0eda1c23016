//! H.264 payloads (RFC 6184), packetization modes 0 and 1.

use crate::packet::u16_at;

const IDR_SLICE: u8 = 5;
const SEQUENCE_PARAMETERS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const TYPE_MASK: u8 = 0x1f;
const FU_START: u8 = 0x80;

/// True if the payload holds a sequence parameter set or the start of an IDR slice.
pub fn starts_keyframe(payload: &[u8]) -> bool {
    let Some((first, rest)) = payload.split_first() else { return false };
    match first & TYPE_MASK {
        STAP_A => any_unit(rest, is_key),
        FU_A => rest.first().is_some_and(|header| header & FU_START != 0 && is_key(*header)),
        _ => is_key(*first),
    }
}

fn is_key(header: u8) -> bool {
    matches!(header & TYPE_MASK, IDR_SLICE | SEQUENCE_PARAMETERS)
}

/// Whether the first byte of any unit in an aggregation satisfies `accept`; ends where the framing does.
pub(super) fn any_unit(mut units: &[u8], accept: impl Fn(u8) -> bool) -> bool {
    while let Ok(len) = u16_at(units, 0) {
        let Some((unit, rest)) = units[2..].split_at_checked(usize::from(len)) else { return false };
        if unit.first().is_some_and(|header| accept(*header)) {
            return true;
        }
        units = rest;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_units() {
        assert!(starts_keyframe(&[0x67, 1]) && starts_keyframe(&[0x65, 1]));
        assert!(!starts_keyframe(&[0x61, 1]) && !starts_keyframe(&[0x68, 1]) && !starts_keyframe(&[]));
    }

    #[test]
    fn aggregations() {
        assert!(starts_keyframe(&[0x78, 0, 2, 0x68, 9, 0, 1, 0x65]));
        assert!(!starts_keyframe(&[0x78, 0, 2, 0x68, 9, 0, 2, 0x65]), "the second unit is cut off");
        assert!(!starts_keyframe(&[0x78, 0, 0, 0, 0]) && !starts_keyframe(&[0x78]));
    }

    #[test]
    fn fragments() {
        assert!(starts_keyframe(&[0x7c, 0x85]));
        assert!(!starts_keyframe(&[0x7c, 0x05]), "not the first fragment");
        assert!(!starts_keyframe(&[0x7c, 0x81]) && !starts_keyframe(&[0x7c]));
    }
}
