//! The VP8 payload descriptor (RFC 7741 section 4.2).

use super::{PictureFields, PictureIdField};

const EXTENDED: u8 = 0x80;
const START_OF_PARTITION: u8 = 0x10;
const PARTITION_MASK: u8 = 0x0f; // reserved bit and PID, as one number: RFC 7741 keeps the bit zero
const HAS_PICTURE_ID: u8 = 0x80;
const HAS_TL0_PIC_IDX: u8 = 0x40;
const HAS_TID: u8 = 0x20;
const HAS_KEY_IDX: u8 = 0x10;
/// In the payload header: not a keyframe (RFC 7741 section 4.3).
const INTER_FRAME: u8 = 0x01;

#[derive(Clone, Copy, Debug)]
pub(super) struct Descriptor {
    pub(super) fields: PictureFields,
    starts_frame: bool,
    len: usize,
}

impl Descriptor {
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let starts_frame = first & START_OF_PARTITION != 0 && first & PARTITION_MASK == 0;
        let mut fields = PictureFields::default();
        let mut at = 1;
        if first & EXTENDED != 0 {
            let flags = *payload.get(at)?;
            at += 1;
            if flags & HAS_PICTURE_ID != 0 {
                let (field, end) = PictureIdField::locate(payload, at)?;
                (fields.picture_id, at) = (Some(field), end);
            }
            if flags & HAS_TL0_PIC_IDX != 0 {
                fields.tl0_pic_idx = Some(at);
                at += 1;
            }
            if flags & (HAS_TID | HAS_KEY_IDX) != 0 {
                fields.key_idx = (flags & HAS_KEY_IDX != 0).then_some(at);
                at += 1;
            }
        }
        (at <= payload.len()).then_some(Self { fields, starts_frame, len: at })
    }
}

/// True for the first packet of a keyframe.
pub fn starts_keyframe(payload: &[u8]) -> bool {
    Descriptor::parse(payload).is_some_and(|descriptor| {
        descriptor.starts_frame && payload.get(descriptor.len).is_some_and(|header| header & INTER_FRAME == 0)
    })
}

#[cfg(test)]
mod tests {
    use super::super::{picture_ids, write_picture_ids, Codec, PictureIds};
    use super::*;

    #[test]
    fn a_keyframe_starts_with_the_first_partition() {
        assert!(starts_keyframe(&[0x10, 0x00]));
        assert!(!starts_keyframe(&[0x10, 0x01]), "an inter frame");
        assert!(!starts_keyframe(&[0x00, 0x00]), "not the start of a partition");
        assert!(!starts_keyframe(&[0x11, 0x00]), "a later partition");
        assert!(!starts_keyframe(&[0x10]) && !starts_keyframe(&[]));
        assert!(starts_keyframe(&[0x90, 0xf0, 0x81, 0x02, 7, 0x25, 0x00]));
    }

    #[test]
    fn counters_are_read_and_written_in_place() {
        let mut payload = [0x90, 0xf0, 0x81, 0x02, 7, 0xe5, 0x00];
        let ids = PictureIds { picture_id: Some((0x102, 15)), tl0_pic_idx: Some(7), key_idx: Some(5) };
        assert_eq!(picture_ids(Codec::Vp8, &payload), Some(ids));
        let new = PictureIds { picture_id: Some((0xffff, 15)), tl0_pic_idx: Some(8), key_idx: Some(0x3f) };
        write_picture_ids(Codec::Vp8, &mut payload, &new);
        assert_eq!(payload, [0x90, 0xf0, 0xff, 0xff, 8, 0xff, 0x00]);
    }

    #[test]
    fn a_short_picture_id_stays_short() {
        let mut payload = [0x90, 0x80, 0x11, 0x00];
        assert_eq!(picture_ids(Codec::Vp8, &payload).unwrap().picture_id, Some((0x11, 7)));
        write_picture_ids(
            Codec::Vp8,
            &mut payload,
            &PictureIds { picture_id: Some((0x1ff, 15)), ..Default::default() },
        );
        assert_eq!(payload, [0x90, 0x80, 0x7f, 0x00]);
    }

    #[test]
    fn a_truncated_descriptor_has_no_counters() {
        let payload = [0x90, 0xf0, 0x81, 0x02, 7, 0xe5];
        assert!(picture_ids(Codec::Vp8, &payload).is_some());
        for len in 0..payload.len() {
            assert_eq!(picture_ids(Codec::Vp8, &payload[..len]), None, "length {len}");
        }
    }
}
