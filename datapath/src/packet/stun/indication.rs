//! Send and Data indications: what a client has for a peer, and what a peer has for a client (RFC 8656 section 11).

use core::net::SocketAddr;
use core::ops::Range;

use super::check::fingerprint;
use super::write::write_address;
use super::{attribute, exactly, header, kind, unmask_address, Malformed, FINGERPRINT_LEN, HEADER_LEN, MAGIC_COOKIE};
use crate::packet::{u16_at, u32_at};

/// A Send indication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendIndication {
    /// XOR-PEER-ADDRESS: to whom.
    pub peer: SocketAddr,
    /// Where in the datagram the value of DATA lies.
    pub data: Range<usize>,
    /// DONT-FRAGMENT is present.
    pub dont_fragment: bool,
}

/// An ICMP error about what was sent to a peer (RFC 8656 section 18.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// Its type, of ICMP or ICMPv6 by the peer's family.
    pub kind: u8,
    /// Its code.
    pub code: u8,
    /// The MTU of the next hop where that is what it is about, else 0.
    pub data: u32,
}

impl SendIndication {
    /// Parses a datagram that holds exactly one Send indication.
    ///
    /// Of an attribute that occurs twice the first counts, and of those behind MESSAGE-INTEGRITY, which nobody checks
    /// in an indication, only FINGERPRINT (RFC 8489 sections 14 and 14.5).
    ///
    /// # Errors
    /// [`Malformed`] if it is no Send indication, has no XOR-PEER-ADDRESS or no DATA, if an attribute is cut off or must
    /// be understood and is not (RFC 8489 section 6.3.2), or if FINGERPRINT is there and does not fit.
    pub fn parse(d: &[u8]) -> Result<Self, Malformed> {
        if header(d)? != kind::SEND_INDICATION {
            return Err(Malformed);
        }
        let (mut peer, mut data, mut dont_fragment, mut protected) = (None, None, false, false);
        let mut at = HEADER_LEN;
        while at < d.len() {
            let value = at + 4..at + 4 + usize::from(u16_at(d, at + 2)?);
            let next = value.start + value.len().next_multiple_of(4);
            if next > d.len() {
                return Err(Malformed);
            }
            match u16_at(d, at)? {
                attribute::FINGERPRINT => {
                    exactly::<FINGERPRINT_LEN>(&d[value])?;
                    if next != d.len() || u32_at(d, at + 4)? != fingerprint(&d[..at]) {
                        return Err(Malformed);
                    }
                }
                _ if protected => {}
                attribute::XOR_PEER_ADDRESS if peer.is_none() => peer = Some(unmask_address(d, &d[value])?),
                attribute::DATA if data.is_none() => data = Some(value),
                attribute::DONT_FRAGMENT => dont_fragment = true,
                attribute::MESSAGE_INTEGRITY | attribute::MESSAGE_INTEGRITY_SHA256 => protected = true,
                attribute::XOR_PEER_ADDRESS
                | attribute::DATA
                | attribute::USERNAME
                | attribute::REALM
                | attribute::NONCE
                | attribute::USERHASH
                | attribute::PASSWORD_ALGORITHM
                | attribute::FIRST_OPTIONAL.. => {}
                _ => return Err(Malformed),
            }
            at = next;
        }
        Ok(Self { peer: peer.ok_or(Malformed)?, data: data.ok_or(Malformed)?, dont_fragment })
    }
}

/// Appends a Data indication with the data that `fill` writes (RFC 8656 section 11.3). False, and nothing is appended,
/// if `fill` says so or if the data has no place in a message.
pub fn write_data(
    out: &mut Vec<u8>,
    transaction_id: [u8; 12],
    peer: SocketAddr,
    fill: impl FnOnce(&mut Vec<u8>) -> bool,
) -> bool {
    let start = out.len();
    begin(out, transaction_id, peer);
    out.extend(attribute::DATA.to_be_bytes());
    out.extend([0; 2]); // the length, once it is known
    let value = out.len();
    let filled = fill(out);
    let len = u16::try_from(out.len().saturating_sub(value));
    out.resize(start + (out.len() - start).next_multiple_of(4), 0);
    match len {
        Ok(len) if filled => {
            out[value - 2..value].copy_from_slice(&len.to_be_bytes());
            finish(out, start)
        }
        _ => {
            out.truncate(start);
            false
        }
    }
}

/// Appends a Data indication that says what became of data sent to `peer` (RFC 8656 section 11.6).
pub fn write_icmp(out: &mut Vec<u8>, transaction_id: [u8; 12], peer: SocketAddr, error: IcmpError) -> bool {
    let start = out.len();
    begin(out, transaction_id, peer);
    out.extend(attribute::ICMP.to_be_bytes());
    out.extend([0, 8, 0, 0]);
    // Seven bits of type, nine of code.
    out.extend((u16::from(error.kind) << 9 | u16::from(error.code)).to_be_bytes());
    out.extend(error.data.to_be_bytes());
    finish(out, start)
}

fn begin(out: &mut Vec<u8>, transaction_id: [u8; 12], peer: SocketAddr) {
    out.extend(kind::DATA_INDICATION.to_be_bytes());
    out.extend([0; 2]); // the length, once it is known
    out.extend(MAGIC_COOKIE.to_be_bytes());
    out.extend(transaction_id);
    write_address(out, attribute::XOR_PEER_ADDRESS, transaction_id, peer);
}

/// Sets the length field; without a place for it, the message is taken back.
fn finish(out: &mut Vec<u8>, start: usize) -> bool {
    let Ok(length) = u16::try_from(out.len() - start - HEADER_LEN) else {
        out.truncate(start);
        return false;
    };
    out[start + 2..start + 4].copy_from_slice(&length.to_be_bytes());
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: [u8; 12] = *b"transaction!";

    fn peer() -> SocketAddr {
        "192.0.2.7:4000".parse().unwrap()
    }

    fn peer_address() -> Vec<u8> {
        let mut out = Vec::new();
        write_address(&mut out, attribute::XOR_PEER_ADDRESS, ID, peer());
        out.split_off(4)
    }

    /// A Send indication of these attributes.
    fn send(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut out = kind::SEND_INDICATION.to_be_bytes().to_vec();
        out.extend([0; 2]);
        out.extend(MAGIC_COOKIE.to_be_bytes());
        out.extend(ID);
        for (attribute, value) in attributes {
            out.extend(attribute.to_be_bytes());
            out.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
            out.extend(*value);
            out.resize(out.len().next_multiple_of(4), 0);
        }
        assert!(finish(&mut out, 0));
        out
    }

    fn fingerprinted(mut message: Vec<u8>) -> Vec<u8> {
        message.extend([0x80, 0x28, 0, 4]);
        message.extend([0; 4]);
        assert!(finish(&mut message, 0));
        let at = message.len() - 8;
        let crc = fingerprint(&message[..at]);
        message[at + 4..].copy_from_slice(&crc.to_be_bytes());
        message
    }

    #[test]
    fn peer_data_and_the_wish_not_to_be_fragmented_are_read() {
        let address = peer_address();
        for whole in [false, true] {
            let mut attributes = vec![(attribute::XOR_PEER_ADDRESS, &address[..]), (attribute::DATA, b"hello")];
            if whole {
                attributes.push((attribute::DONT_FRAGMENT, &[]));
            }
            let message = send(&attributes);
            let read = SendIndication::parse(&message).unwrap();
            assert_eq!((read.peer, &message[read.data], read.dont_fragment), (peer(), &b"hello"[..], whole));
        }
    }

    #[test]
    fn both_peer_and_data_are_required_but_data_may_be_empty() {
        let address = peer_address();
        assert!(
            SendIndication::parse(&send(&[(attribute::XOR_PEER_ADDRESS, &address), (attribute::DATA, &[])])).is_ok()
        );
        assert!(SendIndication::parse(&send(&[(attribute::XOR_PEER_ADDRESS, &address)])).is_err());
        assert!(SendIndication::parse(&send(&[(attribute::DATA, b"hello")])).is_err());
    }

    #[test]
    fn the_first_of_two_counts_and_nothing_behind_integrity() {
        let address = peer_address();
        let peer = (attribute::XOR_PEER_ADDRESS, &address[..]);
        let twice = send(&[peer, (attribute::DATA, b"one"), (attribute::DATA, b"other")]);
        assert_eq!(&twice[SendIndication::parse(&twice).unwrap().data], b"one");
        let behind = send(&[peer, (attribute::MESSAGE_INTEGRITY, &[0; 20]), (attribute::DATA, b"late")]);
        assert!(SendIndication::parse(&behind).is_err());
    }

    #[test]
    fn an_attribute_that_must_be_understood_and_is_not_discards_the_indication() {
        let address = peer_address();
        let with = |attribute| {
            send(&[(attribute::XOR_PEER_ADDRESS, &address), (attribute::DATA, b"hello"), (attribute, &[1, 2, 3, 4])])
        };
        assert!(SendIndication::parse(&with(0x7fff)).is_err());
        assert!(SendIndication::parse(&with(0x8fff)).is_ok());
        assert!(SendIndication::parse(&with(attribute::USERNAME)).is_ok());
    }

    #[test]
    fn a_fingerprint_must_fit_and_be_last() {
        let address = peer_address();
        let plain = send(&[(attribute::XOR_PEER_ADDRESS, &address), (attribute::DATA, b"hello")]);
        let mut message = fingerprinted(plain);
        assert!(SendIndication::parse(&message).is_ok());
        assert!(SendIndication::parse(&fingerprinted(message.clone())).is_err(), "nothing may follow it");
        message[40] ^= 1;
        assert!(SendIndication::parse(&message).is_err());
    }

    #[test]
    fn another_method_is_not_a_send_indication() {
        let address = peer_address();
        let mut message = send(&[(attribute::XOR_PEER_ADDRESS, &address), (attribute::DATA, b"hello")]);
        message[1] = 0x17;
        assert!(SendIndication::parse(&message).is_err());
    }

    #[test]
    fn an_icmp_error_is_written_bit_by_bit() {
        let mut out = Vec::new();
        assert!(write_icmp(&mut out, ID, peer(), IcmpError { kind: 3, code: 4, data: 1400 }));
        assert_eq!(out[..4], [0x00, 0x17, 0, 24]);
        assert_eq!(out[32..], [0x80, 0x04, 0, 8, 0, 0, 0x06, 0x04, 0, 0, 0x05, 0x78]);
    }

    #[test]
    fn nothing_is_left_of_what_cannot_be_written() {
        let mut out = b"before".to_vec();
        assert!(!write_data(&mut out, ID, peer(), |out| {
            out.push(1);
            false
        }));
        for len in [65_520, 65_536] {
            assert!(!write_data(&mut out, ID, peer(), |out| {
                out.resize(out.len() + len, 0);
                true
            }));
        }
        assert_eq!(out, b"before");
    }

    proptest! {
        #[test]
        fn what_is_written_as_a_data_indication_reads_as_a_send_indication(
            transaction_id: [u8; 12], octets: [u8; 16], v4: bool, port: u16,
            data in prop::collection::vec(any::<u8>(), 0..50), before in 0usize..5,
        ) {
            let [a, b, c, d, ..] = octets;
            let ip: core::net::IpAddr = if v4 { [a, b, c, d].into() } else { octets.into() };
            let peer = SocketAddr::new(ip.to_canonical(), port);
            let mut out = vec![0; before];
            let written = write_data(&mut out, transaction_id, peer, |out| {
                out.extend_from_slice(&data);
                true
            });
            prop_assert!(written);
            let message = &mut out[before..];
            prop_assert_eq!(message.len() % 4, 0);
            prop_assert_eq!(message[1], 0x17);
            message[1] = 0x16;
            let read = SendIndication::parse(message).unwrap();
            prop_assert_eq!((read.peer, &message[read.data]), (peer, &data[..]));
        }

        #[test]
        fn arbitrary_attributes_never_panic(
            attributes in prop::collection::vec((
                prop_oneof![any::<u16>(), 0x10u16..0x20, 0x8020u16..0x8030],
                prop::collection::vec(any::<u8>(), 0..24),
            ), 0..6),
            cut in 0usize..8,
        ) {
            let attributes: Vec<(u16, &[u8])> = attributes.iter().map(|(a, v)| (*a, v.as_slice())).collect();
            let mut bytes = send(&attributes);
            bytes.truncate(bytes.len().saturating_sub(cut));
            if let Ok(read) = SendIndication::parse(&bytes) {
                prop_assert!(read.data.end <= bytes.len());
            }
        }
    }
}
