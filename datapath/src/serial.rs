//! Serial numbers that wrap, extended to numbers that do not.

/// The number nearest to `reference` whose low 16 bits are `value`.
///
/// At the lower end the answer goes up instead of below zero. This is the estimate of RFC 3711 section 3.3.1, made
/// from an extended number instead of a roll-over counter and a sequence number.
pub fn nearest16(reference: u64, value: u16) -> u64 {
    const CIRCLE: u64 = 1 << 16;
    let candidate = (reference & !(CIRCLE - 1)) | u64::from(value);
    if candidate > reference && candidate - reference > CIRCLE / 2 {
        candidate.checked_sub(CIRCLE).unwrap_or(candidate)
    } else if reference > candidate && reference - candidate > CIRCLE / 2 {
        candidate.checked_add(CIRCLE).unwrap_or(candidate)
    } else {
        candidate
    }
}

/// Extends a 16-bit sequence number that may arrive out of order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrapper16 {
    highest: Option<u64>,
}

impl Unwrapper16 {
    /// The extended number of `value`.
    ///
    /// The first value `v` gives `65536 + v`, so that an earlier packet that was overtaken does not go below zero.
    pub fn unwrap(&mut self, value: u16) -> u64 {
        let extended = match self.highest {
            None => (1 << 16) + u64::from(value),
            Some(highest) => nearest16(highest, value),
        };
        self.highest = self.highest.max(Some(extended));
        extended
    }

    /// The highest number given so far.
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nearest_never_goes_below_zero() {
        assert_eq!(nearest16(3, 0xffff), 0xffff);
        assert_eq!(nearest16(0x1_0003, 0xffff), 0xffff);
        assert_eq!(nearest16(0x1_ffff, 2), 0x2_0002);
        assert_eq!(nearest16(u64::MAX, 0), u64::MAX - 0xffff);
    }

    #[test]
    fn the_first_packet_leaves_room_for_an_earlier_one() {
        let mut unwrapper = Unwrapper16::default();
        assert_eq!(unwrapper.highest(), None);
        assert_eq!(unwrapper.unwrap(0), 65_536);
        assert_eq!(unwrapper.unwrap(0xffff), 65_535);
        assert_eq!(unwrapper.highest(), Some(65_536));
    }

    proptest! {
        #[test]
        fn nearest16_keeps_the_low_bits_and_stays_near(reference in 1u64 << 16..1 << 48, value: u16) {
            let extended = nearest16(reference, value);
            prop_assert_eq!(extended & 0xffff, u64::from(value));
            prop_assert!(extended.abs_diff(reference) <= 1 << 15);
        }

        #[test]
        fn unwrapping_undoes_truncation(start: u16, steps in prop::collection::vec(-30_000i64..30_000, 0..200)) {
            let mut unwrapper = Unwrapper16::default();
            let mut expected = unwrapper.unwrap(start);
            for step in steps {
                let highest = unwrapper.highest().unwrap();
                expected = highest.saturating_add_signed(step).max(1 << 15);
                prop_assume!(expected.abs_diff(highest) < 1 << 15);
                prop_assert_eq!(unwrapper.unwrap((expected & 0xffff) as u16), expected);
            }
            prop_assert!(unwrapper.highest() >= Some(expected));
        }
    }
}
