//! What forwarding needs to know of a payload: where a keyframe starts, and the picture counters to keep continuous.

pub mod av1;
pub mod h264;
pub mod h265;
pub mod red;
pub mod vp8;
pub mod vp9;

/// An RTP payload format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum Codec {
    Opus,
    Red,
    Vp8,
    Vp9,
    H264,
    H265,
    Av1,
    Pcmu,
    Pcma,
    G722,
    /// Forwarded without a look inside.
    Other,
}

impl Codec {
    /// The codec of an `a=rtpmap` encoding name in any case, or "other"; `None` for names not known.
    pub fn from_name(name: &str) -> Option<Self> {
        const NAMES: [(&str, Codec); 11] = [
            ("opus", Codec::Opus),
            ("red", Codec::Red),
            ("vp8", Codec::Vp8),
            ("vp9", Codec::Vp9),
            ("h264", Codec::H264),
            ("h265", Codec::H265),
            ("av1", Codec::Av1),
            ("pcmu", Codec::Pcmu),
            ("pcma", Codec::Pcma),
            ("g722", Codec::G722),
            ("other", Codec::Other),
        ];
        NAMES.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, codec)| codec)
    }

    /// True for the video formats whose keyframes [`starts_keyframe`] can see.
    pub fn is_video(self) -> bool {
        matches!(self, Self::Vp8 | Self::Vp9 | Self::H264 | Self::H265 | Self::Av1)
    }
}

/// The counters of a VP8 or VP9 payload descriptor that must continue when the source changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PictureIds {
    /// Picture id and its width on the wire, 7 or 15 bits.
    pub picture_id: Option<(u16, u8)>,
    /// Running number of temporal base layer frames, 8 bits.
    pub tl0_pic_idx: Option<u8>,
    /// VP8 temporal key frame index, 5 bits.
    pub key_idx: Option<u8>,
}

/// True if `payload` is the first packet of a keyframe, where a decoder can start.
///
/// Always false for audio and for [`Codec::Other`].
pub fn starts_keyframe(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Vp8 => vp8::starts_keyframe(payload),
        Codec::Vp9 => vp9::starts_keyframe(payload),
        Codec::H264 => h264::starts_keyframe(payload),
        Codec::H265 => h265::starts_keyframe(payload),
        Codec::Av1 => av1::starts_keyframe(payload),
        Codec::Opus | Codec::Red | Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::Other => false,
    }
}

/// The picture counters in a VP8 or VP9 payload; `None` for other codecs and malformed descriptors.
pub fn picture_ids(codec: Codec, payload: &[u8]) -> Option<PictureIds> {
    let fields = locate(codec, payload)?;
    Some(PictureIds {
        picture_id: fields.picture_id.map(|field| match field {
            PictureIdField::Short(at) => (u16::from(payload[at] & 0x7f), 7),
            PictureIdField::Long(at) => (u16::from_be_bytes([payload[at], payload[at + 1]]) & 0x7fff, 15),
        }),
        tl0_pic_idx: fields.tl0_pic_idx.map(|at| payload[at]),
        key_idx: fields.key_idx.map(|at| payload[at] & KEY_IDX_MASK),
    })
}

/// Overwrites the counters that both `payload` and `ids` have, keeping their width; larger values lose their high bits.
///
/// Does nothing to other codecs and malformed descriptors.
pub fn write_picture_ids(codec: Codec, payload: &mut [u8], ids: &PictureIds) {
    let Some(fields) = locate(codec, payload) else { return };
    if let (Some(field), Some((id, _))) = (fields.picture_id, ids.picture_id) {
        match field {
            PictureIdField::Short(at) => payload[at] = id as u8 & 0x7f,
            PictureIdField::Long(at) => payload[at..at + 2].copy_from_slice(&(id | 0x8000).to_be_bytes()),
        }
    }
    if let (Some(at), Some(tl0_pic_idx)) = (fields.tl0_pic_idx, ids.tl0_pic_idx) {
        payload[at] = tl0_pic_idx;
    }
    if let (Some(at), Some(key_idx)) = (fields.key_idx, ids.key_idx) {
        payload[at] = payload[at] & !KEY_IDX_MASK | key_idx & KEY_IDX_MASK;
    }
}

const KEY_IDX_MASK: u8 = 0x1f;

/// Where the counters stand in a payload; every position is within it.
#[derive(Clone, Copy, Debug, Default)]
struct PictureFields {
    picture_id: Option<PictureIdField>,
    tl0_pic_idx: Option<usize>,
    key_idx: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
enum PictureIdField {
    Short(usize),
    Long(usize),
}

impl PictureIdField {
    /// The picture id at `at`, whose first bit tells its width, and where it ends.
    fn locate(payload: &[u8], at: usize) -> Option<(Self, usize)> {
        match payload.get(at..)? {
            [first, _, ..] if first & 0x80 != 0 => Some((Self::Long(at), at + 2)),
            [first, ..] if first & 0x80 == 0 => Some((Self::Short(at), at + 1)),
            _ => None,
        }
    }
}

fn locate(codec: Codec, payload: &[u8]) -> Option<PictureFields> {
    match codec {
        Codec::Vp8 => vp8::Descriptor::parse(payload).map(|descriptor| descriptor.fields),
        Codec::Vp9 => vp9::Descriptor::parse(payload).map(|descriptor| descriptor.fields),
        _ => None,
    }
}
