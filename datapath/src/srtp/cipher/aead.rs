//! AES-GCM (RFC 7714).

use ring::aead::{self, LessSafeKey, Nonce, UnboundKey};

use super::{BadKey, KeySet, Malformed, OpenError, PacketId};
use crate::packet::u32_at;
use crate::srtp::{ENCRYPTED_FLAG, RTCP_HEADER_LEN, RTCP_INDEX_WORD_LEN};

const TAG_LEN: usize = 16;
const SALT_LEN: usize = aead::NONCE_LEN;
/// Associated data of an encrypted SRTCP packet: header, SSRC and index word.
const RTCP_AAD_LEN: usize = RTCP_HEADER_LEN + RTCP_INDEX_WORD_LEN;

pub(in crate::srtp) struct Aead {
    key: LessSafeKey,
    salt: [u8; SALT_LEN],
}

impl Aead {
    pub(super) fn new(algorithm: &'static aead::Algorithm, keys: &KeySet) -> Result<Self, BadKey> {
        let key = UnboundKey::new(algorithm, &keys.cipher_key).map_err(|_| BadKey)?;
        let salt = keys.salt.as_slice().try_into().map_err(|_| BadKey)?;
        Ok(Self { key: LessSafeKey::new(key), salt })
    }

    /// Two zero bytes, SSRC and 48-bit index, xor salt (RFC 7714 section 8.1). SRTCP's layout (section 9.1) is the
    /// same, as its index is below 2^31.
    fn nonce(&self, id: PacketId) -> Nonce {
        let mut nonce = [0; SALT_LEN];
        nonce[2..6].copy_from_slice(&id.ssrc.to_be_bytes());
        nonce[6..].copy_from_slice(&id.index.to_be_bytes()[2..]);
        nonce.iter_mut().zip(self.salt).for_each(|(byte, salt)| *byte ^= salt);
        Nonce::assume_unique_for_key(nonce)
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
        let (header, payload) = packet.split_at_mut_checked(payload_offset).ok_or(Malformed)?;
        let tag = self
            .key
            .seal_in_place_separate_tag(self.nonce(id), aead::Aad::from(&*header), payload)
            .map_err(|_| Malformed)?;
        tag_space.copy_from_slice(tag.as_ref());
        Ok(sealed_len)
    }

    pub(super) fn open_rtp(&self, packet: &mut [u8], payload_offset: usize, id: PacketId) -> Result<usize, OpenError> {
        let (header, sealed) = packet.split_at_mut_checked(payload_offset).ok_or(OpenError::Malformed)?;
        if sealed.len() < TAG_LEN {
            return Err(OpenError::Malformed);
        }
        let payload =
            self.key.open_in_place(self.nonce(id), aead::Aad::from(&*header), sealed).map_err(|_| OpenError::Forged)?;
        Ok(payload_offset + payload.len())
    }

    /// RFC 7714 section 9.2: the tag comes before the index, which is associated data.
    pub(super) fn seal_rtcp(&self, out: &mut Vec<u8>, start: usize, id: PacketId) -> Result<(), Malformed> {
        let index_word = ENCRYPTED_FLAG | id.index as u32; // the index is below 2^31
        let (header, payload) = out.get_mut(start..).and_then(<[u8]>::split_first_chunk_mut).ok_or(Malformed)?;
        let associated = aead::Aad::from(rtcp_associated(header, index_word));
        let tag = self.key.seal_in_place_separate_tag(self.nonce(id), associated, payload).map_err(|_| Malformed)?;
        out.extend(tag.as_ref());
        out.extend(index_word.to_be_bytes());
        Ok(())
    }

    pub(super) fn open_rtcp(&self, packet: &mut [u8], index_word: u32, id: PacketId) -> Result<usize, OpenError> {
        let end = packet.len().checked_sub(TAG_LEN + RTCP_INDEX_WORD_LEN).ok_or(OpenError::Malformed)?;
        let nonce = self.nonce(id);
        if index_word & ENCRYPTED_FLAG != 0 {
            let (header, sealed) = packet[..end + TAG_LEN].split_first_chunk_mut().ok_or(OpenError::Malformed)?;
            let associated = aead::Aad::from(rtcp_associated(header, index_word));
            self.key.open_in_place(nonce, associated, sealed).map_err(|_| OpenError::Forged)?;
        } else {
            // RFC 7714 section 9.3: everything but the tag is associated data, the index being its end.
            let mut tag = [0; TAG_LEN];
            tag.copy_from_slice(&packet[end..end + TAG_LEN]);
            let associated_end = end + RTCP_INDEX_WORD_LEN;
            packet[end..associated_end].copy_from_slice(&index_word.to_be_bytes());
            let associated = aead::Aad::from(&packet[..associated_end]);
            self.key.open_in_place(nonce, associated, &mut tag).map_err(|_| OpenError::Forged)?;
        }
        Ok(end)
    }
}

fn rtcp_associated(header: &[u8; RTCP_HEADER_LEN], index_word: u32) -> [u8; RTCP_AAD_LEN] {
    let mut associated = [0; RTCP_AAD_LEN];
    associated[..RTCP_HEADER_LEN].copy_from_slice(header);
    associated[RTCP_HEADER_LEN..].copy_from_slice(&index_word.to_be_bytes());
    associated
}

pub(super) fn rtcp_index_word(packet: &[u8]) -> Result<u32, Malformed> {
    u32_at(packet, packet.len().checked_sub(RTCP_INDEX_WORD_LEN).ok_or(Malformed)?)
}
