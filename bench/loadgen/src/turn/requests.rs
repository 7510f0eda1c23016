//! TURN requests with long-term credentials (RFC 8489 section 9.2), as browsers send them: HMAC-SHA1 under an MD5 key.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};

use md5::{Digest, Md5};

use crate::sys;

use super::stun::{Message, Writer};

/// The channel of every client: each has one peer.
pub const CHANNEL: u16 = 0x4000;

const ALLOCATE: u16 = 0x0003;
const REFRESH: u16 = 0x0004;
const CHANNEL_BIND: u16 = 0x0009;
const CLASS: u16 = 0x0110;
const SUCCESS: u16 = 0x0100;

const USERNAME: u16 = 0x0006;
const ERROR_CODE: u16 = 0x0009;
const CHANNEL_NUMBER: u16 = 0x000C;
const LIFETIME: u16 = 0x000D;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;
const REQUESTED_TRANSPORT: u16 = 0x0019;

/// Protocol number of UDP in REQUESTED-TRANSPORT.
const UDP: u8 = 17;
/// The high half of the magic cookie, and all of it.
const COOKIE: u32 = 0x2112_A442;

/// One user of a TURN server, and what it last asked of him.
#[derive(Clone)]
pub struct Account {
    user: String,
    secret: String,
    challenge: Option<Challenge>,
}

#[derive(Clone)]
struct Challenge {
    realm: Vec<u8>,
    nonce: Vec<u8>,
    key: [u8; 16],
}

/// What a client asks for.
#[derive(Clone, Copy)]
pub enum Wish {
    /// An allocation that relays over UDP.
    Allocate,
    /// The channel [`CHANNEL`] to an IPv4 peer; it permits the peer as well.
    BindChannel(SocketAddr),
    /// The end of the allocation.
    Release,
}

/// What a response means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The wish is granted.
    Granted,
    /// Ask again, with what was just learnt.
    Again,
    /// It is refused with this code.
    Refused(u16),
}

impl Account {
    /// A user who has not been challenged yet.
    pub fn new(user: &str, secret: &str) -> Self {
        Self { user: user.into(), secret: secret.into(), challenge: None }
    }

    /// The request for a wish, authenticated as far as the server has said what it wants.
    pub fn request(&self, wish: Wish, transaction: [u8; 12]) -> Vec<u8> {
        let writer = match wish {
            Wish::Allocate => Writer::new(ALLOCATE, transaction).attribute(REQUESTED_TRANSPORT, &[UDP, 0, 0, 0]),
            Wish::BindChannel(peer) => Writer::new(CHANNEL_BIND, transaction)
                .attribute(CHANNEL_NUMBER, &[CHANNEL.to_be_bytes(), [0; 2]].concat())
                .attribute(XOR_PEER_ADDRESS, &masked(peer)),
            Wish::Release => Writer::new(REFRESH, transaction).attribute(LIFETIME, &[0; 4]),
        };
        let Some(challenge) = &self.challenge else { return writer.finish() };
        writer
            .attribute(USERNAME, self.user.as_bytes())
            .attribute(REALM, &challenge.realm)
            .attribute(NONCE, &challenge.nonce)
            .integrity(&challenge.key)
            .finish()
    }

    /// Read the response to a request: 401 and 438 bring a nonce to ask again with (RFC 8489 section 9.2.5).
    pub fn judge(&mut self, response: Message<'_>) -> Verdict {
        if response.kind() & CLASS == SUCCESS {
            return Verdict::Granted;
        }
        let code = match response.attribute(ERROR_CODE) {
            Some([_, _, class, number, ..]) => u16::from(*class) * 100 + u16::from(*number),
            _ => 0,
        };
        let stale = code == 438;
        let challenge = response.attribute(REALM).zip(response.attribute(NONCE));
        match challenge {
            Some((realm, nonce)) if stale || (code == 401 && self.challenge.is_none()) => {
                let key = long_term_key(&self.user, realm, &self.secret);
                self.challenge = Some(Challenge { realm: realm.into(), nonce: nonce.into(), key });
                Verdict::Again
            }
            _ => Verdict::Refused(code),
        }
    }
}

/// The key of the long-term credential mechanism with MD5 (RFC 8489 section 18.5.1.1).
pub fn long_term_key(user: &str, realm: &[u8], secret: &str) -> [u8; 16] {
    let hash = Md5::new().chain_update(user).chain_update(":").chain_update(realm).chain_update(":");
    hash.chain_update(secret).finalize().into()
}

/// The response that grants a request, and the peer of the channel it asks for, if it asks for one.
pub fn granted(request: Message<'_>) -> (Vec<u8>, Option<SocketAddr>) {
    let response = Writer::new(request.kind() | SUCCESS, request.transaction()).finish();
    let peer = request.attribute(XOR_PEER_ADDRESS).and_then(|value| value.try_into().ok());
    (response, peer.filter(|_| request.kind() == CHANNEL_BIND).map(unmasked))
}

/// A transaction id that nobody else of this process has.
pub fn new_transaction() -> [u8; 12] {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut transaction = [0; 12];
    transaction[..8].copy_from_slice(&sys::monotonic_ns().to_be_bytes());
    transaction[8..].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    transaction
}

/// The four bytes in front of a channel's data (RFC 8656 section 12.4).
pub fn channel_header(length: usize) -> [u8; 4] {
    let ([a, b], [c, d]) = (CHANNEL.to_be_bytes(), (length as u16).to_be_bytes());
    [a, b, c, d]
}

/// The data in a ChannelData message; None for anything else.
pub fn channel_data(message: &mut [u8]) -> Option<&mut [u8]> {
    let (header, data) = message.split_first_chunk_mut::<4>()?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    (header[..2] == CHANNEL.to_be_bytes()).then_some(data)?.get_mut(..length)
}

/// An IPv4 address as XOR-PEER-ADDRESS has it (RFC 8489 section 14.2).
fn masked(peer: SocketAddr) -> [u8; 8] {
    let port = (peer.port() ^ (COOKIE >> 16) as u16).to_be_bytes();
    let IpAddr::V4(host) = peer.ip() else { return [0; 8] };
    let [a, b, c, d] = (u32::from(host) ^ COOKIE).to_be_bytes();
    [0, 1, port[0], port[1], a, b, c, d]
}

fn unmasked([_, _, high, low, address @ ..]: [u8; 8]) -> SocketAddr {
    let host = Ipv4Addr::from(u32::from_be_bytes(address) ^ COOKIE);
    (host, u16::from_be_bytes([high, low]) ^ (COOKIE >> 16) as u16).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: [u8; 2]) -> Vec<u8> {
        let value = [0, 0, code[0], code[1]];
        Writer::new(ALLOCATE | CLASS, [1; 12])
            .attribute(ERROR_CODE, &value)
            .attribute(REALM, b"example.org")
            .attribute(NONCE, b"nonce")
            .finish()
    }

    fn judge(account: &mut Account, bytes: &[u8]) -> Option<Verdict> {
        Message::of(bytes).map(|message| account.judge(message))
    }

    #[test]
    fn a_challenge_is_met_once_and_a_stale_nonce_as_often_as_it_comes() {
        let mut account = Account::new("user", "secret");
        let bare = account.request(Wish::Allocate, [1; 12]);
        assert!(Message::of(&bare).is_some_and(|message| message.attribute(USERNAME).is_none()));
        assert_eq!(judge(&mut account, &error([4, 1])), Some(Verdict::Again));
        let signed = account.request(Wish::Allocate, [2; 12]);
        assert_eq!(Message::of(&signed).and_then(|message| message.attribute(NONCE)), Some(&b"nonce"[..]));
        assert_eq!(judge(&mut account, &error([4, 1])), Some(Verdict::Refused(401)));
        assert_eq!(judge(&mut account, &error([4, 38])), Some(Verdict::Again));
        assert_eq!(judge(&mut account, &error([4, 86])), Some(Verdict::Refused(486)));
        let success = Writer::new(ALLOCATE | SUCCESS, [2; 12]).finish();
        assert_eq!(judge(&mut account, &success), Some(Verdict::Granted));
    }

    /// The address and port of RFC 5769 section 2.2.
    #[test]
    fn a_peer_is_masked() {
        let peer = SocketAddr::from(([192, 0, 2, 1], 32853));
        assert_eq!(masked(peer), [0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        assert_eq!(unmasked(masked(peer)), peer);
    }

    #[test]
    fn channel_data_is_what_its_length_says() {
        let mut message = channel_header(3).to_vec();
        message.extend(b"abc\0");
        assert_eq!(channel_data(&mut message).as_deref(), Some(&b"abc"[..]));
        message[3] = 5;
        assert_eq!(channel_data(&mut message), None);
        message[1] = 1;
        assert_eq!(channel_data(&mut message), None);
    }
}
