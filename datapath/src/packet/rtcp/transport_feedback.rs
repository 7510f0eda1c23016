//! Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1).

use super::super::{u16_at, u32_at, Malformed};

/// Where the packet chunks start, counted from the sender SSRC.
const CHUNKS_START: usize = 16;
/// The reference time counts 64 ms, arrivals count 250 µs.
const TICKS_PER_REFERENCE: i64 = 256;

/// Which packets of a transport arrived, and when.
#[derive(Clone, Copy, Debug)]
pub struct TransportFeedback<'a> {
    /// SSRC of whoever reports.
    pub sender: u32,
    /// SSRC of any stream of the transport.
    pub media: u32,
    /// Counts the feedback packets, wrapping.
    pub feedback_count: u8,
    base_sequence: u16,
    status_count: u16,
    /// In units of 64 ms, since an epoch of the receiver.
    reference_time: i32,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

impl<'a> TransportFeedback<'a> {
    /// Parses the packet behind its RTCP header.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let time_and_count = u32_at(body, 12)?;
        let status_count = u16_at(body, 10)?;
        let (chunks, deltas) = split_deltas(body.get(CHUNKS_START..).ok_or(Malformed)?, status_count)?;
        Ok(Self {
            sender: u32_at(body, 0)?,
            media: u32_at(body, 4)?,
            feedback_count: time_and_count as u8,
            base_sequence: u16_at(body, 8)?,
            status_count,
            reference_time: time_and_count as i32 >> 8,
            chunks,
            deltas,
        })
    }

    /// Every packet reported on, in order of sequence number, with its arrival in ticks of 250 µs since an epoch of
    /// the receiver, or `None` if it did not arrive. At most 65,535 items.
    pub fn arrivals(&self) -> Arrivals<'a> {
        Arrivals {
            sequence: self.base_sequence,
            left: self.status_count,
            ticks: i64::from(self.reference_time) * TICKS_PER_REFERENCE,
            chunks: self.chunks,
            chunk: Chunk::RunLength { symbol: 0, left: 0 },
            deltas: self.deltas,
        }
    }
}

/// Cuts the chunks, as many as it takes for `status_count` packets, from the deltas behind them, of which there must be
/// enough. Looks at each chunk once, so that a few bytes which tell of 65,535 packets cost no more than others.
fn split_deltas(bytes: &[u8], status_count: u16) -> Result<(&[u8], &[u8]), Malformed> {
    let (mut at, mut statuses_left, mut deltas_len) = (0, status_count, 0);
    while statuses_left != 0 {
        let mut chunk = Chunk::parse(u16_at(bytes, at)?);
        at += 2;
        let statuses = chunk.left().min(statuses_left);
        statuses_left -= statuses;
        deltas_len += match chunk {
            Chunk::RunLength { symbol, .. } => usize::from(statuses) * delta_len(symbol)?,
            Chunk::Vector { .. } => {
                chunk.by_ref().take(usize::from(statuses)).map(delta_len).sum::<Result<usize, _>>()?
            }
        };
    }
    let (chunks, deltas) = bytes.split_at(at);
    if deltas.len() < deltas_len {
        return Err(Malformed);
    }
    Ok((chunks, deltas))
}

/// Bytes of the delta that a status symbol has (section 3.1.1); symbol 3 is reserved.
fn delta_len(symbol: u16) -> Result<usize, Malformed> {
    match symbol {
        0..=2 => Ok(usize::from(symbol)),
        _ => Err(Malformed),
    }
}

/// A packet chunk (sections 3.1.3 and 3.1.4), consumed status by status.
#[derive(Clone, Copy, Debug)]
enum Chunk {
    RunLength { symbol: u16, left: u16 },
    Vector { symbols: u16, bits: u16, left: u16 },
}

impl Chunk {
    fn parse(chunk: u16) -> Self {
        match chunk >> 14 {
            0b10 => Self::Vector { symbols: chunk, bits: 1, left: 14 },
            0b11 => Self::Vector { symbols: chunk, bits: 2, left: 7 },
            _ => Self::RunLength { symbol: chunk >> 13 & 3, left: chunk & 0x1fff },
        }
    }

    /// Statuses that were not consumed.
    fn left(self) -> u16 {
        match self {
            Self::RunLength { left, .. } | Self::Vector { left, .. } => left,
        }
    }
}

impl Iterator for Chunk {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        let (Self::RunLength { left, .. } | Self::Vector { left, .. }) = self;
        *left = left.checked_sub(1)?;
        match *self {
            Self::RunLength { symbol, .. } => Some(symbol),
            Self::Vector { symbols, bits, left } => Some(symbols >> (bits * left) & ((1 << bits) - 1)),
        }
    }
}

/// Iterates over the statuses of a [`TransportFeedback`].
#[derive(Clone, Debug)]
pub struct Arrivals<'a> {
    sequence: u16,
    left: u16,
    ticks: i64,
    chunks: &'a [u8],
    chunk: Chunk,
    deltas: &'a [u8],
}

impl Arrivals<'_> {
    fn next_symbol(&mut self) -> Option<u16> {
        loop {
            if let Some(symbol) = self.chunk.next() {
                return Some(symbol);
            }
            let (&chunk, rest) = self.chunks.split_first_chunk()?;
            self.chunks = rest;
            self.chunk = Chunk::parse(u16::from_be_bytes(chunk));
        }
    }

    fn next_delta(&mut self, symbol: u16) -> Option<i64> {
        match (symbol, self.deltas) {
            (1, [delta, rest @ ..]) => {
                self.deltas = rest;
                Some(i64::from(*delta))
            }
            (2, [high, low, rest @ ..]) => {
                self.deltas = rest;
                Some(i64::from(i16::from_be_bytes([*high, *low])))
            }
            _ => None, // cannot be: the constructor counted the deltas
        }
    }
}

impl Iterator for Arrivals<'_> {
    type Item = (u16, Option<i64>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let arrival = match self.next_symbol()? {
            0 => None,
            symbol => {
                self.ticks += self.next_delta(symbol)?;
                Some(self.ticks)
            }
        };
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        Some((sequence, arrival))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(base_sequence: u16, status_count: u16, reference_time: [u8; 3], rest: &[u8]) -> Vec<u8> {
        let mut body = [0, 0, 0, 1, 0, 0, 0, 2].to_vec();
        body.extend(base_sequence.to_be_bytes());
        body.extend(status_count.to_be_bytes());
        body.extend(reference_time);
        body.push(7);
        body.extend(rest);
        body
    }

    fn arrivals(body: &[u8]) -> Option<Vec<(u16, Option<i64>)>> {
        TransportFeedback::parse(body).ok().map(|feedback| feedback.arrivals().collect())
    }

    #[test]
    fn run_lengths_and_vectors_are_read() {
        // Two arrived by small deltas; of a one-bit vector the second; of a two-bit vector a large delta, then a small.
        let rest = [0x20, 2, 0b1001_0000, 0, 0b1110_0100, 0, 4, 8, 1, 0xff, 0xfe, 3];
        let body = body(0xffff, 18, [0, 0, 2], &rest);
        let feedback = TransportFeedback::parse(&body).unwrap();
        assert_eq!((feedback.sender, feedback.media, feedback.feedback_count), (1, 2, 7));
        let statuses: Vec<_> = feedback.arrivals().collect();
        assert_eq!(statuses.len(), 18);
        let arrived: Vec<_> = statuses.iter().filter_map(|&(sequence, ticks)| Some((sequence, ticks?))).collect();
        assert_eq!(arrived, [(0xffff, 516), (0, 524), (2, 525), (15, 523), (16, 526)]);
    }

    #[test]
    fn the_reference_time_is_signed() {
        assert_eq!(arrivals(&body(1, 1, [0xff, 0xff, 0xff], &[0x20, 1, 0, 0])), Some(vec![(1, Some(-256))]));
    }

    #[test]
    fn missing_chunks_missing_deltas_and_reserved_symbols_are_refused() {
        assert_eq!(arrivals(&body(1, 2, [0; 3], &[0x20, 1])), None);
        assert_eq!(arrivals(&body(1, 2, [0; 3], &[0x20, 2, 1])), None);
        assert_eq!(arrivals(&body(1, 1, [0; 3], &[0x40, 1, 1])), None);
        assert_eq!(arrivals(&body(1, 1, [0; 3], &[0x60, 1, 1, 1])), None);
        assert_eq!(arrivals(&body(1, 0, [0; 3], &[])), Some(vec![]));
        assert_eq!(arrivals(&body(1, 0, [0; 3], &[])[..15]), None);
    }

    #[test]
    fn statuses_beyond_the_count_have_no_deltas() {
        assert_eq!(arrivals(&body(1, 2, [0; 3], &[0x20, 9, 1, 2])), Some(vec![(1, Some(1)), (2, Some(3))]));
        assert_eq!(arrivals(&body(1, 1, [0; 3], &[0xd7, 0xff, 4])), Some(vec![(1, Some(4))]));
    }

    #[test]
    fn empty_runs_are_stepped_over() {
        assert_eq!(arrivals(&body(9, 1, [0; 3], &[0, 0, 0x20, 1, 5, 0])), Some(vec![(9, Some(5))]));
    }
}
