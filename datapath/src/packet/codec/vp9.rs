//! The VP9 payload descriptor (RFC 9628 section 4.2), as far as its picture counters.

use super::{PictureFields, PictureIdField};

const HAS_PICTURE_ID: u8 = 0x80;
const INTER_PICTURE: u8 = 0x40;
const HAS_LAYERS: u8 = 0x20;
const FLEXIBLE: u8 = 0x10;
const START_OF_FRAME: u8 = 0x08;
const SPATIAL_ID_MASK: u8 = 0x0e;

#[derive(Clone, Copy, Debug)]
pub(super) struct Descriptor {
    pub(super) fields: PictureFields,
    starts_keyframe: bool,
}

impl Descriptor {
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let mut fields = PictureFields::default();
        let mut base_layer = true;
        let mut at = 1;
        if first & HAS_PICTURE_ID != 0 {
            let (field, end) = PictureIdField::locate(payload, at)?;
            (fields.picture_id, at) = (Some(field), end);
        }
        if first & HAS_LAYERS != 0 {
            base_layer = payload.get(at)? & SPATIAL_ID_MASK == 0;
            at += 1;
            if first & FLEXIBLE == 0 {
                fields.tl0_pic_idx = Some(at);
                at += 1;
            }
        }
        let starts_keyframe = first & START_OF_FRAME != 0 && first & INTER_PICTURE == 0 && base_layer;
        (at <= payload.len()).then_some(Self { fields, starts_keyframe })
    }
}

/// True for the first packet of a key picture: its base spatial layer.
pub fn starts_keyframe(payload: &[u8]) -> bool {
    Descriptor::parse(payload).is_some_and(|descriptor| descriptor.starts_keyframe)
}

#[cfg(test)]
mod tests {
    use super::super::{picture_ids, write_picture_ids, Codec, PictureIds};
    use super::*;

    #[test]
    fn a_keyframe_starts_with_its_base_layer() {
        assert!(starts_keyframe(&[0x08]));
        assert!(!starts_keyframe(&[0x48]), "predicted from other pictures");
        assert!(!starts_keyframe(&[0x00]), "not the start of a frame");
        assert!(starts_keyframe(&[0x28, 0x00, 1]));
        assert!(!starts_keyframe(&[0x28, 0x02, 1]), "a higher spatial layer");
        assert!(starts_keyframe(&[0x38, 0x10]), "flexible mode has no TL0PICIDX");
        assert!(!starts_keyframe(&[]) && !starts_keyframe(&[0x28, 0x00]));
    }

    #[test]
    fn counters_are_read_and_written_in_place() {
        let mut payload = [0xa8, 0x80, 0x01, 0x20, 9, 0xaa];
        let ids = PictureIds { picture_id: Some((1, 15)), tl0_pic_idx: Some(9), key_idx: None };
        assert_eq!(picture_ids(Codec::Vp9, &payload), Some(ids));
        let new = PictureIds { picture_id: Some((0x1234, 15)), tl0_pic_idx: Some(10), key_idx: Some(3) };
        write_picture_ids(Codec::Vp9, &mut payload, &new);
        assert_eq!(payload, [0xa8, 0x92, 0x34, 0x20, 10, 0xaa]);
        for len in 0..5 {
            assert_eq!(picture_ids(Codec::Vp9, &payload[..len]), None, "length {len}");
        }
    }
}
