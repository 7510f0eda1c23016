//! The lists that NACK and FIR carry.

use super::super::Malformed;

/// The sequence numbers a generic NACK asks for (RFC 4585 section 6.2.1), at most 17 per four bytes.
#[derive(Clone, Debug)]
pub struct NackList<'a> {
    items: &'a [u8],
    /// First sequence number the bitmask speaks of, and what is left of the bitmask.
    base: u16,
    mask: u16,
}

impl<'a> NackList<'a> {
    pub(super) fn parse(items: &'a [u8]) -> Result<Self, Malformed> {
        if items.is_empty() || items.len() % 4 != 0 {
            return Err(Malformed);
        }
        Ok(Self { items, base: 0, mask: 0 })
    }
}

impl Iterator for NackList<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.mask != 0 {
            let offset = self.mask.trailing_zeros() as u16; // below 16
            self.mask &= self.mask - 1;
            return Some(self.base.wrapping_add(offset));
        }
        let (&[p0, p1, b0, b1], rest) = self.items.split_first_chunk()?;
        let packet_id = u16::from_be_bytes([p0, p1]);
        (self.items, self.base, self.mask) = (rest, packet_id.wrapping_add(1), u16::from_be_bytes([b0, b1]));
        Some(packet_id)
    }
}

/// The streams a full intra request is for (RFC 5104 section 4.3.1.1); their command sequence numbers are not read.
#[derive(Clone, Debug)]
pub struct FirTargets<'a> {
    entries: &'a [u8],
}

impl<'a> FirTargets<'a> {
    pub(super) fn parse(entries: &'a [u8]) -> Result<Self, Malformed> {
        if entries.is_empty() || entries.len() % 8 != 0 {
            return Err(Malformed);
        }
        Ok(Self { entries })
    }
}

impl Iterator for FirTargets<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (&[s0, s1, s2, s3, _, _, _, _], rest) = self.entries.split_first_chunk()?;
        self.entries = rest;
        Some(u32::from_be_bytes([s0, s1, s2, s3]))
    }
}
