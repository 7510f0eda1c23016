//! H.264 payloads (RFC 6184), packetization modes 0 and 1.

use crate::packet::u16_at;

const IDR_SLICE: u8 = 5;
const SEQUENCE_PARAMETERS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const TYPE_MASK: u8 = 0x1f;
const FU_START: u8 = 0x80;
/// A slice header begins with `first_mb_in_slice`, whose code for 0 is a single 1 (ITU-T H.264, 7.3.3 and 9.1).
const FIRST_SLICE: u8 = 0x80;

/// True if the payload holds a sequence parameter set or the start of an IDR picture. Its further slices do not count:
/// encoders with slice threads make several, and none of them can be decoded without the first.
pub fn starts_keyframe(payload: &[u8]) -> bool {
    match payload {
        [first, units @ ..] if first & TYPE_MASK == STAP_A => any_unit(units, is_key),
        [first, fragment @ ..] if first & TYPE_MASK == FU_A => {
            fragment.first().is_some_and(|header| header & FU_START != 0) && is_key(fragment)
        }
        unit => is_key(unit),
    }
}

/// For a fragment the header is that of the fragmentation unit, which has the type at the same place.
fn is_key(unit: &[u8]) -> bool {
    match unit.first().map_or(0, |header| header & TYPE_MASK) {
        SEQUENCE_PARAMETERS => true,
        IDR_SLICE => unit.get(1).is_some_and(|header| header & FIRST_SLICE != 0),
        _ => false,
    }
}

/// Whether any unit in an aggregation satisfies `accept`; ends where the framing does.
pub(super) fn any_unit(mut units: &[u8], accept: impl Fn(&[u8]) -> bool) -> bool {
    while let Ok(len) = u16_at(units, 0) {
        let Some((unit, rest)) = units[2..].split_at_checked(usize::from(len)) else { return false };
        if accept(unit) {
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
        assert!(starts_keyframe(&[0x67, 1]) && starts_keyframe(&[0x65, 0x88]));
        assert!(!starts_keyframe(&[0x61, 0x88]) && !starts_keyframe(&[0x68, 1]) && !starts_keyframe(&[]));
    }

    #[test]
    fn the_first_slice_only() {
        assert!(!starts_keyframe(&[0x65, 0x08]) && !starts_keyframe(&[0x65]));
        assert!(!starts_keyframe(&[0x78, 0, 2, 0x65, 0x08, 0, 2, 0x65, 0x04]));
        assert!(!starts_keyframe(&[0x7c, 0x85, 0x08]) && !starts_keyframe(&[0x7c, 0x85]));
    }

    #[test]
    fn aggregations() {
        assert!(starts_keyframe(&[0x78, 0, 2, 0x68, 9, 0, 2, 0x65, 0x88]));
        assert!(!starts_keyframe(&[0x78, 0, 2, 0x68, 9, 0, 3, 0x65, 0x88]), "the second unit is cut off");
        assert!(!starts_keyframe(&[0x78, 0, 0, 0, 0]) && !starts_keyframe(&[0x78]));
    }

    #[test]
    fn fragments() {
        assert!(starts_keyframe(&[0x7c, 0x85, 0x88]));
        assert!(!starts_keyframe(&[0x7c, 0x05, 0x88]), "not the first fragment");
        assert!(!starts_keyframe(&[0x7c, 0x81, 0x88]) && !starts_keyframe(&[0x7c]));
    }
}
