//! Report blocks and source lists: what sender reports, receiver reports, BYE and REMB consist of.

use super::super::{array_at, u32_at, Malformed};

const BLOCK_LEN: usize = 24;

/// How one stream is received (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The stream reported on.
    pub ssrc: u32,
    /// Share of packets lost since the previous report, in 256ths.
    pub fraction_lost: u8,
    /// Packets lost since the start, less the duplicates; 24 bits on the wire, written saturated.
    pub cumulative_lost: i32,
    /// Extended highest sequence number received.
    pub highest_sequence: u32,
    /// Interarrival jitter, in units of the media clock.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last sender report; 0 if none came.
    pub last_sr: u32,
    /// Time since that report, in units of 1/65536 s.
    pub delay_since_last_sr: u32,
}

impl ReportBlock {
    const MIN_CUMULATIVE_LOST: i32 = -(1 << 23);
    const MAX_CUMULATIVE_LOST: i32 = (1 << 23) - 1;

    fn parse(block: &[u8; BLOCK_LEN]) -> Result<Self, Malformed> {
        let loss = u32_at(block, 4)?;
        Ok(Self {
            ssrc: u32_at(block, 0)?,
            fraction_lost: (loss >> 24) as u8,
            cumulative_lost: (loss << 8) as i32 >> 8, // sign-extends the low 24 bits
            highest_sequence: u32_at(block, 8)?,
            jitter: u32_at(block, 12)?,
            last_sr: u32_at(block, 16)?,
            delay_since_last_sr: u32_at(block, 20)?,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let lost = self.cumulative_lost.clamp(Self::MIN_CUMULATIVE_LOST, Self::MAX_CUMULATIVE_LOST);
        let loss = u32::from(self.fraction_lost) << 24 | (lost as u32 & 0x00ff_ffff);
        let words = [self.ssrc, loss, self.highest_sequence, self.jitter, self.last_sr, self.delay_since_last_sr];
        out.extend(words.into_iter().flat_map(u32::to_be_bytes));
    }
}

/// The report blocks of one report.
#[derive(Clone, Debug)]
pub struct ReportBlocks<'a> {
    rest: &'a [u8],
}

impl<'a> ReportBlocks<'a> {
    pub(super) fn parse(body: &'a [u8], start: usize, count: u8) -> Result<Self, Malformed> {
        let end = start + BLOCK_LEN * usize::from(count);
        Ok(Self { rest: body.get(start..end).ok_or(Malformed)? })
    }
}

impl Iterator for ReportBlocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let (block, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        ReportBlock::parse(block).ok()
    }
}

/// A list of synchronization sources.
#[derive(Clone, Debug)]
pub struct Ssrcs<'a> {
    rest: &'a [u8],
}

impl<'a> Ssrcs<'a> {
    pub(super) fn parse(body: &'a [u8], start: usize, count: u8) -> Result<Self, Malformed> {
        let end = start + 4 * usize::from(count);
        Ok(Self { rest: body.get(start..end).ok_or(Malformed)? })
    }
}

impl Iterator for Ssrcs<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let ssrc = array_at(self.rest, 0).ok()?;
        self.rest = &self.rest[4..];
        Some(u32::from_be_bytes(ssrc))
    }
}
