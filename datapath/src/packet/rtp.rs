//! RTP headers (RFC 3550 section 5.1) and their extensions (RFC 8285).

use super::{u16_at, u32_at, Malformed};

/// Bytes of a header without CSRCs and extension.
pub const FIXED_LEN: usize = 12;

const VERSION: u8 = 2 << 6;
const VERSION_MASK: u8 = 3 << 6;
const PADDING_BIT: u8 = 1 << 5;
const EXTENSION_BIT: u8 = 1 << 4;
const CSRC_COUNT_MASK: u8 = 0x0f;
const MARKER_BIT: u8 = 1 << 7;

/// "Defined by profile" of the one-byte form (RFC 8285 section 4.2).
const ONE_BYTE_PROFILE: u16 = 0xbede;
/// "Defined by profile" of the two-byte form, whose low four bits are the application's (RFC 8285 section 4.3).
const TWO_BYTE_PROFILE: u16 = 0x1000;
const TWO_BYTE_PROFILE_MASK: u16 = 0xfff0;

/// What stands in front of an RTP payload, encrypted or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The marker: last packet of a video frame, first packet of a talk spurt.
    pub marker: bool,
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Media time, in units of the codec's clock.
    pub timestamp: u32,
    /// Synchronization source.
    pub ssrc: u32,
    /// Where the payload starts: after CSRCs and extension. Never beyond the packet it was parsed from.
    pub payload_offset: usize,
    extension: Option<ExtensionBlock>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ExtensionBlock {
    profile: u16,
    start: usize,
}

impl Header {
    /// Parses the header of packet `d`; only that the payload starts within `d` is said about the payload.
    ///
    /// # Errors
    /// [`Malformed`] if the version is not 2, or CSRCs or extension reach beyond the packet.
    pub fn parse(d: &[u8]) -> Result<Self, Malformed> {
        let [first, second, ..] = *d else { return Err(Malformed) };
        if first & VERSION_MASK != VERSION {
            return Err(Malformed);
        }
        let mut payload_offset = FIXED_LEN + 4 * usize::from(first & CSRC_COUNT_MASK);
        let mut extension = None;
        if first & EXTENSION_BIT != 0 {
            let profile = u16_at(d, payload_offset)?;
            let words = u16_at(d, payload_offset + 2)?;
            let start = payload_offset + 4;
            payload_offset = start + 4 * usize::from(words);
            extension = Some(ExtensionBlock { profile, start });
        }
        if payload_offset > d.len() {
            return Err(Malformed);
        }
        Ok(Self {
            marker: second & MARKER_BIT != 0,
            payload_type: second & !MARKER_BIT,
            sequence: u16_at(d, 2)?,
            timestamp: u32_at(d, 4)?,
            ssrc: u32_at(d, 8)?,
            payload_offset,
            extension,
        })
    }

    /// The header extension elements of `d`, the packet this header was parsed from.
    pub fn extensions<'a>(&self, d: &'a [u8]) -> Extensions<'a> {
        let block = self.extension.and_then(|block| {
            let form = match block.profile {
                ONE_BYTE_PROFILE => Form::OneByte,
                profile if profile & TWO_BYTE_PROFILE_MASK == TWO_BYTE_PROFILE => Form::TwoByte,
                _ => return None,
            };
            Some((form, d.get(block.start..self.payload_offset)?))
        });
        let (form, rest) = block.unwrap_or((Form::OneByte, &[]));
        Extensions { form, rest }
    }
}

#[derive(Clone, Copy, Debug)]
enum Form {
    OneByte,
    TwoByte,
}

/// The elements `(id, value)` of a header extension; ends at the first malformed one.
#[derive(Clone, Debug)]
pub struct Extensions<'a> {
    form: Form,
    rest: &'a [u8],
}

impl<'a> Extensions<'a> {
    fn take_element(&mut self) -> Option<(u8, &'a [u8])> {
        while let Some((0, rest)) = self.rest.split_first() {
            self.rest = rest; // padding, in both forms (RFC 8285 section 4.1.2)
        }
        let (id, len, rest) = match (self.form, self.rest) {
            (Form::OneByte, [head, rest @ ..]) => (head >> 4, usize::from(head & 0x0f) + 1, rest),
            (Form::TwoByte, [id, len, rest @ ..]) => (*id, usize::from(*len), rest),
            _ => return None,
        };
        // The one-byte form reserves id 15 to end the list; id 0 with a length is not padding (RFC 8285 section 4.2).
        if matches!((self.form, id), (Form::OneByte, 0 | 15)) {
            return None;
        }
        let (value, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        Some((id, value))
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let element = self.take_element();
        if element.is_none() {
            self.rest = &[];
        }
        element
    }
}

/// How many bytes at the end of a decrypted packet are padding (RFC 3550 section 5.1); 0 without the P bit.
///
/// # Errors
/// [`Malformed`] if the count is zero or more than there is payload.
pub fn padding_len(plain: &[u8], header: &Header) -> Result<usize, Malformed> {
    let payload = plain.get(header.payload_offset..).ok_or(Malformed)?;
    if plain.first().is_none_or(|first| first & PADDING_BIT == 0) {
        return Ok(0);
    }
    match payload.last().copied().map(usize::from) {
        Some(len) if (1..=payload.len()).contains(&len) => Ok(len),
        _ => Err(Malformed),
    }
}

/// The fields of a header to write; version 2, no padding, no CSRC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderFields {
    /// The marker.
    pub marker: bool,
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Media time, in units of the codec's clock.
    pub timestamp: u32,
    /// Synchronization source.
    pub ssrc: u32,
}

/// Writes a header with `extensions`, pairs of id and value, and returns its length.
///
/// The one-byte form is used when all ids are at most 14 and all values 1 to 16 bytes long, else the two-byte form.
///
/// # Errors
/// [`Malformed`] if `buf` is too small, the payload type is above 127, an id is 0, or a value is longer than 255 bytes;
/// `buf` then has undefined content.
pub fn write_header(buf: &mut [u8], fields: &HeaderFields, extensions: &[(u8, &[u8])]) -> Result<usize, Malformed> {
    let fixed = buf.first_chunk_mut::<FIXED_LEN>().ok_or(Malformed)?;
    if fields.payload_type & MARKER_BIT != 0 {
        return Err(Malformed);
    }
    fixed[0] = VERSION | if extensions.is_empty() { 0 } else { EXTENSION_BIT };
    fixed[1] = fields.payload_type | if fields.marker { MARKER_BIT } else { 0 };
    fixed[2..4].copy_from_slice(&fields.sequence.to_be_bytes());
    fixed[4..8].copy_from_slice(&fields.timestamp.to_be_bytes());
    fixed[8..].copy_from_slice(&fields.ssrc.to_be_bytes());
    if extensions.is_empty() {
        return Ok(FIXED_LEN);
    }
    write_extensions(&mut buf[FIXED_LEN..], extensions).map(|len| FIXED_LEN + len)
}

fn write_extensions(buf: &mut [u8], extensions: &[(u8, &[u8])]) -> Result<usize, Malformed> {
    let one_byte = extensions.iter().all(|&(id, value)| id <= 14 && (1..=16).contains(&value.len()));
    let (head, body) = buf.split_first_chunk_mut::<4>().ok_or(Malformed)?;
    let mut len = 0;
    for &(id, value) in extensions {
        let value_len = u8::try_from(value.len()).map_err(|_| Malformed)?;
        if id == 0 {
            return Err(Malformed);
        }
        let element_head: &[u8] = if one_byte { &[id << 4 | (value_len - 1)] } else { &[id, value_len] };
        for part in [element_head, value] {
            body.get_mut(len..len + part.len()).ok_or(Malformed)?.copy_from_slice(part);
            len += part.len();
        }
    }
    let padded = len.next_multiple_of(4);
    body.get_mut(len..padded).ok_or(Malformed)?.fill(0);
    let words = u16::try_from(padded / 4).map_err(|_| Malformed)?;
    let profile = if one_byte { ONE_BYTE_PROFILE } else { TWO_BYTE_PROFILE };
    head[..2].copy_from_slice(&profile.to_be_bytes());
    head[2..].copy_from_slice(&words.to_be_bytes());
    Ok(4 + padded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FIELDS: HeaderFields =
        HeaderFields { marker: true, payload_type: 96, sequence: 0x1234, timestamp: 0xdead_beef, ssrc: 0xcafe_f00d };

    fn elements(packet: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let header = Header::parse(packet).unwrap();
        header.extensions(packet).map(|(id, value)| (id, value.to_vec())).collect()
    }

    /// A packet whose extension block has this profile and body (whole words).
    fn with_block(profile: u16, body: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        packet.extend(profile.to_be_bytes());
        packet.extend(u16::try_from(body.len() / 4).unwrap().to_be_bytes());
        packet.extend(body);
        packet
    }

    #[test]
    fn csrcs_are_stepped_over() {
        let mut packet = vec![0x82, 0x80 | 111, 0, 7, 0, 0, 0, 8, 0, 0, 0, 9];
        packet.extend([0xff; 8]);
        let header = Header::parse(&packet).unwrap();
        assert_eq!((header.marker, header.payload_type, header.sequence), (true, 111, 7));
        assert_eq!((header.timestamp, header.ssrc, header.payload_offset), (8, 9, 20));
        assert_eq!(Header::parse(&packet[..19]), Err(Malformed));
    }

    #[test]
    fn other_versions_and_truncated_extensions_are_refused() {
        let packet = with_block(0xbede, &[0x10, 1, 0, 0]);
        assert!(Header::parse(&packet).is_ok());
        for len in 0..packet.len() {
            assert_eq!(Header::parse(&packet[..len]), Err(Malformed), "length {len}");
        }
        assert_eq!(Header::parse(&[0x40; 12]), Err(Malformed));
    }

    #[test]
    fn one_byte_elements() {
        let block = with_block(0xbede, &[0x10, 0xaa, 0, 0, 0x31, 0xbb, 0xcc, 0]);
        assert_eq!(elements(&block), [(1, vec![0xaa]), (3, vec![0xbb, 0xcc])]);
        let stopped = with_block(0xbede, &[0x10, 0xaa, 0xf0, 0, 0x10, 0xbb, 0, 0]);
        assert_eq!(elements(&stopped), [(1, vec![0xaa])], "id 15 ends the list");
        let overlong = with_block(0xbede, &[0x10, 0xaa, 0x2f, 0]);
        assert_eq!(elements(&overlong), [(1, vec![0xaa])]);
    }

    #[test]
    fn two_byte_elements() {
        let block = with_block(0x1003, &[200, 2, 1, 2, 0, 7, 0, 15, 1, 9, 0, 0]);
        assert_eq!(elements(&block), [(200, vec![1, 2]), (7, vec![]), (15, vec![9])]);
        assert!(elements(&with_block(0x1000, &[1, 9, 0, 0])).is_empty());
        assert!(elements(&with_block(0x2000, &[1, 1, 0, 0])).is_empty(), "an unknown profile has no elements");
    }

    #[test]
    fn padding_is_counted_once_it_can_be_true() {
        let mut packet = vec![0xa0, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xee, 0, 2];
        let header = Header::parse(&packet).unwrap();
        assert_eq!(padding_len(&packet, &header), Ok(2));
        for (count, expected) in [(3, Ok(3)), (0, Err(Malformed)), (4, Err(Malformed))] {
            packet[14] = count;
            assert_eq!(padding_len(&packet, &header), expected);
        }
        assert_eq!(padding_len(&packet[..12], &header), Err(Malformed));
        assert_eq!(padding_len(&packet[..11], &header), Err(Malformed));
        packet[0] &= !PADDING_BIT;
        assert_eq!(padding_len(&packet, &header), Ok(0));
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let mut buf = [0; 64];
        assert_eq!(write_header(&mut buf, &FIELDS, &[(0, &[1])]), Err(Malformed));
        assert_eq!(write_header(&mut buf, &HeaderFields { payload_type: 128, ..FIELDS }, &[]), Err(Malformed));
        assert_eq!(write_header(&mut [0; 512], &FIELDS, &[(1, &[0; 256])]), Err(Malformed));
        let needed = write_header(&mut buf, &FIELDS, &[(1, &[1]), (2, &[2, 3])]).unwrap();
        assert_eq!(needed, 24);
        for len in 0..needed {
            assert_eq!(write_header(&mut buf[..len], &FIELDS, &[(1, &[1]), (2, &[2, 3])]), Err(Malformed));
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..80), forced: bool) {
            if let (true, Some(first)) = (forced, bytes.first_mut()) {
                *first = *first & 0x3f | 0x80;
            }
            if let Ok(header) = Header::parse(&bytes) {
                prop_assert!(header.payload_offset <= bytes.len());
                prop_assert!(header.extensions(&bytes).all(|(id, _)| id != 0));
                prop_assert!(padding_len(&bytes, &header).is_ok_and(|len| len <= bytes.len() - header.payload_offset)
                    || bytes[0] & PADDING_BIT != 0);
            }
        }

        #[test]
        fn what_is_written_is_read_back(
            marker: bool, payload_type in 0u8..128, sequence: u16, timestamp: u32, ssrc: u32,
            extensions in prop::collection::vec((1u8.., prop::collection::vec(any::<u8>(), 0..40)), 0..6),
            small: bool,
        ) {
            let extensions: Vec<(u8, Vec<u8>)> = extensions.into_iter().map(|(id, mut value)| {
                value.truncate(if small { 16 } else { 40 });
                (if small { id % 14 + 1 } else { id }, value)
            }).collect();
            let borrowed: Vec<(u8, &[u8])> = extensions.iter().map(|(id, value)| (*id, value.as_slice())).collect();
            let fields = HeaderFields { marker, payload_type, sequence, timestamp, ssrc };
            let mut buf = [0xff; 400];
            let len = write_header(&mut buf, &fields, &borrowed).unwrap();
            let header = Header::parse(&buf[..len]).unwrap();
            prop_assert_eq!(header.payload_offset, len);
            prop_assert_eq!(
                (header.marker, header.payload_type, header.sequence, header.timestamp, header.ssrc),
                (marker, payload_type, sequence, timestamp, ssrc)
            );
            prop_assert_eq!(elements(&buf[..len]), extensions);
        }
    }
}
