//! The sending side.

use super::cipher::{Cipher, PacketId};
use super::{BadKey, Profile, SessionKeys, ENCRYPTED_FLAG};
use crate::packet::{u16_at, u32_at, Malformed};

/// Protects the packets one transport sends.
pub struct Sealer {
    rtp: Cipher,
    rtcp: Cipher,
    next_rtcp_index: u32,
}

impl Sealer {
    /// A sealer of `profile`, from master key and master salt, one after the other.
    ///
    /// # Errors
    /// [`BadKey`] if their length is not the profile's.
    pub fn new(profile: Profile, key_and_salt: &[u8]) -> Result<Self, BadKey> {
        Self::with_session_keys(profile, &SessionKeys::derive(profile, key_and_salt)?, 0)
    }

    /// A sealer with session keys that were derived before, whose next SRTCP packet has this index.
    ///
    /// # Errors
    /// [`BadKey`] if a key's length is not the profile's.
    pub fn with_session_keys(profile: Profile, keys: &SessionKeys, next_rtcp_index: u32) -> Result<Self, BadKey> {
        Ok(Self { rtp: Cipher::new(profile, &keys.rtp)?, rtcp: Cipher::new(profile, &keys.rtcp)?, next_rtcp_index })
    }

    /// Encrypts the payload of the RTP packet `buf[..len]` and puts the tag behind it; the new length.
    ///
    /// `roc` is the roll-over counter: how often the sequence number of this SSRC has wrapped. The caller must never
    /// seal two different packets of the same SSRC, sequence number and counter: they would reveal each other.
    ///
    /// # Errors
    /// [`Malformed`] if `buf` has no room for the profile's overhead or `buf[..len]` is shorter than its header.
    pub fn seal_rtp(&self, buf: &mut [u8], len: usize, payload_offset: usize, roc: u32) -> Result<usize, Malformed> {
        if len > buf.len() {
            return Err(Malformed);
        }
        let index = u64::from(roc) << 16 | u64::from(u16_at(buf, 2)?);
        self.rtp.seal_rtp(buf, len, payload_offset, PacketId { ssrc: u32_at(buf, 8)?, index })
    }

    /// Encrypts the RTCP compound `out[start..]` and appends what SRTCP adds.
    ///
    /// # Errors
    /// [`Malformed`] if the compound is shorter than a header with SSRC, or the 2^31 packets of this key are used up
    /// (RFC 3711 section 9.2); `out` is then unchanged.
    pub fn seal_rtcp(&mut self, out: &mut Vec<u8>, start: usize) -> Result<(), Malformed> {
        let index = self.next_rtcp_index;
        if index & ENCRYPTED_FLAG != 0 {
            return Err(Malformed);
        }
        let ssrc = u32_at(out, start.saturating_add(4))?;
        self.rtcp.seal_rtcp(out, start, PacketId { ssrc, index: u64::from(index) })?;
        self.next_rtcp_index = index + 1;
        Ok(())
    }
}
