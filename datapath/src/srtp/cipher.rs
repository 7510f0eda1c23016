//! One session key at work, in either transform. All that is known of packets here is what part is encrypted.

mod aead;
mod counter_mode;

use super::{BadKey, KeySet, OpenError, Profile};
use crate::packet::Malformed;

use aead::Aead;
use counter_mode::CounterMode;

pub(super) enum Cipher {
    Aead(Box<Aead>),
    CounterMode(Box<CounterMode>),
}

impl Cipher {
    pub(super) fn new(profile: Profile, keys: &KeySet) -> Result<Self, BadKey> {
        match profile {
            Profile::AeadAes128Gcm => Aead::new(&ring::aead::AES_128_GCM, keys).map(Box::new).map(Self::Aead),
            Profile::AeadAes256Gcm => Aead::new(&ring::aead::AES_256_GCM, keys).map(Box::new).map(Self::Aead),
            Profile::Aes128CmSha1_80 => CounterMode::new(keys).map(Box::new).map(Self::CounterMode),
        }
    }

    /// Encrypts `buf[payload_offset..len]` and puts the tag behind it; the new length.
    pub(super) fn seal_rtp(
        &self,
        buf: &mut [u8],
        len: usize,
        payload_offset: usize,
        id: PacketId,
    ) -> Result<usize, Malformed> {
        match self {
            Self::Aead(cipher) => cipher.seal_rtp(buf, len, payload_offset, id),
            Self::CounterMode(cipher) => cipher.seal_rtp(buf, len, payload_offset, id),
        }
    }

    /// Undoes [`Cipher::seal_rtp`].
    pub(super) fn open_rtp(&self, packet: &mut [u8], payload_offset: usize, id: PacketId) -> Result<usize, OpenError> {
        match self {
            Self::Aead(cipher) => cipher.open_rtp(packet, payload_offset, id),
            Self::CounterMode(cipher) => cipher.open_rtp(packet, payload_offset, id),
        }
    }

    /// Encrypts `out[start + 8..]` and appends tag and index in the transform's order.
    pub(super) fn seal_rtcp(&self, out: &mut Vec<u8>, start: usize, id: PacketId) -> Result<(), Malformed> {
        match self {
            Self::Aead(cipher) => cipher.seal_rtcp(out, start, id),
            Self::CounterMode(cipher) => cipher.seal_rtcp(out, start, id),
        }
    }

    /// The index of an SRTCP packet and its E flag, in one word.
    pub(super) fn rtcp_index_word(&self, packet: &[u8]) -> Result<u32, Malformed> {
        match self {
            Self::Aead(_) => aead::rtcp_index_word(packet),
            Self::CounterMode(_) => counter_mode::rtcp_index_word(packet),
        }
    }

    /// Undoes [`Cipher::seal_rtcp`].
    pub(super) fn open_rtcp(&self, packet: &mut [u8], index_word: u32, id: PacketId) -> Result<usize, OpenError> {
        match self {
            Self::Aead(cipher) => cipher.open_rtcp(packet, index_word, id),
            Self::CounterMode(cipher) => cipher.open_rtcp(packet, index_word, id),
        }
    }
}

/// What makes a packet's keystream its own: no two packets of one key may have the same.
#[derive(Clone, Copy)]
pub(super) struct PacketId {
    pub(super) ssrc: u32,
    /// 48 bits for SRTP: roll-over counter and sequence number; 31 bits for SRTCP.
    pub(super) index: u64,
}
