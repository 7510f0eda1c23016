//! PROXY protocol version 2: whom a proxy in front of us speaks for (HAProxy, `doc/proxy-protocol.txt`, section 2.2).

use core::net::{IpAddr, SocketAddr};

use crate::packet::{array_at, u16_at, Malformed};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family and protocol, length.
const FIXED_LEN: usize = 16;

/// A complete header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Source and destination of the connection to the proxy; None: the proxy speaks for itself.
    pub addresses: Option<(SocketAddr, SocketAddr)>,
    /// Bytes of the header; what the client sent comes behind.
    pub len: usize,
}

/// The header that `bytes` begin with; None: it is not complete.
///
/// # Errors
/// [`Malformed`]: they begin with something else, or with a header for something that is no TCP connection.
pub fn parse(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    if !SIGNATURE.starts_with(&bytes[..bytes.len().min(SIGNATURE.len())]) {
        return Err(Malformed);
    }
    let Ok([command, family]) = array_at(bytes, SIGNATURE.len()) else { return Ok(None) };
    let (local, address_len) = match (command, family) {
        // LOCAL: a health check. Its addresses, if any, are to be ignored.
        (0x20, _) => (true, 0),
        // PROXY for a connection whose addresses the proxy does not tell.
        (0x21, 0x00) => (true, 0),
        (0x21, 0x11) => (false, 4),
        (0x21, 0x21) => (false, 16),
        _ => return Err(Malformed),
    };
    let Ok(rest) = u16_at(bytes, FIXED_LEN - 2) else { return Ok(None) };
    let len = FIXED_LEN + usize::from(rest);
    let Some(fields) = bytes.get(FIXED_LEN..len) else { return Ok(None) };
    if local {
        return Ok(Some(Header { addresses: None, len }));
    }
    let address = |index: usize| {
        let ip = match address_len {
            4 => IpAddr::from(array_at::<4>(fields, index * 4)?),
            _ => IpAddr::from(array_at::<16>(fields, index * 16)?),
        };
        let port = u16_at(fields, 2 * address_len + 2 * index)?;
        Ok(SocketAddr::new(ip.to_canonical(), port))
    };
    let (source, destination) = (address(0)?, address(1)?);
    if source.is_ipv4() != destination.is_ipv4() {
        return Err(Malformed);
    }
    Ok(Some(Header { addresses: Some((source, destination)), len }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(command: u8, family: u8, fields: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend_from_slice(&[command, family]);
        bytes.extend_from_slice(&u16::try_from(fields.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(fields);
        bytes
    }

    fn addresses(source: &str, destination: &str) -> Option<(SocketAddr, SocketAddr)> {
        Some((source.parse().unwrap(), destination.parse().unwrap()))
    }

    const V4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x34, 0x01, 0xbb];

    #[test]
    fn addresses_are_those_of_the_clients_connection() {
        let mut fields = V4.to_vec();
        fields.extend_from_slice(&[0x04, 0, 1, 0]);
        let bytes = header(0x21, 0x11, &fields);
        let expected = Header { addresses: addresses("192.0.2.1:4660", "198.51.100.2:443"), len: bytes.len() };
        assert_eq!(parse(&[bytes.as_slice(), b"more"].concat()), Ok(Some(expected)));

        let mut fields = [0; 36];
        (fields[15], fields[31], fields[33], fields[35]) = (1, 2, 3, 4);
        let parsed = parse(&header(0x21, 0x21, &fields)).unwrap().unwrap();
        assert_eq!(parsed.addresses, addresses("[::1]:3", "[::2]:4"));
    }

    #[test]
    fn a_mapped_address_is_the_address_it_maps() {
        let mut fields = [0; 36];
        fields[10..16].copy_from_slice(&[255, 255, 192, 0, 2, 1]);
        let mixed = header(0x21, 0x21, &fields);
        assert_eq!(parse(&mixed), Err(Malformed));
        fields[26..32].copy_from_slice(&[255, 255, 192, 0, 2, 2]);
        let parsed = parse(&header(0x21, 0x21, &fields)).unwrap().unwrap();
        assert_eq!(parsed.addresses, addresses("192.0.2.1:0", "192.0.2.2:0"));
    }

    #[test]
    fn a_proxy_may_speak_for_itself() {
        for (command, family) in [(0x20, 0x00), (0x20, 0x11), (0x21, 0x00)] {
            let bytes = header(command, family, &V4);
            assert_eq!(parse(&bytes), Ok(Some(Header { addresses: None, len: bytes.len() })));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for bytes in [
            b"PROXY TCP4 192.0.2.1".to_vec(),
            header(0x11, 0x11, &V4),
            header(0x22, 0x11, &V4),
            header(0x21, 0x12, &V4),
            header(0x21, 0x31, &[0; 216]),
            header(0x21, 0x11, &V4[..11]),
            header(0x21, 0x21, &V4),
        ] {
            assert_eq!(parse(&bytes), Err(Malformed), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn it_is_complete_with_its_last_byte_and_not_before(
            fields in prop::collection::vec(any::<u8>(), 36..300), command in 0x20u8..0x22, v6: bool,
        ) {
            let bytes = header(command, if v6 { 0x21 } else { 0x11 }, &fields);
            for len in 0..bytes.len() {
                prop_assert_eq!(parse(&bytes[..len]), Ok(None));
            }
            if let Ok(parsed) = parse(&bytes) {
                prop_assert_eq!(parsed.unwrap().len, bytes.len());
            }
        }

        #[test]
        fn any_bytes_are_a_header_or_not(bytes in prop::collection::vec(any::<u8>(), 0..64), signed: bool) {
            let bytes = if signed { [SIGNATURE, &bytes].concat() } else { bytes };
            if let Ok(Some(header)) = parse(&bytes) {
                prop_assert!(signed && header.len <= bytes.len());
            }
        }
    }
}
