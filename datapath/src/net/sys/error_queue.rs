//! What the network answers to datagrams it could not deliver: a socket's error queue (ip(7), IP_RECVERR).

use core::mem;
use core::ptr;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use super::{check, control_entries, read_name, read_value, Control, UdpSocket, CONTROL_LEN, EMPTY_NAME};

/// ICMP "destination unreachable: fragmentation needed" (RFC 792; RFC 1191, 4).
const FRAGMENTATION_NEEDED: (u8, u8) = (3, 4);

/// ICMPv6 "packet too big" (RFC 4443, 3.2).
const PACKET_TOO_BIG: (u8, u8) = (2, 0);

/// An ICMP message about a datagram that the socket had sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// Whom the datagram was for. Where our own kernel found it too long for a path by IPv4, the port is 0.
    pub destination: SocketAddr,
    /// Type of the ICMP message, or of the ICMPv6 message if `destination` is IPv6.
    pub icmp_type: u8,
    /// Its code.
    pub code: u8,
    /// The MTU where the message tells one, else 0.
    pub mtu: u32,
    /// Our own kernel says so, no message came.
    pub local: bool,
}

impl UdpSocket {
    /// Takes the oldest ICMP message from the queue; Ok(None) stands for something else that was there. WouldBlock:
    /// nothing waits.
    pub fn take_undelivered(&self) -> io::Result<Option<Undelivered>> {
        let mut name = EMPTY_NAME;
        let mut control = Control([0; CONTROL_LEN]);
        // SAFETY: all-zero is a valid value of this plain C structure.
        let mut header: libc::msghdr = unsafe { mem::zeroed() };
        header.msg_name = ptr::from_mut(&mut name).cast();
        header.msg_namelen = mem::size_of_val(&name) as libc::socklen_t;
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = CONTROL_LEN as _;
        let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
        // SAFETY: the header points to a name and a control buffer of the stated lengths, and to no data; all live
        // until the call returns.
        check(unsafe { libc::recvmsg(self.socket.as_raw_fd(), &mut header, flags) } as libc::c_int)?;
        let mut found = None;
        control_entries(&header, |level, kind, data| {
            if matches!((level, kind), (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR))
            {
                found = read_value::<libc::sock_extended_err>(data);
            }
        });
        let destination = read_name(&name, header.msg_namelen);
        Ok(found.zip(destination).and_then(|(error, destination)| judge(&error, destination)))
    }
}

fn judge(error: &libc::sock_extended_err, destination: SocketAddr) -> Option<Undelivered> {
    let too_long = if destination.is_ipv4() { FRAGMENTATION_NEEDED } else { PACKET_TOO_BIG };
    let is_too_long = error.ee_errno == libc::EMSGSIZE as u32;
    let local = error.ee_origin == libc::SO_EE_ORIGIN_LOCAL;
    let (icmp_type, code) = match error.ee_origin {
        libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6 => (error.ee_type, error.ee_code),
        libc::SO_EE_ORIGIN_LOCAL if is_too_long => too_long,
        _ => return None,
    };
    let mtu = if (icmp_type, code) == too_long { error.ee_info } else { 0 };
    Some(Undelivered { destination, icmp_type, code, mtu, local })
}
