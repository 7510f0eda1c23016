//! Payloads are only looked at and rewritten within their bounds, and keep what they are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_datapath::packet::codec::{self, red, Codec, PictureIds};

const VIDEO: [Codec; 5] = [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::H265, Codec::Av1];

fuzz_target!(|payload: &[u8]| {
    for codec in VIDEO {
        let keyframe = codec::starts_keyframe(codec, payload);
        let mut rewritten = payload.to_vec();
        if let Some(ids) = codec::picture_ids(codec, payload) {
            codec::write_picture_ids(codec, &mut rewritten, &ids);
            assert_eq!(rewritten, payload, "writing what was read changes nothing");
        }
        let any = PictureIds { picture_id: Some((u16::MAX, 15)), tl0_pic_idx: Some(255), key_idx: Some(255) };
        codec::write_picture_ids(codec, &mut rewritten, &any);
        assert_eq!(codec::starts_keyframe(codec, &rewritten), keyframe);
    }
    let mut rewritten = payload.to_vec();
    match (red::primary(payload), red::rewrite_payload_types(&mut rewritten, 96)) {
        (Ok((_, range)), Ok(())) => assert_eq!(red::primary(&rewritten), Ok((96, range))),
        (Err(_), Err(_)) => assert_eq!(rewritten, payload),
        (before, after) => panic!("{before:?}, but {after:?}"),
    }
});
