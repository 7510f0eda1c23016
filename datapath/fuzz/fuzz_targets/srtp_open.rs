//! Nothing that was not sealed is opened; whatever was sealed opens to what it was, once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_datapath::packet::rtp::Header;
use sluice_datapath::srtp::{OpenError, Opener, Profile, Sealer};

const PROFILES: [Profile; 3] = [Profile::AeadAes128Gcm, Profile::AeadAes256Gcm, Profile::Aes128CmSha1_80];

fuzz_target!(|input: &[u8]| {
    let [selector, packet @ ..] = input else { return };
    let profile = PROFILES[usize::from(*selector) % PROFILES.len()];
    let master = vec![*selector; profile.key_len() + profile.salt_len()];
    let mut sealer = Sealer::new(profile, &master).expect("the key has the profile's length");
    let mut opener = Opener::new(profile, &master).expect("the key has the profile's length");
    assert!(opener.open_rtcp(&mut packet.to_vec()).is_err(), "a forgery was accepted");
    if let Ok(header) = Header::parse(packet) {
        assert!(opener.open_rtp(&mut packet.to_vec(), &header).is_err(), "a forgery was accepted");
        round_trip_rtp(profile, &sealer, &mut opener, packet, &header);
    }
    round_trip_rtcp(&mut sealer, &mut opener, packet);
});

fn round_trip_rtp(profile: Profile, sealer: &Sealer, opener: &mut Opener, plain: &[u8], header: &Header) {
    let mut sealed = plain.to_vec();
    sealed.resize(plain.len() + profile.rtp_overhead(), 0);
    let len = sealer.seal_rtp(&mut sealed, plain.len(), header.payload_offset, 0).expect("there is room");
    let mut packet = sealed[..len].to_vec();
    let opened = opener.open_rtp(&mut packet, header).expect("what was sealed can be opened");
    assert_eq!(&packet[..opened.len], plain);
    assert_eq!(opener.open_rtp(&mut sealed, header), Err(OpenError::Replayed));
}

fn round_trip_rtcp(sealer: &mut Sealer, opener: &mut Opener, plain: &[u8]) {
    let mut sealed = plain.to_vec();
    if sealer.seal_rtcp(&mut sealed, 0).is_err() {
        assert!(plain.len() < 8, "only what has no SSRC cannot be sealed");
        return;
    }
    let mut packet = sealed.clone();
    let len = opener.open_rtcp(&mut packet).expect("what was sealed can be opened");
    assert_eq!(&packet[..len], plain);
    assert_eq!(opener.open_rtcp(&mut sealed), Err(OpenError::Replayed));
}
