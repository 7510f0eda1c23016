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
