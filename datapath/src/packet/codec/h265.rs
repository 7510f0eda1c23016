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

/// The first bit of a slice header is `first_slice_segment_in_pic_flag` (ITU-T H.265, 7.3.6.1).
const FIRST_SLICE: u8 = 0x80;

/// True if the payload holds a parameter set or the first slice of an intra random access point.
pub fn starts_keyframe(payload: &[u8]) -> bool {
    let [first, _, rest @ ..] = payload else { return false };
    match (unit_type(*first), rest) {
        (AGGREGATION, units) => any_unit(units, |unit| match unit {
            [header, _, data @ ..] => is_key(unit_type(*header), data),
            _ => false,
        }),
        (FRAGMENTATION, [header, data @ ..]) => header & FU_START != 0 && is_key(header & FU_TYPE_MASK, data),
        (unit_type, data) => is_key(unit_type, data),
    }
}

/// The type in the first byte of a unit's header (RFC 7798 section 1.1.4).
fn unit_type(header: u8) -> u8 {
    header >> 1 & 0x3f
}

fn is_key(unit_type: u8, data: &[u8]) -> bool {
    match unit_type {
        VIDEO_PARAMETERS..=PICTURE_PARAMETERS => true,
        FIRST_IRAP..=LAST_IRAP => data.first().is_some_and(|header| header & FIRST_SLICE != 0),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_units() {
        for key in [16, 19, 20, 21, 23, 32, 33, 34] {
            assert!(starts_keyframe(&[key << 1, 1, 0x80]), "type {key}");
        }
        for other in [0, 1, 15, 24, 31, 35, 39] {
            assert!(!starts_keyframe(&[other << 1, 1, 0x80]), "type {other}");
        }
        assert!(!starts_keyframe(&[32 << 1]) && !starts_keyframe(&[]));
    }

    #[test]
    fn the_first_slice_only() {
        assert!(!starts_keyframe(&[19 << 1, 1, 0x40]) && !starts_keyframe(&[19 << 1, 1]));
        assert!(!starts_keyframe(&[48 << 1, 1, 0, 3, 19 << 1, 1, 0x40]));
        assert!(!starts_keyframe(&[49 << 1, 1, 0x80 | 19, 0x40]));
    }

    #[test]
    fn aggregations_and_fragments() {
        assert!(starts_keyframe(&[48 << 1, 1, 0, 2, 39 << 1, 1, 0, 2, 32 << 1, 1]));
        assert!(starts_keyframe(&[48 << 1, 1, 0, 3, 19 << 1, 1, 0x80]));
        assert!(!starts_keyframe(&[48 << 1, 1, 0, 2, 1 << 1, 1]) && !starts_keyframe(&[48 << 1, 1, 0, 1, 32 << 1]));
        assert!(starts_keyframe(&[49 << 1, 1, 0x80 | 19, 0x80]));
        assert!(!starts_keyframe(&[49 << 1, 1, 19, 0x80]) && !starts_keyframe(&[49 << 1, 1]));
    }
}
