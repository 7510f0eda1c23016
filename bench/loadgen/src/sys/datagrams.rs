//! Sending and receiving many datagrams with one call, single or joined (udp(7), UDP_SEGMENT and UDP_GRO).

use std::io;
use std::mem;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;

/// Datagrams per send call.
pub const BATCH: usize = 64;
/// Messages per receive call: a viewer has few waiting, and setting up a call costs per slot.
const RECEIVE_BATCH: usize = 8;
/// Bytes of the longest message: datagrams come joined where that was asked for.
const MESSAGE: usize = 1 << 16;

/// Buffers for one batched receive.
pub struct Receiver {
    buffers: Box<[[u8; MESSAGE]]>,
    messages: [Message; RECEIVE_BATCH],
}

/// A datagram, or several joined.
#[derive(Clone, Copy)]
struct Message {
    len: usize,
    /// Bytes of each datagram in it but the last, which may be shorter.
    segment: usize,
    source: libc::sockaddr_in,
    control: Control,
}

/// Room for one control message that holds an int.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; 32]);

impl Default for Receiver {
    fn default() -> Self {
        // SAFETY: a plain C structure for which all zeroes is a valid value.
        let source = unsafe { mem::zeroed() };
        let message = Message { len: 0, segment: 1, source, control: Control([0; 32]) };
        Self { buffers: vec![[0; MESSAGE]; RECEIVE_BATCH].into_boxed_slice(), messages: [message; RECEIVE_BATCH] }
    }
}

impl Receiver {
    /// Take up to a batch of waiting messages; how many came. Never blocks.
    pub fn receive(&mut self, socket: &UdpSocket) -> usize {
        // SAFETY: both are plain C structures for which all zeroes is a valid value.
        let mut headers: [libc::mmsghdr; RECEIVE_BATCH] = unsafe { mem::zeroed() };
        let mut vectors: [libc::iovec; RECEIVE_BATCH] = unsafe { mem::zeroed() };
        let slots = self.buffers.iter_mut().zip(&mut self.messages);
        for ((header, vector), (buffer, message)) in headers.iter_mut().zip(&mut vectors).zip(slots) {
            vector.iov_base = buffer.as_mut_ptr().cast();
            vector.iov_len = MESSAGE;
            header.msg_hdr.msg_name = std::ptr::from_mut(&mut message.source).cast();
            header.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_in>() as u32;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = std::ptr::from_mut(&mut message.control).cast();
            header.msg_hdr.msg_controllen = mem::size_of::<Control>() as _;
        }
        let (count, flags) = (RECEIVE_BATCH as u32, libc::MSG_DONTWAIT);
        // SAFETY: every header points to one vector, one address and one control buffer, every vector to one buffer of
        // its length; all outlive the call.
        let count = unsafe {
            libc::recvmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), count, flags as _, std::ptr::null_mut())
        };
        let count = usize::try_from(count).unwrap_or(0);
        for (message, header) in self.messages.iter_mut().zip(&headers[..count]) {
            message.len = header.msg_len as usize;
            message.segment = segment(&header.msg_hdr).unwrap_or(message.len).max(1);
        }
        count
    }

    /// Take every waiting datagram.
    pub fn drain(&mut self, socket: &UdpSocket, mut take: impl FnMut(&mut [u8])) {
        loop {
            let count = self.receive(socket);
            for index in 0..count {
                self.datagrams(index).for_each(&mut take);
            }
            if count < RECEIVE_BATCH {
                return;
            }
        }
    }

    /// The `index`th message of the last receive: one datagram, if joining was not asked for.
    pub fn message(&mut self, index: usize) -> &mut [u8] {
        &mut self.buffers[index][..self.messages[index].len]
    }

    /// The datagrams of that.
    pub fn datagrams(&mut self, index: usize) -> impl Iterator<Item = &mut [u8]> {
        let segment = self.messages[index].segment;
        self.message(index).chunks_mut(segment)
    }

    /// Who sent that (IPv4).
    pub fn source(&self, index: usize) -> SocketAddrV4 {
        let source = &self.messages[index].source;
        SocketAddrV4::new(u32::from_be(source.sin_addr.s_addr).into(), u16::from_be(source.sin_port))
    }
}

/// The size of joined datagrams; None for one that came alone.
fn segment(header: &libc::msghdr) -> Option<usize> {
    // SAFETY: the kernel has filled the control buffer, which is aligned, and has stated its length.
    let control = unsafe { libc::CMSG_FIRSTHDR(header).as_ref() }?;
    let is_size = (control.cmsg_level, control.cmsg_type) == (libc::SOL_UDP, libc::UDP_GRO);
    // SAFETY: this control message holds an int.
    let size = is_size.then(|| unsafe { libc::CMSG_DATA(control).cast::<libc::c_int>().read_unaligned() })?;
    usize::try_from(size).ok()
}

/// Have the kernel cut what is sent into datagrams of this size (UDP_SEGMENT).
pub fn segment_sends(socket: &UdpSocket, size: usize) -> io::Result<()> {
    set_option(socket, libc::UDP_SEGMENT, size)
}

/// Take datagrams of one sender and size joined, as they travelled or as the network card joined them (UDP_GRO).
pub fn join_receives(socket: &UdpSocket) -> io::Result<()> {
    set_option(socket, libc::UDP_GRO, 1)
}

fn set_option(socket: &UdpSocket, option: libc::c_int, value: usize) -> io::Result<()> {
    let value = libc::c_int::try_from(value).map_err(io::Error::other)?;
    let length = mem::size_of::<libc::c_int>() as libc::socklen_t;
    let pointer = std::ptr::from_ref(&value).cast();
    // SAFETY: the option is an int, which outlives the call.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_UDP, option, pointer, length) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Send datagrams with one call, each to its address, or to whom the socket is connected to; how many left.
pub fn send_batch(socket: &UdpSocket, datagrams: &[(&[u8], Option<libc::sockaddr_in>)]) -> usize {
    // SAFETY: plain C structures for which all zeroes is a valid value.
    let mut headers: [libc::mmsghdr; BATCH] = unsafe { mem::zeroed() };
    let mut vectors: [libc::iovec; BATCH] = unsafe { mem::zeroed() };
    let count = datagrams.len().min(BATCH);
    for ((header, vector), (bytes, address)) in headers.iter_mut().zip(&mut vectors).zip(datagrams) {
        vector.iov_base = bytes.as_ptr().cast_mut().cast();
        vector.iov_len = bytes.len();
        if let Some(address) = address {
            header.msg_hdr.msg_name = std::ptr::from_ref(address).cast_mut().cast();
            header.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_in>() as u32;
        }
        header.msg_hdr.msg_iov = vector;
        header.msg_hdr.msg_iovlen = 1;
    }
    // SAFETY: the first `count` headers point to bytes and addresses that outlive the call and are only read.
    let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), count as u32, 0) };
    usize::try_from(sent).unwrap_or(0)
}

/// An IPv4 address as the kernel wants it; None for IPv6.
pub fn socket_address(address: SocketAddr) -> Option<libc::sockaddr_in> {
    let SocketAddr::V4(address) = address else { return None };
    Some(libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
        sin_zero: [0; 8],
    })
}
