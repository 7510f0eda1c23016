//! SRTP over the life of a session: loss, reordering, replays, forgeries, many sources.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use proptest::prelude::*;
use sluice_datapath::packet::rtp::{Header, HeaderFields};
use sluice_datapath::packet::{rtcp, rtp, Malformed};
use sluice_datapath::srtp::{BadKey, OpenError, Opened, Opener, Profile, Sealer, SessionKeys, MAX_SOURCES};

const PROFILES: [Profile; 3] = [Profile::AeadAes128Gcm, Profile::AeadAes256Gcm, Profile::Aes128CmSha1_80];
const SSRC: u32 = 0x5eed;

fn session(profile: Profile) -> (Sealer, Opener) {
    let master = vec![7; profile.key_len() + profile.salt_len()];
    (Sealer::new(profile, &master).unwrap(), Opener::new(profile, &master).unwrap())
}

/// The packet of `ssrc` with this extended sequence number, sealed.
fn sealed(sealer: &Sealer, profile: Profile, ssrc: u32, index: u64) -> Vec<u8> {
    let mut buf = [0; 256];
    let sequence = u16::try_from(index & 0xffff).unwrap();
    let fields = HeaderFields { marker: false, payload_type: 96, sequence, timestamp: 1, ssrc };
    let offset = rtp::write_header(&mut buf, &fields, &[(1, b"mid")]).unwrap();
    buf[offset..offset + 8].copy_from_slice(&index.to_be_bytes());
    let roc = u32::try_from(index >> 16).unwrap();
    let len = sealer.seal_rtp(&mut buf, offset + 8, offset, roc).unwrap();
    assert_eq!(len, offset + 8 + profile.rtp_overhead());
    buf[..len].to_vec()
}

fn open(opener: &mut Opener, packet: &[u8]) -> Result<Opened, OpenError> {
    let header = Header::parse(packet).unwrap();
    let mut packet = packet.to_vec();
    let opened = opener.open_rtp(&mut packet, &header)?;
    assert_eq!(packet[header.payload_offset..opened.len], opened.index.to_be_bytes(), "the plaintext is wrong");
    Ok(opened)
}

fn open_index(opener: &mut Opener, packet: &[u8]) -> Result<u64, OpenError> {
    open(opener, packet).map(|opened| opened.index)
}

#[test]
fn profiles_are_known_by_name() {
    assert_eq!(Profile::from_name("SRTP_AEAD_AES_128_GCM"), Some(Profile::AeadAes128Gcm));
    assert_eq!(Profile::from_name("SRTP_AEAD_AES_256_GCM"), Some(Profile::AeadAes256Gcm));
    assert_eq!(Profile::from_name("SRTP_AES128_CM_SHA1_80"), Some(Profile::Aes128CmSha1_80));
    assert_eq!(Profile::from_name("SRTP_AES128_CM_SHA1_32"), None);
}

#[test]
fn key_material_must_have_the_length_of_the_profile() {
    for profile in PROFILES {
        let len = profile.key_len() + profile.salt_len();
        for wrong in [0, profile.key_len(), len - 1, len + 1] {
            assert_eq!(Sealer::new(profile, &vec![0; wrong]).err(), Some(BadKey), "{profile:?} {wrong}");
            assert_eq!(Opener::new(profile, &vec![0; wrong]).err(), Some(BadKey), "{profile:?} {wrong}");
        }
        let keys = SessionKeys::derive(profile, &vec![0; len]).unwrap();
        let other = if profile == Profile::AeadAes256Gcm { Profile::AeadAes128Gcm } else { Profile::AeadAes256Gcm };
        assert_eq!(Sealer::with_session_keys(other, &keys, 0).err(), Some(BadKey));
    }
}

#[test]
fn loss_around_the_wrap_is_survived() {
    // Losing 2^15 packets and more in a row cannot be told from reordering; anything shorter must be survived,
    // wherever it falls: also when the first packets ever received are just before the wrap.
    for profile in PROFILES {
        for (last, next) in [
            (0xffff, 0x1_0000),
            (0xfffe, 0x1_0001),
            (0xffff, 0x1_7ffe),
            (0x8001, 0x1_0000),
            (0xc000, 0x1_3fff),
            (0x7fff, 0xffff),
            (0x1_8001, 0x2_0000),
        ] {
            let (sealer, mut opener) = session(profile);
            if last > 0xffff {
                assert_eq!(open_index(&mut opener, &sealed(&sealer, profile, SSRC, 0xf000)), Ok(0xf000));
                assert_eq!(open_index(&mut opener, &sealed(&sealer, profile, SSRC, 0x1_6fff)), Ok(0x1_6fff));
            }
            assert_eq!(open_index(&mut opener, &sealed(&sealer, profile, SSRC, last)), Ok(last));
            assert_eq!(open_index(&mut opener, &sealed(&sealer, profile, SSRC, next)), Ok(next), "after {last:#x}");
            assert_eq!(open_index(&mut opener, &sealed(&sealer, profile, SSRC, next + 1)), Ok(next + 1));
        }
    }
}

#[test]
fn packets_from_before_the_wrap_are_admitted_after_it() {
    let profile = Profile::AeadAes128Gcm;
    let (sealer, mut opener) = session(profile);
    for index in [0xfff0, 0x1_0010, 0xffff, 0x1_0000, 0xfff1] {
        assert_eq!(open_index(&mut opener, &sealed(&sealer, profile, SSRC, index)), Ok(index));
    }
}

#[test]
fn every_packet_is_admitted_once() {
    for profile in PROFILES {
        let (sealer, mut opener) = session(profile);
        let packet = sealed(&sealer, profile, SSRC, 5_000);
        assert_eq!(open_index(&mut opener, &packet), Ok(5_000));
        assert_eq!(open(&mut opener, &packet), Err(OpenError::Replayed));
        let late = sealed(&sealer, profile, SSRC, 5_000 - 1_024);
        assert_eq!(open_index(&mut opener, &late), Ok(5_000 - 1_024), "1,024 packets late is not too late");
        assert_eq!(open(&mut opener, &late), Err(OpenError::Replayed));
        let too_late = sealed(&sealer, profile, SSRC, 5_000 - 2_048);
        assert_eq!(open(&mut opener, &too_late), Err(OpenError::Replayed));
    }
}

#[test]
fn forgeries_change_nothing() {
    for profile in PROFILES {
        let (sealer, mut opener) = session(profile);
        let genuine = sealed(&sealer, profile, SSRC, 40_000);
        for position in 0..genuine.len() {
            let mut forged = genuine.clone();
            forged[position] ^= 0x40;
            if let Ok(header) = Header::parse(&forged) {
                let opened = opener.open_rtp(&mut forged, &header);
                assert!(opened.is_err(), "{profile:?}: byte {position} is not authenticated");
            }
        }
        // Forged sequence numbers far ahead must not have moved the roll-over counter, nor marked anything as seen.
        assert_eq!(open_index(&mut opener, &genuine), Ok(40_000));
        let mut ahead = sealed(&sealer, profile, SSRC, 65_000);
        *ahead.last_mut().unwrap() ^= 1;
        assert_eq!(open(&mut opener, &ahead), Err(OpenError::Forged));
        assert_eq!(open_index(&mut opener, &sealed(&sealer, profile, SSRC, 10_000)), Err(OpenError::Replayed));
        assert_eq!(open_index(&mut opener, &sealed(&sealer, profile, SSRC, 40_001)), Ok(40_001));
    }
}

#[test]
fn a_packet_too_short_for_its_tag_is_malformed() {
    for profile in PROFILES {
        let (_, mut opener) = session(profile);
        let mut packet = [0; 12 + 9];
        packet[0] = 0x80;
        let header = Header::parse(&packet).unwrap();
        assert_eq!(opener.open_rtp(&mut packet, &header), Err(OpenError::Malformed));
        for len in 0..20 {
            assert_eq!(opener.open_rtcp(&mut vec![0x80; len]), Err(OpenError::Malformed), "{profile:?} {len}");
        }
    }
}

#[test]
fn sources_are_bounded_and_those_retired_make_room() {
    let profile = Profile::AeadAes128Gcm;
    let (sealer, mut opener) = session(profile);
    for ssrc in 0..1_000 {
        let mut forged = sealed(&sealer, profile, ssrc, 1);
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(open(&mut opener, &forged), Err(OpenError::Forged), "a forgery takes no place");
    }
    let bound = u32::try_from(MAX_SOURCES).unwrap();
    for ssrc in 0..bound {
        assert_eq!(open_index(&mut opener, &sealed(&sealer, profile, ssrc, 1)), Ok(1));
    }
    assert_eq!(open(&mut opener, &sealed(&sealer, profile, bound, 1)), Err(OpenError::TooManySources));
    assert_eq!(open_index(&mut opener, &sealed(&sealer, profile, 0, 2)), Ok(2), "known sources go on");
    for ssrc in [3, 1, 2, 1] {
        opener.retire(ssrc);
    }
    opener.keep(3);
    let mut forged = sealed(&sealer, profile, bound, 1);
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(open(&mut opener, &forged), Err(OpenError::Forged), "nor does it take a retired one's");
    assert_eq!(open(&mut opener, &sealed(&sealer, profile, 1, 1)), Err(OpenError::Replayed), "it is still known");
    assert_eq!(open_index(&mut opener, &sealed(&sealer, profile, bound, 1)), Ok(1));
    assert_eq!(open_index(&mut opener, &sealed(&sealer, profile, bound + 1, 1)), Ok(1));
    assert_eq!(open(&mut opener, &sealed(&sealer, profile, 3, 1)), Err(OpenError::Replayed), "it was kept");
    assert_eq!(open(&mut opener, &sealed(&sealer, profile, bound + 2, 1)), Err(OpenError::TooManySources));
}

#[test]
fn the_sources_of_reports_are_bounded_alike() {
    let profile = Profile::AeadAes128Gcm;
    let (mut sealer, mut opener) = session(profile);
    let mut report = |ssrc: u32| {
        let mut packet = vec![0x80, 201, 0, 1];
        packet.extend_from_slice(&ssrc.to_be_bytes());
        sealer.seal_rtcp(&mut packet, 0).unwrap();
        packet
    };
    let bound = u32::try_from(MAX_SOURCES).unwrap();
    for ssrc in 0..bound {
        assert!(opener.open_rtcp(&mut report(ssrc)).is_ok());
    }
    assert_eq!(opener.open_rtcp(&mut report(bound)), Err(OpenError::TooManySources));
    opener.retire(7);
    assert!(opener.open_rtcp(&mut report(8)).is_ok());
    assert!(opener.open_rtcp(&mut report(bound)).is_ok());
    assert_eq!(opener.open_rtcp(&mut report(7)), Err(OpenError::TooManySources));
}

#[test]
fn sealing_needs_room_and_a_whole_header() {
    for profile in PROFILES {
        let (mut sealer, _) = session(profile);
        let mut buf = [0x80; 64];
        let room = 64 - profile.rtp_overhead();
        assert_eq!(sealer.seal_rtp(&mut buf, room + 1, 12, 0), Err(Malformed));
        assert_eq!(sealer.seal_rtp(&mut buf, usize::MAX, 12, 0), Err(Malformed));
        assert_eq!(sealer.seal_rtp(&mut buf, 20, 21, 0), Err(Malformed));
        assert_eq!(sealer.seal_rtp(&mut buf[..11], 0, 0, 0), Err(Malformed));
        assert_eq!(sealer.seal_rtp(&mut buf, room, 12, 0), Ok(64));
        let mut short = vec![0x80; 7];
        assert_eq!(sealer.seal_rtcp(&mut short, 0), Err(Malformed));
        assert_eq!(sealer.seal_rtcp(&mut short, 100), Err(Malformed));
        assert_eq!(short.len(), 7);
    }
}

#[test]
fn rtcp_is_admitted_once_and_in_any_order() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = session(profile);
        let mut packets: Vec<Vec<u8>> = Vec::new();
        for media in 0..4 {
            let mut packet = Vec::new();
            rtcp::write_pli(&mut packet, SSRC, media);
            let plain_len = packet.len();
            sealer.seal_rtcp(&mut packet, 0).unwrap();
            assert_eq!(packet.len(), plain_len + profile.rtcp_overhead());
            packets.push(packet);
        }
        for position in [2, 0, 3, 1] {
            let mut packet = packets[position].clone();
            let len = opener.open_rtcp(&mut packet).unwrap();
            let mut plain = Vec::new();
            rtcp::write_pli(&mut plain, SSRC, u32::try_from(position).unwrap());
            assert_eq!(packet[..len], plain);
            assert_eq!(opener.open_rtcp(&mut packets[position].clone()), Err(OpenError::Replayed));
        }
        let mut forged = packets[0].clone();
        for position in 0..forged.len() {
            forged[position] ^= 1;
            assert!(opener.open_rtcp(&mut forged.clone()).is_err(), "{profile:?}: byte {position}");
            forged[position] ^= 1;
        }
    }
}

#[test]
fn an_rtcp_key_ends_after_2_to_the_31_packets() {
    let profile = Profile::AeadAes128Gcm;
    let keys = SessionKeys::derive(profile, &[7; 28]).unwrap();
    let mut sealer = Sealer::with_session_keys(profile, &keys, (1 << 31) - 1).unwrap();
    let mut packet = Vec::new();
    rtcp::write_bye(&mut packet, SSRC);
    assert_eq!(sealer.seal_rtcp(&mut packet.clone(), 0), Ok(()));
    assert_eq!(sealer.seal_rtcp(&mut packet, 0), Err(Malformed));
    assert_eq!(packet.len(), 8);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However packets are lost, reordered and repeated within reach of the window: each is admitted at most once,
    /// and with the index it was sent with.
    #[test]
    fn indices_are_always_right(
        profile in prop::sample::select(&PROFILES[..]),
        first in 0u64..0x8000,
        steps in prop::collection::vec(-900i64..3_000, 1..120),
    ) {
        let (sealer, mut opener) = session(profile);
        let mut highest = first;
        let mut admitted = std::collections::BTreeSet::new();
        for step in steps {
            let index = highest.saturating_add_signed(step).max(first);
            let expected = if admitted.insert(index) { Ok(index) } else { Err(OpenError::Replayed) };
            prop_assert_eq!(open_index(&mut opener, &sealed(&sealer, profile, SSRC, index)), expected);
            highest = highest.max(index);
        }
    }

    #[test]
    fn arbitrary_bytes_are_never_admitted(
        profile in prop::sample::select(&PROFILES[..]), bytes in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let (_, mut opener) = session(profile);
        prop_assert!(opener.open_rtcp(&mut bytes.clone()).is_err());
        if let Ok(header) = Header::parse(&bytes) {
            prop_assert!(opener.open_rtp(&mut bytes.clone(), &header).is_err());
        }
    }
}
