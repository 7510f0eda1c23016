//! SRTP against published vectors: RFC 3711 appendix B, RFC 7714 sections 16 and 17, and packets made by libsrtp.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use sluice_datapath::packet::rtp::Header;
use sluice_datapath::srtp::{KeySet, OpenError, Opener, Profile, Sealer, SessionKeys};

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// The same session keys for SRTP and SRTCP, as the vectors that start from session keys have them.
fn session_keys(cipher_key: &str, salt: &str, authentication_key: &[u8]) -> SessionKeys {
    let set =
        || KeySet { cipher_key: hex(cipher_key), salt: hex(salt), authentication_key: authentication_key.to_vec() };
    SessionKeys { rtp: set(), rtcp: set() }
}

fn seal_rtp(sealer: &Sealer, profile: Profile, plain: &[u8], roc: u32) -> Vec<u8> {
    let header = Header::parse(plain).unwrap();
    let mut buf = plain.to_vec();
    buf.resize(plain.len() + profile.rtp_overhead(), 0);
    let len = sealer.seal_rtp(&mut buf, plain.len(), header.payload_offset, roc).unwrap();
    assert_eq!(len, buf.len());
    buf
}

fn open_rtp(opener: &mut Opener, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let mut packet = sealed.to_vec();
    let header = Header::parse(&packet).unwrap();
    let opened = opener.open_rtp(&mut packet, &header)?;
    packet.truncate(opened.len);
    Ok(packet)
}

fn seal_rtcp(sealer: &mut Sealer, plain: &[u8]) -> Vec<u8> {
    let mut out = b"before".to_vec();
    out.extend(plain);
    sealer.seal_rtcp(&mut out, 6).unwrap();
    out.split_off(6)
}

fn open_rtcp(opener: &mut Opener, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let mut packet = sealed.to_vec();
    let len = opener.open_rtcp(&mut packet)?;
    packet.truncate(len);
    Ok(packet)
}

/// RFC 3711 appendix B.2: the keystream of SSRC 0, roll-over counter 0, sequence number 0 is what zeros encrypt to.
#[test]
fn aes_counter_mode_keystream() {
    const HEADER_LEN: usize = 12;
    const SEGMENT_LEN: usize = 1_044_512;
    let keys = session_keys("2B7E151628AED2A6ABF7158809CF4F3C", "F0F1F2F3F4F5F6F7F8F9FAFBFCFD", &[0; 20]);
    let sealer = Sealer::with_session_keys(Profile::Aes128CmSha1_80, &keys, 0).unwrap();
    let mut plain = vec![0; HEADER_LEN + SEGMENT_LEN];
    plain[0] = 0x80;
    let sealed = seal_rtp(&sealer, Profile::Aes128CmSha1_80, &plain, 0);
    let keystream = &sealed[HEADER_LEN..HEADER_LEN + SEGMENT_LEN];
    for (block, expected) in [
        (0, "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0"),
        (0xfeff, "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE 6A2CC3787889374FBEB4C81B17BA6C44"),
    ] {
        assert_eq!(keystream[16 * block..][..48], hex(expected), "block {block:#x}");
    }
}

/// RFC 3711 appendix B.3. The RFC derives 94 bytes of authentication key; HMAC-SHA1 takes the first 20.
#[test]
fn session_key_derivation() {
    let master = hex("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6");
    let keys = SessionKeys::derive(Profile::Aes128CmSha1_80, &master).unwrap();
    assert_eq!(keys.rtp.cipher_key, hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(keys.rtp.salt, hex("30CBBC08863D8C85D49DB34A9AE1"));
    assert_eq!(keys.rtp.authentication_key, hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
}

struct AeadVector {
    profile: Profile,
    key: &'static str,
    rtp: &'static str,
    rtcp: &'static str,
    rtcp_tag_only: &'static str,
}

/// RFC 7714 sections 16.1.1, 16.2.1 (SRTP) and 17.1 to 17.4 (SRTCP), whose keys are session keys.
///
/// Not here: sections 16.1.3 and 16.2.3, SRTP that is authenticated only, which WebRTC does not allow
/// (RFC 8827 section 6.5).
const AEAD_VECTORS: [AeadVector; 2] = [
    AeadVector {
        profile: Profile::AeadAes128Gcm,
        key: "000102030405060708090a0b0c0d0e0f",
        rtp: "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b
              36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        rtcp: "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46
               86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
        rtcp_tag_only: "841dd968 3dd78ec9 2ae58790 125f62b3 000005d4",
    },
    AeadVector {
        profile: Profile::AeadAes256Gcm,
        key: "000102030405060708090a0b0c0d0e0f 101112131415161718191a1b1c1d1e1f",
        rtp: "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f
              1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        rtcp: "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be 8415f658
               c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
        rtcp_tag_only: "91db4afb feee5a97 8fab4393 ed2615fe 000005d4",
    },
];
const AEAD_SALT: &str = "51756964 2070726f 2071756f";
const AEAD_RTP: &str = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070
                        61727465 73207472 6573";
const AEAD_RTCP: &str = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef
                         deadbeef deadbeef deadbeef";
const AEAD_RTCP_INDEX: u32 = 0x5d4;

#[test]
fn aead_srtp() {
    for vector in AEAD_VECTORS {
        let keys = session_keys(vector.key, AEAD_SALT, &[]);
        let sealer = Sealer::with_session_keys(vector.profile, &keys, 0).unwrap();
        let mut opener = Opener::with_session_keys(vector.profile, &keys).unwrap();
        assert_eq!(seal_rtp(&sealer, vector.profile, &hex(AEAD_RTP), 0), hex(vector.rtp), "{:?}", vector.profile);
        assert_eq!(open_rtp(&mut opener, &hex(vector.rtp)), Ok(hex(AEAD_RTP)), "{:?}", vector.profile);
    }
}

#[test]
fn aead_srtcp() {
    for vector in AEAD_VECTORS {
        let keys = session_keys(vector.key, AEAD_SALT, &[]);
        let mut sealer = Sealer::with_session_keys(vector.profile, &keys, AEAD_RTCP_INDEX).unwrap();
        let mut opener = Opener::with_session_keys(vector.profile, &keys).unwrap();
        assert_eq!(seal_rtcp(&mut sealer, &hex(AEAD_RTCP)), hex(vector.rtcp), "{:?}", vector.profile);
        assert_eq!(open_rtcp(&mut opener, &hex(vector.rtcp)), Ok(hex(AEAD_RTCP)), "{:?}", vector.profile);
    }
}

#[test]
fn aead_srtcp_that_is_authenticated_only() {
    for vector in AEAD_VECTORS {
        let keys = session_keys(vector.key, AEAD_SALT, &[]);
        let mut opener = Opener::with_session_keys(vector.profile, &keys).unwrap();
        let mut packet = [hex(AEAD_RTCP), hex(vector.rtcp_tag_only)].concat();
        packet[20] ^= 1;
        assert_eq!(open_rtcp(&mut opener, &packet), Err(OpenError::Forged), "{:?}", vector.profile);
        packet[20] ^= 1;
        assert_eq!(open_rtcp(&mut opener, &packet), Ok(hex(AEAD_RTCP)), "{:?}", vector.profile);
    }
}

/// Made by libsrtp 2 (through pylibsrtp 1.0.0), an implementation that is not ours: master key and salt are the bytes
/// 1, 2, 3 and so on; sequence numbers 65534, 65535 and 0 of one source; two SRTCP packets, the first with index 1.
/// They cover what the RFCs' vectors do not: key derivation for AES-GCM, a header extension, a roll-over counter of 1.
struct LibsrtpVector {
    profile: Profile,
    rtp: [&'static str; 3],
    rtcp: [&'static str; 2],
}

const LIBSRTP_VECTORS: [LibsrtpVector; 3] = [
    LibsrtpVector {
        profile: Profile::AeadAes128Gcm,
        rtp: [
            "9060fffe11223344cafef00dbede000110aa0000 35f91d0febf91f78374c9764fd65497dae0725bfb6d1be214e50f1933222",
            "9060ffff11223344cafef00dbede000110aa0000 9da18c5a6fbd4981f014b50e91cf12f6917ea3939ec71715ce95f14928de",
            "9060000011223344cafef00dbede000110aa0000 709aca407f1da32f07ba34a1d6a67c998bad64a88a7f5abc3fc986f44422",
        ],
        rtcp: [
            "81c90007cafef00d 98c41be06421d530747a1142c933f60acf7f3d5fecdf1b22a9df1d37f0823075455ac20afd858339 80000001",
            "81c90007cafef00d cc405d943c797ef12f4d082ee4e836c7070cdefc81ef03474eca3631221a43ad3f2b3385c51ad190 80000002",
        ],
    },
    LibsrtpVector {
        profile: Profile::AeadAes256Gcm,
        rtp: [
            "9060fffe11223344cafef00dbede000110aa0000 c0e7118e67e3b85c81146defda2407a4b6b70bee12e637da0aa8946cbb3b",
            "9060ffff11223344cafef00dbede000110aa0000 bae540f9984041cd3db41c97e36f36819740d989e408e1ae4d6f998a77f4",
            "9060000011223344cafef00dbede000110aa0000 8b0bf9a8b0c8c473945ccd9ab280e3b6aa143ee081dfb55a14c24eeb9740",
        ],
        rtcp: [
            "81c90007cafef00d 7a750701790b8e2544dd0ac394095f7ef68fc41facdde39e5ccc9a4810509bcdc0d216432375941b 80000001",
            "81c90007cafef00d 3e3e91332d54a7744267cb47d400a47b4192aa337df261adda4feb4c2098dff63c410187701d7c41 80000002",
        ],
    },
    LibsrtpVector {
        profile: Profile::Aes128CmSha1_80,
        rtp: [
            "9060fffe11223344cafef00dbede000110aa0000 9e9f6d90df07d38941a0bb49a50bd94ef5cccad30f07e633",
            "9060ffff11223344cafef00dbede000110aa0000 2d1bbf0113d34cc816fc245fb79cc5d0d81f61619d37eaac",
            "9060000011223344cafef00dbede000110aa0000 b86c727385c1faedf5f73dfc0cebc383fb6e25d3b6c6ba1a",
        ],
        rtcp: [
            "81c90007cafef00d e0c9f6100d5d8efe0abe1f6e05942ddad73a49e6e68879e6 80000001 644e32c7a95f36c00a5d",
            "81c90007cafef00d 1b2a5b720c1980f8b7227cb8e152caaba5ee578b6ce8f953 80000002 ba5c3be85ef655953d0b",
        ],
    },
];
const LIBSRTP_INDICES: [u64; 3] = [0xfffe, 0xffff, 0x1_0000];

fn libsrtp_master(profile: Profile) -> Vec<u8> {
    (1..).take(profile.key_len() + profile.salt_len()).collect()
}

fn libsrtp_rtp(index: u64) -> Vec<u8> {
    let mut packet = hex("90600000 11223344 cafef00d bede0001 10aa0000");
    packet[2..4].copy_from_slice(&index.to_be_bytes()[6..]);
    packet.extend(b"payload of RTP");
    packet
}

fn libsrtp_rtcp() -> Vec<u8> {
    hex("81c90007 cafef00d 00010203 04050607 08090a0b 0c0d0e0f 10111213 14151617")
}

#[test]
fn libsrtp_rtp_packets() {
    for LibsrtpVector { profile, rtp, .. } in LIBSRTP_VECTORS {
        let sealer = Sealer::new(profile, &libsrtp_master(profile)).unwrap();
        let mut opener = Opener::new(profile, &libsrtp_master(profile)).unwrap();
        for (sealed, index) in rtp.into_iter().zip(LIBSRTP_INDICES) {
            let plain = libsrtp_rtp(index);
            let roc = u32::try_from(index >> 16).unwrap();
            assert_eq!(seal_rtp(&sealer, profile, &plain, roc), hex(sealed), "{profile:?} {index:#x}");
            assert_eq!(open_rtp(&mut opener, &hex(sealed)), Ok(plain), "{profile:?} {index:#x}");
        }
    }
}

#[test]
fn libsrtp_rtcp_packets() {
    for LibsrtpVector { profile, rtcp, .. } in LIBSRTP_VECTORS {
        let keys = SessionKeys::derive(profile, &libsrtp_master(profile)).unwrap();
        let mut sealer = Sealer::with_session_keys(profile, &keys, 1).unwrap();
        let mut opener = Opener::new(profile, &libsrtp_master(profile)).unwrap();
        for sealed in rtcp {
            assert_eq!(seal_rtcp(&mut sealer, &libsrtp_rtcp()), hex(sealed), "{profile:?}");
            assert_eq!(open_rtcp(&mut opener, &hex(sealed)), Ok(libsrtp_rtcp()), "{profile:?}");
        }
    }
}
