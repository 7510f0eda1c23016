//! The receiving side.

use std::collections::BTreeMap;

use super::cipher::{Cipher, PacketId};
use super::replay::ReplayWindow;
use super::{BadKey, OpenError, Profile, SessionKeys, ENCRYPTED_FLAG};
use crate::packet::{rtp, u32_at};
use crate::serial::nearest16;

/// Sources one transport may have, for SRTP and for SRTCP each. A publisher with three simulcast layers, their
/// retransmissions, a screen and audio has about a dozen.
pub const MAX_SOURCES: usize = 64;
/// SRTP indices are 48 bits: roll-over counter and sequence number.
const INDEX_BITS: u32 = 48;

/// 1,984 packets: a retransmission may come seconds after its neighbours.
type RtpWindow = ReplayWindow<32>;
/// 192 packets: RTCP is a few packets per second.
type RtcpWindow = ReplayWindow<4>;

/// An authentic RTP packet, decrypted in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Length of the packet without its tag.
    pub len: usize,
    /// Roll-over counter and sequence number: a sequence number that does not wrap.
    pub index: u64,
}

/// Admits the packets one transport receives: authenticates, decrypts, and refuses replays.
///
/// The state of a source comes into being with its first authentic packet and changes with authentic packets only.
pub struct Opener {
    rtp: Cipher,
    rtcp: Cipher,
    rtp_windows: BTreeMap<u32, RtpWindow>,
    rtcp_windows: BTreeMap<u32, RtcpWindow>,
}

impl Opener {
    /// An opener of `profile`, from master key and master salt, one after the other.
    ///
    /// # Errors
    /// [`BadKey`] if their length is not the profile's.
    pub fn new(profile: Profile, key_and_salt: &[u8]) -> Result<Self, BadKey> {
        Self::with_session_keys(profile, &SessionKeys::derive(profile, key_and_salt)?)
    }

    /// An opener with session keys that were derived before.
    ///
    /// # Errors
    /// [`BadKey`] if a key's length is not the profile's.
    pub fn with_session_keys(profile: Profile, keys: &SessionKeys) -> Result<Self, BadKey> {
        Ok(Self {
            rtp: Cipher::new(profile, &keys.rtp)?,
            rtcp: Cipher::new(profile, &keys.rtcp)?,
            rtp_windows: BTreeMap::new(),
            rtcp_windows: BTreeMap::new(),
        })
    }

    /// Authenticates and decrypts a packet that was received whole; `header` is what was parsed from it.
    ///
    /// The roll-over counter is the one that puts the index nearest to the highest authentic one (RFC 3711 section
    /// 3.3.1), so losing up to 2^15 packets in a row is survived, wherever the sequence number wraps.
    ///
    /// # Errors
    /// [`OpenError`]; the packet is then to be dropped, its bytes may have been overwritten.
    pub fn open_rtp(&mut self, packet: &mut [u8], header: &rtp::Header) -> Result<Opened, OpenError> {
        let ssrc = header.ssrc;
        let window = self.rtp_windows.get_mut(&ssrc);
        let index = match &window {
            Some(window) => nearest16(window.highest(), header.sequence),
            None => u64::from(header.sequence),
        };
        if index >> INDEX_BITS != 0 {
            return Err(OpenError::KeyExhausted);
        }
        let Some(window) = window else {
            if self.rtp_windows.len() >= MAX_SOURCES {
                return Err(OpenError::TooManySources);
            }
            let len = self.rtp.open_rtp(packet, header.payload_offset, PacketId { ssrc, index })?;
            self.rtp_windows.insert(ssrc, RtpWindow::new(index));
            return Ok(Opened { len, index });
        };
        if !window.is_fresh(index) {
            return Err(OpenError::Replayed);
        }
        let len = self.rtp.open_rtp(packet, header.payload_offset, PacketId { ssrc, index })?;
        window.accept(index);
        Ok(Opened { len, index })
    }

    /// Authenticates and decrypts an SRTCP packet; the length of the compound in it.
    ///
    /// A packet whose sender chose not to encrypt (E flag, RFC 3711 section 3.4) is authenticated all the same.
    ///
    /// # Errors
    /// [`OpenError`]; the packet is then to be dropped, its bytes may have been overwritten.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, OpenError> {
        let ssrc = u32_at(packet, 4)?;
        let index_word = self.rtcp.rtcp_index_word(packet)?;
        let index = u64::from(index_word & !ENCRYPTED_FLAG);
        let window = self.rtcp_windows.get_mut(&ssrc);
        if window.as_ref().is_some_and(|window| !window.is_fresh(index)) {
            return Err(OpenError::Replayed);
        }
        if window.is_none() && self.rtcp_windows.len() >= MAX_SOURCES {
            return Err(OpenError::TooManySources);
        }
        let len = self.rtcp.open_rtcp(packet, index_word, PacketId { ssrc, index })?;
        self.rtcp_windows.entry(ssrc).and_modify(|window| window.accept(index)).or_insert(RtcpWindow::new(index));
        Ok(len)
    }

    /// Forgets a source that will send no more, to make room for another.
    ///
    /// Its packets could be replayed from then on: whoever calls this no longer has a use for them.
    pub fn forget(&mut self, ssrc: u32) {
        self.rtp_windows.remove(&ssrc);
        self.rtcp_windows.remove(&ssrc);
    }
}
