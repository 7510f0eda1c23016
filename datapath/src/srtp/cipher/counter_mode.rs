//! AES in counter mode (RFC 3711 section 4.1.1) and HMAC-SHA1 cut to 80 bits (section 4.2.1).

use aes::Aes128;
use ctr::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use ctr::{flavors, CtrCore};
use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::{BadKey, KeySet, Malformed, OpenError, PacketId};
use crate::constant_time;
use crate::packet::u32_at;
use crate::srtp::{ENCRYPTED_FLAG, RTCP_HEADER_LEN, RTCP_INDEX_WORD_LEN};

const TAG_LEN: usize = 10;
const SALT_LEN: usize = 14;
/// What follows an SRTCP packet: index, then tag.
const RTCP_TRAILER_LEN: usize = RTCP_INDEX_WORD_LEN + TAG_LEN;
/// Beyond 2^16 blocks the block counter would run into the packet index (RFC 3711 section 4.1.1).
const MAX_PAYLOAD_LEN: usize = 16 << 16;

pub(in crate::srtp) struct CounterMode {
    aes: Aes128,
    salt: [u8; SALT_LEN],
    /// Keyed once, cloned per packet. RustCrypto's SHA-1 uses the processor's instructions; ring's does not and is 4x slower.
    hmac: Hmac<Sha1>,
}

impl CounterMode {
    pub(super) fn new(keys: &KeySet) -> Result<Self, BadKey> {
        Ok(Self {
            aes: Aes128::new_from_slice(&keys.cipher_key).map_err(|_| BadKey)?,
            salt: keys.salt.as_slice().try_into().map_err(|_| BadKey)?,
            hmac: <Hmac<Sha1> as Mac>::new_from_slice(&keys.authentication_key).map_err(|_| BadKey)?,
        })
    }

    /// Encrypts or decrypts: the salt, xor SSRC and index at their places, starts the block counter.
    fn apply_keystream(&self, data: &mut [u8], id: PacketId) {
        let mut counter = [0; 16];
        counter[..SALT_LEN].copy_from_slice(&self.salt);
        let counter = u128::from_be_bytes(counter) ^ u128::from(id.ssrc) << 64 ^ u128::from(id.index) << 16;
        let core = CtrCore::<&Aes128, flavors::Ctr128BE>::inner_iv_init(&self.aes, &counter.to_be_bytes().into());
        StreamCipherCoreWrapper::from_core(core).apply_keystream(data);
    }

    fn tag(&self, authenticated: &[&[u8]]) -> [u8; TAG_LEN] {
        let mut context = self.hmac.clone();
        for part in authenticated {
            context.update(part);
        }
        let mut tag = [0; TAG_LEN];
        tag.copy_from_slice(&context.finalize().into_bytes()[..TAG_LEN]);
        tag
    }

    /// The roll-over counter is authenticated behind the packet, but not sent (RFC 3711 section 4.2).
    fn rtp_tag(&self, packet: &[u8], id: PacketId) -> [u8; TAG_LEN] {
        let roll_over_counter = (id.index >> 16) as u32; // the index has 48 bits
        self.tag(&[packet, &roll_over_counter.to_be_bytes()])
    }

    pub(super) fn seal_rtp(
        &self,
        buf: &mut [u8],
        len: usize,
        payload_offset: usize,
        id: PacketId,
    ) -> Result<usize, Malformed> {
        let sealed_len = len + TAG_LEN;
        let (packet, tag_space) = buf.get_mut(..sealed_len).ok_or(Malformed)?.split_at_mut(len);
        let payload = packet.get_mut(payload_offset..).filter(|payload| payload.len() <= MAX_PAYLOAD_LEN);
        self.apply_keystream(payload.ok_or(Malformed)?, id);
        tag_space.copy_from_slice(&self.rtp_tag(packet, id));
        Ok(sealed_len)
    }

    pub(super) fn open_rtp(&self, packet: &mut [u8], payload_offset: usize, id: PacketId) -> Result<usize, OpenError> {
        let end = packet.len().checked_sub(TAG_LEN).ok_or(OpenError::Malformed)?;
        let (packet, tag) = packet.split_at_mut(end);
        let payload_len = end.checked_sub(payload_offset).ok_or(OpenError::Malformed)?;
        if payload_len > MAX_PAYLOAD_LEN {
            return Err(OpenError::Malformed);
        }
        if !constant_time::equal(&self.rtp_tag(packet, id), tag) {
            return Err(OpenError::Forged);
        }
        self.apply_keystream(&mut packet[payload_offset..], id);
        Ok(end)
    }

    /// RFC 3711 section 3.4: the index comes before the tag, which covers it.
    pub(super) fn seal_rtcp(&self, out: &mut Vec<u8>, start: usize, id: PacketId) -> Result<(), Malformed> {
        let payload = out.get_mut(start + RTCP_HEADER_LEN..).filter(|payload| payload.len() <= MAX_PAYLOAD_LEN);
        self.apply_keystream(payload.ok_or(Malformed)?, id);
        out.extend((ENCRYPTED_FLAG | id.index as u32).to_be_bytes()); // the index is below 2^31
        let tag = self.tag(&[&out[start..]]);
        out.extend(tag);
        Ok(())
    }

    pub(super) fn open_rtcp(&self, packet: &mut [u8], index_word: u32, id: PacketId) -> Result<usize, OpenError> {
        let end = packet.len().checked_sub(RTCP_TRAILER_LEN).ok_or(OpenError::Malformed)?;
        let (authenticated, tag) = packet.split_at_mut(end + RTCP_INDEX_WORD_LEN);
        if !(RTCP_HEADER_LEN..=MAX_PAYLOAD_LEN).contains(&end) {
            return Err(OpenError::Malformed);
        }
        if !constant_time::equal(&self.tag(&[authenticated]), tag) {
            return Err(OpenError::Forged);
        }
        if index_word & ENCRYPTED_FLAG != 0 {
            self.apply_keystream(&mut authenticated[RTCP_HEADER_LEN..end], id);
        }
        Ok(end)
    }
}

pub(super) fn rtcp_index_word(packet: &[u8]) -> Result<u32, Malformed> {
    u32_at(packet, packet.len().checked_sub(RTCP_TRAILER_LEN).ok_or(Malformed)?)
}
