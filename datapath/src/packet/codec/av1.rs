//! AV1 payloads (RTP Payload Format For AV1, section 4.4).

/// The aggregation header's N bit: first packet of a coded video sequence, which starts with a keyframe.
const NEW_SEQUENCE: u8 = 0x08;

/// True for the first packet of a coded video sequence.
pub fn starts_keyframe(payload: &[u8]) -> bool {
    payload.first().is_some_and(|header| header & NEW_SEQUENCE != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_n_bit_tells() {
        assert!(starts_keyframe(&[0x18]) && starts_keyframe(&[0x08, 0]));
        assert!(!starts_keyframe(&[0x10]) && !starts_keyframe(&[0x80]) && !starts_keyframe(&[]));
    }
}
