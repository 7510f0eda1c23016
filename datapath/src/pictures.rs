//! Continuity of the picture numbers inside VP8 and VP9 payloads across the sources of one egress.
//!
//! A decoder finds the pictures that a picture refers to by these numbers (RFC 7741 section 4.2, RFC 9628 section
//! 4.2), so they must run on when another source takes over. Each number keeps the width it came with.

use crate::packet::codec::PictureIds;

/// Rewrites picture_id, TL0PICIDX and KEYIDX.
#[derive(Debug)]
pub struct PictureMunger {
    picture_id: Counter,
    tl0_pic_idx: Counter,
    key_idx: Counter,
}

impl Default for PictureMunger {
    fn default() -> Self {
        Self::new()
    }
}

impl PictureMunger {
    /// Passes numbers through unchanged until the second source takes over.
    pub fn new() -> Self {
        Self { picture_id: Counter::new(15), tl0_pic_idx: Counter::new(8), key_idx: Counter::new(5) }
    }

    /// A new source takes over; `first` are the numbers of its first picture, which gets the ones that follow the
    /// last picture sent.
    pub fn switch(&mut self, first: &PictureIds) {
        self.picture_id.switch(first.picture_id.map(|(id, _)| id));
        self.tl0_pic_idx.switch(first.tl0_pic_idx.map(u16::from));
        self.key_idx.switch(first.key_idx.map(u16::from));
    }

    /// The numbers to send for a packet of the current source, in the widths it came with. Packets may come in any
    /// order; those of one picture get the same numbers. A number that is absent stays absent.
    pub fn map(&mut self, ids: PictureIds) -> PictureIds {
        // Both narrower counters are masked to at most 8 bits.
        PictureIds {
            picture_id: ids.picture_id.map(|(id, bits)| (self.picture_id.map(id, bits), bits)),
            tl0_pic_idx: ids.tl0_pic_idx.map(|index| self.tl0_pic_idx.map(u16::from(index), 8) as u8),
            key_idx: ids.key_idx.map(|index| self.key_idx.map(u16::from(index), 5) as u8),
        }
    }
}

/// One number that counts modulo 2^width, though a packet may carry only its low bits.
#[derive(Debug)]
struct Counter {
    width: u8,
    offset: u16,
    /// Highest number of the current source, at full width. `None` until it showed one.
    newest: Option<u16>,
    /// The number that followed the last one sent when this source took over.
    next_output: Option<u16>,
}

impl Counter {
    fn new(width: u8) -> Self {
        Self { width, offset: 0, newest: None, next_output: None }
    }

    fn switch(&mut self, first: Option<u16>) {
        if let Some(newest) = self.newest.take() {
            self.next_output = Some(newest.wrapping_add(self.offset).wrapping_add(1) & mask(self.width));
        }
        if let Some(first) = first {
            self.begin(first);
        }
    }

    fn begin(&mut self, first: u16) {
        self.offset = self.next_output.unwrap_or(first).wrapping_sub(first) & mask(self.width);
        self.newest = Some(first & mask(self.width));
    }

    fn map(&mut self, value: u16, bits: u8) -> u16 {
        let bits = bits.min(self.width);
        let Some(newest) = self.newest else {
            // A number that this source's first picture did not have appears now.
            self.begin(value);
            return value.wrapping_add(self.offset) & mask(bits);
        };
        let advance = signed_distance(newest, value, bits);
        let full = newest.wrapping_add_signed(advance) & mask(self.width);
        if advance > 0 {
            self.newest = Some(full);
        }
        full.wrapping_add(self.offset) & mask(bits)
    }
}

/// The bits of a `width`-bit number.
fn mask(width: u8) -> u16 {
    u16::MAX >> 16u32.saturating_sub(u32::from(width)).min(15)
}

/// How far `value` is after `reference`, where only the low `bits` bits are known of `value`.
fn signed_distance(reference: u16, value: u16, bits: u8) -> i16 {
    let distance = value.wrapping_sub(reference) & mask(bits);
    let half = 1u16 << u32::from(bits).saturating_sub(1).min(15);
    if distance < half {
        distance as i16
    } else {
        distance.wrapping_sub(mask(bits)).wrapping_sub(1) as i16
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(picture_id: u16, bits: u8, tl0_pic_idx: u8, key_idx: u8) -> PictureIds {
        PictureIds { picture_id: Some((picture_id, bits)), tl0_pic_idx: Some(tl0_pic_idx), key_idx: Some(key_idx) }
    }

    fn only_picture(picture_id: u16, bits: u8) -> PictureIds {
        PictureIds { picture_id: Some((picture_id, bits)), ..PictureIds::default() }
    }

    /// The picture ids sent for packets with these, all in one width.
    fn pictures(munger: &mut PictureMunger, bits: u8, picture_ids: &[u16]) -> Vec<u16> {
        let map = |id: &u16| munger.map(only_picture(*id, bits)).picture_id.map_or(u16::MAX, |(id, _)| id);
        picture_ids.iter().map(map).collect()
    }

    #[test]
    fn the_first_source_passes_unchanged() {
        let mut munger = PictureMunger::new();
        munger.switch(&ids(1204, 15, 77, 9));
        assert_eq!(munger.map(ids(1204, 15, 77, 9)), ids(1204, 15, 77, 9));
        assert_eq!(munger.map(ids(1205, 15, 77, 9)), ids(1205, 15, 77, 9));
    }

    #[test]
    fn a_layer_switch_gives_the_numbers_worked_out_by_hand() {
        let mut munger = PictureMunger::new();
        munger.switch(&ids(1204, 15, 77, 9));
        munger.map(ids(1204, 15, 77, 9));
        munger.switch(&ids(32_766, 15, 254, 3));
        assert_eq!(munger.map(ids(32_766, 15, 254, 3)), ids(1205, 15, 78, 10));
        assert_eq!(munger.map(ids(32_767, 15, 254, 3)), ids(1206, 15, 78, 10));
        assert_eq!(munger.map(ids(0, 15, 255, 3)), ids(1207, 15, 79, 10));
        assert_eq!(munger.map(ids(1, 15, 0, 3)), ids(1208, 15, 80, 10));
    }

    #[test]
    fn each_number_wraps_at_its_own_width() {
        let mut munger = PictureMunger::new();
        munger.switch(&ids(32_767, 15, 255, 31));
        munger.switch(&ids(5, 15, 5, 5));
        assert_eq!(munger.map(ids(5, 15, 5, 5)), ids(0, 15, 0, 0));
        assert_eq!(munger.map(ids(4, 15, 4, 4)), ids(32_767, 15, 255, 31), "overtaken by the first");
    }

    #[test]
    fn packets_of_one_picture_in_any_order_keep_their_number() {
        let mut munger = PictureMunger::new();
        munger.switch(&only_picture(100, 15));
        munger.switch(&only_picture(7, 15));
        assert_eq!(pictures(&mut munger, 15, &[7, 7, 9, 8, 9, 7]), [101, 101, 103, 102, 103, 101]);
        munger.switch(&only_picture(50, 15));
        assert_eq!(pictures(&mut munger, 15, &[50]), [104], "after the highest sent, not the last");
    }

    #[test]
    fn a_source_may_widen_its_picture_ids_in_mid_stream() {
        let mut munger = PictureMunger::new();
        munger.switch(&only_picture(500, 15));
        munger.switch(&only_picture(126, 7));
        assert_eq!(pictures(&mut munger, 7, &[126, 127]), [501 & 0x7f, 502 & 0x7f]);
        assert_eq!(pictures(&mut munger, 15, &[128, 129]), [503, 504]);
        assert_eq!(pictures(&mut munger, 7, &[127]), [502 & 0x7f], "late, in the width it was sent with");
    }

    #[test]
    fn seven_bit_ids_that_wrap_count_on_for_the_next_source() {
        let mut munger = PictureMunger::new();
        munger.switch(&only_picture(0, 7));
        for id in 0..300u16 {
            assert_eq!(pictures(&mut munger, 7, &[id & 0x7f]), [id & 0x7f]);
        }
        munger.switch(&only_picture(1000, 15));
        assert_eq!(pictures(&mut munger, 15, &[1000]), [300]);
    }

    #[test]
    fn numbers_that_are_absent_stay_absent_and_continue_when_they_come_back() {
        let mut munger = PictureMunger::new();
        munger.switch(&ids(10, 15, 20, 30));
        munger.switch(&PictureIds::default());
        assert_eq!(munger.map(PictureIds::default()), PictureIds::default());
        munger.switch(&only_picture(1, 15));
        assert_eq!(munger.map(only_picture(1, 15)), only_picture(11, 15));
        munger.switch(&ids(1, 15, 1, 1));
        assert_eq!(munger.map(ids(1, 15, 1, 1)), ids(12, 15, 21, 31));
    }

    #[test]
    fn a_number_that_appears_in_mid_stream_continues() {
        let mut munger = PictureMunger::new();
        munger.switch(&ids(10, 15, 20, 30));
        munger.switch(&PictureIds::default());
        assert_eq!(munger.map(ids(500, 15, 7, 8)), ids(11, 15, 21, 31));
        assert_eq!(munger.map(ids(501, 15, 8, 8)), ids(12, 15, 22, 31));
    }

    proptest! {
        #[test]
        fn pictures_count_on_through_any_sources(
            first in 0u16..1 << 15,
            sources in prop::collection::vec((0u16..1 << 15, prop::bool::ANY, 1u16..300), 1..20),
        ) {
            let mut munger = PictureMunger::new();
            munger.switch(&only_picture(first, 15));
            munger.map(only_picture(first, 15));
            let mut expected = first;
            for (start, narrow, pictures) in sources {
                let bits = if narrow { 7 } else { 15 };
                let id = |picture: u16| only_picture(start.wrapping_add(picture) & mask(bits), bits);
                munger.switch(&id(0));
                for picture in 0..pictures {
                    expected = expected.wrapping_add(1) & mask(15);
                    prop_assert_eq!(munger.map(id(picture)), only_picture(expected & mask(bits), bits));
                }
            }
        }

        #[test]
        fn no_input_makes_it_fail(steps in prop::collection::vec((any::<bool>(), any::<u16>(), any::<u8>()), 0..100)) {
            let mut munger = PictureMunger::new();
            for (switch, id, other) in steps {
                let ids = ids(id, other, other, other);
                if switch {
                    munger.switch(&ids);
                }
                let mapped = munger.map(ids);
                prop_assert_eq!(mapped.picture_id.map(|(_, bits)| bits), Some(other));
                prop_assert!(mapped.key_idx.is_some_and(|key_idx| key_idx < 32));
            }
        }
    }
}
