//! Session keys and their derivation (RFC 3711 section 4.3).

use aes::{Aes128, Aes256};
use ctr::cipher::{KeyIvInit, StreamCipher};
use ctr::Ctr128BE;

use super::{BadKey, Profile};

/// Where the label meets the salt: the 56-bit key id ends with the 112-bit salt (RFC 3711 section 4.3.1).
const LABEL_POSITION: usize = 7;
/// Bytes of the HMAC-SHA1 key (RFC 3711 section 5.2).
const AUTHENTICATION_KEY_LEN: usize = 20;

/// What one direction of a transport encrypts with.
pub struct SessionKeys {
    /// For SRTP.
    pub rtp: KeySet,
    /// For SRTCP.
    pub rtcp: KeySet,
}

/// The session keys of one protocol. Not printable, as they are secret.
pub struct KeySet {
    /// Of the profile's key length.
    pub cipher_key: Vec<u8>,
    /// Of the profile's salt length.
    pub salt: Vec<u8>,
    /// For HMAC-SHA1; empty for AEAD profiles.
    pub authentication_key: Vec<u8>,
}

impl SessionKeys {
    /// Derives the session keys from master key and master salt, one after the other.
    ///
    /// # Errors
    /// [`BadKey`] if their length is not the profile's.
    pub fn derive(profile: Profile, key_and_salt: &[u8]) -> Result<Self, BadKey> {
        let (key, salt) = key_and_salt.split_at_checked(profile.key_len()).ok_or(BadKey)?;
        if salt.len() != profile.salt_len() {
            return Err(BadKey);
        }
        // A 96-bit salt is followed by zeros (RFC 7714 section 11), and so is every salt by the block counter.
        let mut block = [0; 16];
        block[..salt.len()].copy_from_slice(salt);
        let derive_set = |first_label: u8| -> Result<KeySet, BadKey> {
            let authentication_key_len = if profile == Profile::Aes128CmSha1_80 { AUTHENTICATION_KEY_LEN } else { 0 };
            Ok(KeySet {
                cipher_key: derive_key(key, block, first_label, profile.key_len())?,
                authentication_key: derive_key(key, block, first_label + 1, authentication_key_len)?,
                salt: derive_key(key, block, first_label + 2, profile.salt_len())?,
            })
        };
        Ok(Self { rtp: derive_set(0)?, rtcp: derive_set(3)? })
    }
}

/// The pseudo-random function AES-CM (RFC 3711 section 4.3.3; for 256 bits RFC 6188 section 3).
fn derive_key(master_key: &[u8], mut block: [u8; 16], label: u8, len: usize) -> Result<Vec<u8>, BadKey> {
    block[LABEL_POSITION] ^= label;
    let mut derived = vec![0; len];
    match master_key.len() {
        16 => {
            Ctr128BE::<Aes128>::new_from_slices(master_key, &block).map_err(|_| BadKey)?.apply_keystream(&mut derived)
        }
        _ => Ctr128BE::<Aes256>::new_from_slices(master_key, &block).map_err(|_| BadKey)?.apply_keystream(&mut derived),
    }
    Ok(derived)
}
