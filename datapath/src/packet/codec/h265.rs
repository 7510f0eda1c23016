//! H.265 payloads (RFC 7798), without decoding order numbers, as WebRTC negotiates them.

use super::h264::any_unit;

const FIRST_IRAP: u8 = 16;
const LAST_IRAP: u8 = 23;
const VIDEO_PARAMETERS: u8 = 32;
const PICTURE_PARAMETERS: u8 = 34;
const AGGREGATION: u8 = 48;
const FRAGMENTATION: u8 = 49;
const FU_START: u8 = 0x80;
const FU_TYPE_MASK: u8 = 0x3f;

/// True if the payload holds a parameter set or the start of an intra random access point.
pub fn starts_keyframe(payload: &[u8]) -> bool {
    let [first, _, rest @ ..] = payload else { return false };
    match unit_type(*first) {
        AGGREGATION => any_unit(rest, |header| is_key(unit_type(header))),
        FRAGMENTATION => rest.first().is_some_and(|header| header & FU_START != 0 && is_key(header & FU_TYPE_MASK)),
        unit_type => is_key(unit_type),
    }
}

/// The type in the first byte of a unit's header (RFC 7798 section 1.1.4).
fn unit_type(header: u8) -> u8 {
    header >> 1 & 0x3f
}

fn is_key(unit_type: u8) -> bool {
    matches!(unit_type, FIRST_IRAP..=LAST_IRAP | VIDEO_PARAMETERS..=PICTURE_PARAMETERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_units() {
        for key in [16, 19, 20, 21, 23, 32, 33, 34] {
            assert!(starts_keyframe(&[key << 1, 1, 0]), "type {key}");
        }
        for other in [0, 1, 15, 24, 31, 35, 39] {
            assert!(!starts_keyframe(&[other << 1, 1, 0]), "type {other}");
        }
        assert!(!starts_keyframe(&[32 << 1]) && !starts_keyframe(&[]));
    }

    #[test]
    fn aggregations_and_fragments() {
        assert!(starts_keyframe(&[48 << 1, 1, 0, 2, 39 << 1, 1, 0, 2, 32 << 1, 1]));
        assert!(!starts_keyframe(&[48 << 1, 1, 0, 2, 1 << 1, 1]));
        assert!(starts_keyframe(&[49 << 1, 1, 0x80 | 19]));
        assert!(!starts_keyframe(&[49 << 1, 1, 19]) && !starts_keyframe(&[49 << 1, 1]));
    }
}
