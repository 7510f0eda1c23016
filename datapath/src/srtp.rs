//! SRTP and SRTCP (RFC 3711), with AES-GCM (RFC 7714) or AES counter mode and HMAC-SHA1.
//!
//! [`Sealer`] protects what one transport sends, [`Opener`] admits what it receives. Both derive their session keys
//! once (the key derivation rate is zero, as DTLS-SRTP has it) and allocate nothing per RTP packet.

mod cipher;
mod keys;
mod open;
mod replay;
mod seal;

use core::fmt;

pub use keys::{KeySet, SessionKeys};
pub use open::{Opened, Opener, MAX_SOURCES};
pub use seal::Sealer;

/// The SSRC of an SRTCP packet, in front of which nothing is encrypted, ends here.
const RTCP_HEADER_LEN: usize = 8;
/// The E flag in front of the SRTCP index: this packet is encrypted (RFC 3711 section 3.4).
const ENCRYPTED_FLAG: u32 = 1 << 31;
const RTCP_INDEX_WORD_LEN: usize = 4;

/// A DTLS-SRTP protection profile (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// SRTP_AEAD_AES_128_GCM.
    AeadAes128Gcm,
    /// SRTP_AEAD_AES_256_GCM.
    AeadAes256Gcm,
    /// SRTP_AES128_CM_SHA1_80.
    Aes128CmSha1_80,
}

impl Profile {
    /// The profile that OpenSSL calls by this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "SRTP_AEAD_AES_128_GCM" => Some(Self::AeadAes128Gcm),
            "SRTP_AEAD_AES_256_GCM" => Some(Self::AeadAes256Gcm),
            "SRTP_AES128_CM_SHA1_80" => Some(Self::Aes128CmSha1_80),
            _ => None,
        }
    }

    /// Bytes of the master key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::Aes128CmSha1_80 => 16,
            Self::AeadAes256Gcm => 32,
        }
    }

    /// Bytes of the master salt.
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
            Self::Aes128CmSha1_80 => 14,
        }
    }

    /// Bytes that sealing adds to an RTP packet.
    pub const fn rtp_overhead(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
            Self::Aes128CmSha1_80 => 10,
        }
    }

    /// Bytes that sealing adds to an RTCP compound.
    pub const fn rtcp_overhead(self) -> usize {
        self.rtp_overhead() + RTCP_INDEX_WORD_LEN
    }
}

/// Key material of a length the profile does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadKey;

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("master key and salt have not the length of the SRTP profile")
    }
}

impl std::error::Error for BadKey {}

/// Why a received packet is not admitted. Its bytes may have been overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OpenError {
    /// Too short to be what it claims to be.
    Malformed,
    /// Seen before, or too old to tell.
    Replayed,
    /// The authentication tag does not fit.
    Forged,
    /// The transport has as many sources as it may have.
    TooManySources,
    /// The source has used up the packet indices of its key (RFC 3711 section 9.2).
    KeyExhausted,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "malformed packet",
            Self::Replayed => "replayed packet",
            Self::Forged => "packet failed authentication",
            Self::TooManySources => "too many sources",
            Self::KeyExhausted => "key exhausted",
        })
    }
}

impl std::error::Error for OpenError {}

impl From<crate::packet::Malformed> for OpenError {
    fn from(_: crate::packet::Malformed) -> Self {
        Self::Malformed
    }
}
