//! The receiving side.

use std::collections::{BTreeMap, VecDeque};

use super::cipher::{Cipher, PacketId};
use super::replay::ReplayWindow;
use super::{BadKey, OpenError, Profile, SessionKeys, ENCRYPTED_FLAG};
use crate::packet::{rtp, u32_at};
use crate::serial::nearest16;

/// Sources one transport may have, for SRTP and for SRTCP each, those not in use any more included. A publisher with three
/// simulcast layers, their retransmissions, a screen and audio has about a dozen.
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
    /// Sources that make room for others, those that were retired first at the front; each has a window.
    retired: VecDeque<u32>,
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
            retired: VecDeque::new(),
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
            if self.rtp_windows.len() >= MAX_SOURCES && self.retired.is_empty() {
                return Err(OpenError::TooManySources);
            }
            let len = self.rtp.open_rtp(packet, header.payload_offset, PacketId { ssrc, index })?;
            while self.rtp_windows.len() >= MAX_SOURCES {
                self.forget_oldest()?;
            }
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
        let is_new = window.is_none();
        if is_new && self.rtcp_windows.len() >= MAX_SOURCES && self.retired.is_empty() {
            return Err(OpenError::TooManySources);
        }
        let len = self.rtcp.open_rtcp(packet, index_word, PacketId { ssrc, index })?;
        while is_new && self.rtcp_windows.len() >= MAX_SOURCES {
            self.forget_oldest()?;
        }
        self.rtcp_windows.entry(ssrc).and_modify(|window| window.accept(index)).or_insert(RtcpWindow::new(index));
        Ok(len)
    }

    /// This source is not in use any more: it makes room if others need it. Till then it is known, so that nothing of it
    /// can be replayed, and should it send again, its roll-over counter is right.
    pub fn retire(&mut self, ssrc: u32) {
        let is_known = self.rtp_windows.contains_key(&ssrc) || self.rtcp_windows.contains_key(&ssrc);
        if is_known && !self.retired.contains(&ssrc) {
            self.retired.push_back(ssrc);
        }
    }

    /// This source is in use, again or for the first time.
    pub fn keep(&mut self, ssrc: u32) {
        self.retired.retain(|retired| *retired != ssrc);
    }

    fn forget_oldest(&mut self) -> Result<(), OpenError> {
        let ssrc = self.retired.pop_front().ok_or(OpenError::TooManySources)?;
        self.rtp_windows.remove(&ssrc);
        self.rtcp_windows.remove(&ssrc);
        Ok(())
    }
}
