//! System calls: the only module that may use `unsafe`, and it does nothing but wrap one call per function.
//!
//! What is offered is safe to call with any argument: buffers and headers of a batched call are built and used inside
//! one function, so no raw pointer outlives the memory it points to.

#![allow(unsafe_code, reason = "batched I/O, packet information and event descriptors have no safe std equivalent")]

mod epoll;
mod error_queue;
pub mod tcp;

use core::mem::{self, MaybeUninit};
use core::ptr;
use core::time::Duration;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

pub use epoll::{Epoll, Readiness, Watch};
pub use error_queue::Undelivered;

/// Messages that one receive or send call moves at most.
pub const MAX_MESSAGES: usize = 64;

/// Bytes kept of a received datagram; longer ones are flagged as truncated. Nothing legitimate is longer than the
/// Ethernet MTU on the paths we serve, with room to spare.
pub const MAX_DATAGRAM: usize = 2048;

/// Messages that one receive call takes from a socket that joins segments.
const MAX_JOINED: usize = 16;

/// Messages that a receive call may bring at least.
const MIN_ROOM: usize = 8;

/// Room for one of them: the longest there can be. The rest keeps the beginnings of all from falling into the same few
/// lines of the processor's cache.
const JOINED_SLOT: usize = (1 << 16) + MAX_DATAGRAM + 64;

/// Fits what we ask for in either direction: packet information, segment size, overflow count; or an ICMP error with
/// its sender.
const CONTROL_LEN: usize = 96;

#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_LEN]);

#[repr(C)]
#[derive(Clone, Copy)]
union SocketName {
    family: libc::sa_family_t,
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

/// How a socket is bound.
#[derive(Clone, Copy, Debug)]
pub struct BindOptions {
    /// Fail if anybody else, also a socket that shares its port, is bound there.
    pub exclusive: bool,
    /// Receive buffer in bytes; the system may grant less.
    pub receive_buffer: usize,
    /// Send buffer in bytes; the system may grant less.
    pub send_buffer: usize,
}

/// A non-blocking UDP socket. Bound to all addresses, it tells the destination of what it receives and lets the sender
/// choose the source.
#[derive(Debug)]
pub struct UdpSocket {
    socket: std::net::UdpSocket,
    local: SocketAddr,
}

impl UdpSocket {
    /// A socket bound to `address` that shares its port with further sockets of this process's user (SO_REUSEPORT).
    pub fn bind(address: SocketAddr, options: BindOptions) -> io::Result<Self> {
        let fd = open(address, options)?;
        match address.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => set_option(&fd, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?,
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => set_option(&fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?,
            // All it receives has come to this address.
            _ => {}
        }
        if !options.exclusive {
            set_option(&fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
        }
        bind(&fd, address)?;
        if options.exclusive {
            // Only now, so that the bind above met a conflict with anybody, also with one who shares.
            set_option(&fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
        }
        Self::named(fd)
    }

    /// A socket for one relayed address: nobody shares its port, ICMP errors wait in its error queue, and datagrams of
    /// one sender and size come joined where the kernel can (UDP GRO). It does not tell the destination address.
    pub fn bind_relay(address: SocketAddr, options: BindOptions) -> io::Result<Self> {
        let fd = open(address, options)?;
        if address.is_ipv4() {
            set_option(&fd, libc::IPPROTO_IP, libc::IP_RECVERR, 1)?;
        } else {
            set_option(&fd, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1)?;
        }
        // Before Linux 5.0 every datagram comes alone.
        let _ = set_option(&fd, libc::SOL_UDP, libc::UDP_GRO, 1);
        bind(&fd, address)?;
        Self::named(fd)
    }

    fn named(fd: OwnedFd) -> io::Result<Self> {
        let socket = std::net::UdpSocket::from(fd);
        let local = socket.local_addr()?;
        Ok(Self { socket, local })
    }

    /// Whether what is sent from now on may not be fragmented: it is refused with EMSGSIZE where it does not fit, and
    /// routers refuse it likewise.
    pub fn set_dont_fragment(&self, on: bool) -> io::Result<()> {
        let (level, name, off) = if self.local.is_ipv4() {
            (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT)
        } else {
            (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_WANT)
        };
        // The same number for both families.
        set_option(&self.socket, level, name, if on { libc::IP_PMTUDISC_DO } else { off })
    }

    /// Takes the error that the next call would return for what an earlier one did.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// The address it is bound to, with the real port.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Whether the kernel knows UDP segmentation offload at all; a device may still refuse it later.
    pub fn supports_segmentation(&self) -> bool {
        set_option(&self.socket, libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok()
    }

    /// Fills `batch` with what waits, in order of arrival, and returns how many datagrams that is. WouldBlock: nothing
    /// waits.
    pub fn receive(&self, batch: &mut ReceiveBatch) -> io::Result<usize> {
        batch.received.clear();
        // Only what is used is touched: on a wakeup little of this is in the cache.
        let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; MAX_MESSAGES];
        let mut vectors = [const { MaybeUninit::<libc::iovec>::uninit() }; MAX_MESSAGES];
        let slots = batch.bytes.chunks_exact_mut(batch.slot).zip(&mut batch.names).zip(&mut batch.controls);
        let entries = headers.iter_mut().zip(&mut vectors).take(batch.room);
        for (((slot, name), control), (header, vector)) in slots.zip(entries) {
            let vector = vector.write(libc::iovec { iov_base: slot.as_mut_ptr().cast(), iov_len: slot.len() });
            let header = &mut header.write(EMPTY_HEADER).msg_hdr;
            header.msg_name = ptr::from_mut(name).cast();
            header.msg_namelen = mem::size_of::<SocketName>() as libc::socklen_t;
            header.msg_iov = vector;
            header.msg_iovlen = 1;
            header.msg_control = control.0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL_LEN as _;
        }
        // SAFETY: the first `room` headers, of which there are as many as slots at most, are written and point to distinct
        // buffers of the stated lengths, which live until the call returns.
        let count = unsafe {
            let (first, flags) = (headers.as_mut_ptr().cast(), libc::MSG_DONTWAIT);
            libc::recvmmsg(self.socket.as_raw_fd(), first, batch.room as _, flags, ptr::null_mut())
        };
        check(count)?;
        for (header, name) in headers.iter().zip(&batch.names).take(count as usize) {
            // SAFETY: the kernel fills no more headers than it was given, which were written above.
            let header = unsafe { header.assume_init_ref() };
            let control = read_control(&header.msg_hdr);
            if let Some(overflow) = control.overflow {
                batch.overflow = overflow;
            }
            batch.received.push(Received {
                destination: control.destination,
                source: read_name(name, header.msg_hdr.msg_namelen),
                len: (header.msg_len as usize).min(batch.slot),
                segment: control.segment.unwrap_or(batch.slot),
                truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            });
        }
        batch.expect_about(count as usize);
        Ok(batch.received.len())
    }

    /// Sends the first [`MAX_MESSAGES`] of `messages` in order and returns how many left. An error is that of the
    /// first message; nothing left then.
    pub fn send<'a>(
        &self,
        messages: impl IntoIterator<Item = Message<'a>>,
        scratch: &mut SendScratch,
    ) -> io::Result<usize> {
        let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; MAX_MESSAGES];
        let mut count = 0;
        let entries = scratch.names.iter_mut().zip(&mut scratch.vectors).zip(&mut scratch.controls);
        for ((message, header), ((name, vector), control)) in messages.into_iter().zip(&mut headers).zip(entries) {
            vector.0 = libc::iovec { iov_base: message.bytes.as_ptr().cast_mut().cast(), iov_len: message.bytes.len() };
            let header = &mut header.write(EMPTY_HEADER).msg_hdr;
            header.msg_namelen = write_name(name, message.destination);
            header.msg_name = ptr::from_mut(name).cast();
            header.msg_iov = &mut vector.0;
            header.msg_iovlen = 1;
            let used = write_control(control, &message);
            if used > 0 {
                header.msg_control = control.0.as_mut_ptr().cast();
                header.msg_controllen = used as _;
            }
            count += 1;
        }
        // SAFETY: the first `count` headers are written and point to memory of the stated length that lives until the call
        // returns; sending does not write through iov_base.
        let sent = unsafe {
            let first = headers.as_mut_ptr().cast();
            libc::sendmmsg(self.socket.as_raw_fd(), first, count, libc::MSG_DONTWAIT)
        };
        check(sent)?;
        Ok(sent as usize)
    }

    /// Makes the kernel refuse segmentation offload with EINVAL, as devices without checksum offload do.
    #[cfg(test)]
    pub fn refuse_segmentation(&self) -> io::Result<()> {
        set_option(&self.socket, libc::SOL_SOCKET, libc::SO_NO_CHECK, 1)
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Room for one receive call, reused.
pub struct ReceiveBatch {
    bytes: Box<[u8]>,
    /// Bytes of it for each message.
    slot: usize,
    /// Messages the next call may bring.
    room: usize,
    names: Box<[SocketName]>,
    controls: Box<[Control]>,
    received: Vec<Received>,
    overflow: u32,
}

/// Where a datagram came from and went to.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// The address it was sent to; None if the kernel did not say, for there is but one.
    pub destination: Option<IpAddr>,
    /// The sender; None if its address is of no family we know.
    pub source: Option<SocketAddr>,
    /// It was longer than [`MAX_DATAGRAM`].
    pub truncated: bool,
    /// Bytes of the message that were kept.
    len: usize,
    /// Length of each datagram in it but the last, which may be shorter.
    segment: usize,
}

impl ReceiveBatch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::with_slots(MAX_MESSAGES, MAX_DATAGRAM)
    }

    /// One for sockets that join datagrams. Its memory is the system's until something long is received.
    pub fn joined() -> Self {
        Self::with_slots(MAX_JOINED, JOINED_SLOT)
    }

    fn with_slots(count: usize, slot: usize) -> Self {
        Self {
            bytes: vec![0; count * slot].into_boxed_slice(),
            slot,
            room: count,
            names: vec![EMPTY_NAME; count].into_boxed_slice(),
            controls: vec![Control([0; CONTROL_LEN]); count].into_boxed_slice(),
            received: Vec::with_capacity(count),
            overflow: 0,
        }
    }

    /// The datagrams that the last call brought, in order of arrival.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Received, &mut [u8])> {
        let slots = self.bytes.chunks_exact_mut(self.slot);
        self.received.iter().zip(slots).flat_map(|(received, slot)| {
            let message = &mut slot[..received.len];
            let empty: Option<&mut [u8]> = message.is_empty().then(Default::default);
            message.chunks_mut(received.segment.max(1)).chain(empty).map(|datagram| {
                let truncated = received.truncated || datagram.len() > MAX_DATAGRAM;
                (Received { truncated, ..*received }, datagram)
            })
        })
    }

    /// Preparing a call costs per message it may bring: that is twice what the last one brought. If more has come, the
    /// socket stays ready.
    fn expect_about(&mut self, count: usize) {
        self.room = (2 * count).clamp(MIN_ROOM, self.names.len());
    }

    /// Takes the latest count of datagrams the socket dropped since it was opened because its buffer was full; 0 if
    /// nothing new was said.
    pub fn take_overflow(&mut self) -> u32 {
        mem::take(&mut self.overflow)
    }
}

impl Default for ReceiveBatch {
    fn default() -> Self {
        Self::new()
    }
}

/// One entry of a send call.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// One datagram, or several in a row if `segment` is given.
    pub bytes: &'a [u8],
    /// The kernel is to cut `bytes` into datagrams of this length, the last may be shorter.
    pub segment: Option<u16>,
    /// Our address it leaves from, for a socket that is bound to all.
    pub source: Option<IpAddr>,
    /// Whom it is for.
    pub destination: SocketAddr,
}

/// Room for the headers of one send call, reused.
pub struct SendScratch {
    names: Box<[SocketName]>,
    vectors: Box<[Vector]>,
    controls: Box<[Control]>,
}

/// An entry that is rewritten before each use: what it points to is never followed outside one call.
#[derive(Clone, Copy)]
struct Vector(libc::iovec);

// SAFETY: the pointer inside is only ever followed by the kernel, during the call that has just set it.
unsafe impl Send for Vector {}

impl SendScratch {
    /// Room for [`MAX_MESSAGES`].
    pub fn new() -> Self {
        let nothing = Vector(libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 });
        Self {
            names: vec![EMPTY_NAME; MAX_MESSAGES].into_boxed_slice(),
            vectors: vec![nothing; MAX_MESSAGES].into_boxed_slice(),
            controls: vec![Control([0; CONTROL_LEN]); MAX_MESSAGES].into_boxed_slice(),
        }
    }
}

impl Default for SendScratch {
    fn default() -> Self {
        Self::new()
    }
}

/// A descriptor that is readable from [`EventFd::raise`] until [`EventFd::clear`].
#[derive(Debug)]
pub struct EventFd(File);

impl EventFd {
    /// A lowered one.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers; the descriptor is checked and then owned by exactly one OwnedFd.
        let fd = unsafe {
            let fd = libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC);
            check(fd)?;
            OwnedFd::from_raw_fd(fd)
        };
        Ok(Self(File::from(fd)))
    }

    /// Makes it readable. The only failure of this write is a counter that is already full, which is readable too.
    pub fn raise(&self) {
        let _ = (&self.0).write(&1u64.to_ne_bytes());
    }

    /// Makes it unreadable; nothing happens if it was.
    pub fn clear(&self) {
        let _ = (&self.0).read(&mut [0; 8]);
    }
}

impl AsFd for EventFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What to wait for on a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// There is something to read.
    Readable,
    /// There is room to write.
    Writable,
}

/// The descriptors that one call of [`wait`] watches. They are few and fixed, so `ppoll(2)`, whose timeout has
/// nanoseconds on every kernel we run on, beats an epoll set.
#[derive(Debug, Default)]
pub struct WaitSet {
    entries: Vec<libc::pollfd>,
}

impl WaitSet {
    /// Adds a descriptor and returns its place for [`WaitSet::is_ready`]. The caller keeps it open while it waits.
    pub fn add(&mut self, descriptor: BorrowedFd<'_>, interest: Interest) -> usize {
        let events = match interest {
            Interest::Readable => libc::POLLIN,
            Interest::Writable => libc::POLLOUT,
        };
        self.entries.push(libc::pollfd { fd: descriptor.as_raw_fd(), events, revents: 0 });
        self.entries.len() - 1
    }

    /// Whether the last wait found this place ready; an error on the descriptor counts as ready.
    pub fn is_ready(&self, place: usize) -> bool {
        self.entries.get(place).is_some_and(|entry| entry.revents != 0)
    }

    /// Sleeps until a descriptor is ready or `timeout` has passed (None: for ever). An interrupted sleep ends early
    /// with nothing ready.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = timeout.map(|duration| libc::timespec {
            tv_sec: libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: duration.subsec_nanos() as _,
        });
        let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: the array has the stated length; the timeout is null or lives until the call returns.
        let count = unsafe { libc::ppoll(self.entries.as_mut_ptr(), self.entries.len() as _, timeout, ptr::null()) };
        match check(count) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.entries.iter_mut().for_each(|entry| entry.revents = 0);
                Ok(())
            }
            result => result,
        }
    }
}

// SAFETY: all-zero is a valid value of this plain C structure.
const EMPTY_HEADER: libc::mmsghdr = unsafe { mem::zeroed() };

// SAFETY: all-zero is a valid value of a socket address.
const EMPTY_NAME: SocketName = unsafe { mem::zeroed() };

/// A socket that is not bound yet, with what all of ours have in common.
fn open(address: SocketAddr, options: BindOptions) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    // SAFETY: no pointers; the descriptor is checked and then owned by exactly one OwnedFd.
    let fd = unsafe {
        let fd = libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0);
        check(fd)?;
        OwnedFd::from_raw_fd(fd)
    };
    if address.is_ipv4() {
        // No "fragmentation needed" message, which anybody can forge, may change what this socket can send.
        set_option(&fd, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT)?;
    } else {
        set_option(&fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
    }
    set_option(&fd, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1)?;
    set_buffer(&fd, libc::SO_RCVBUFFORCE, libc::SO_RCVBUF, options.receive_buffer)?;
    set_buffer(&fd, libc::SO_SNDBUFFORCE, libc::SO_SNDBUF, options.send_buffer)?;
    Ok(fd)
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn set_option(fd: &impl AsRawFd, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: the value is an int that lives until the call returns, and its size is stated.
    check(unsafe {
        let size = mem::size_of::<libc::c_int>() as libc::socklen_t;
        libc::setsockopt(fd.as_raw_fd(), level, name, ptr::from_ref(&value).cast(), size)
    })
}

/// Asks for a buffer beyond the system's limit first, which only a privileged process gets.
fn set_buffer(fd: &impl AsRawFd, force: libc::c_int, name: libc::c_int, bytes: usize) -> io::Result<()> {
    // The kernel keeps twice what is asked for, in an int.
    let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX).min(libc::c_int::MAX / 2);
    set_option(fd, libc::SOL_SOCKET, force, bytes).or_else(|_| set_option(fd, libc::SOL_SOCKET, name, bytes))
}

fn bind(fd: &impl AsRawFd, address: SocketAddr) -> io::Result<()> {
    let mut name = EMPTY_NAME;
    let len = write_name(&mut name, address);
    // SAFETY: the name has at least the stated length.
    check(unsafe { libc::bind(fd.as_raw_fd(), ptr::from_ref(&name).cast(), len) })
}

/// Begins to connect.
fn connect(fd: &impl AsRawFd, address: SocketAddr) -> io::Result<()> {
    let mut name = EMPTY_NAME;
    let len = write_name(&mut name, address);
    // SAFETY: the name has at least the stated length.
    let result = check(unsafe { libc::connect(fd.as_raw_fd(), ptr::from_ref(&name).cast(), len) });
    match result {
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(()),
        result => result,
    }
}

fn write_name(name: &mut SocketName, address: SocketAddr) -> libc::socklen_t {
    match address {
        SocketAddr::V4(address) => {
            // SAFETY: all-zero is a valid value of this plain C structure.
            let mut v4: libc::sockaddr_in = unsafe { mem::zeroed() };
            v4.sin_family = libc::AF_INET as libc::sa_family_t;
            v4.sin_port = address.port().to_be();
            v4.sin_addr = ipv4_to_c(*address.ip());
            name.v4 = v4;
            mem::size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
        SocketAddr::V6(address) => {
            // SAFETY: as above.
            let mut v6: libc::sockaddr_in6 = unsafe { mem::zeroed() };
            v6.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            v6.sin6_port = address.port().to_be();
            v6.sin6_addr = ipv6_to_c(*address.ip());
            v6.sin6_scope_id = address.scope_id();
            name.v6 = v6;
            mem::size_of::<libc::sockaddr_in6>() as libc::socklen_t
        }
    }
}

/// The flow label is left out, so that equal addresses are equal values.
fn read_name(name: &SocketName, len: libc::socklen_t) -> Option<SocketAddr> {
    let len = len as usize;
    // SAFETY: every bit pattern of these plain C structures is valid, the union is fully initialised, and which member
    // the kernel wrote is read from the family, which all begin with.
    unsafe {
        match libc::c_int::from(name.family) {
            libc::AF_INET if len >= mem::size_of::<libc::sockaddr_in>() => {
                let ip = ipv4_from_c(name.v4.sin_addr);
                Some(SocketAddrV4::new(ip, u16::from_be(name.v4.sin_port)).into())
            }
            libc::AF_INET6 if len >= mem::size_of::<libc::sockaddr_in6>() => {
                let v6 = &name.v6;
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                Some(SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), 0, v6.sin6_scope_id).into())
            }
            _ => None,
        }
    }
}

#[derive(Default)]
struct ControlValues {
    destination: Option<IpAddr>,
    overflow: Option<u32>,
    segment: Option<usize>,
}

fn read_control(header: &libc::msghdr) -> ControlValues {
    let mut values = ControlValues::default();
    control_entries(header, |level, kind, data| match (level, kind) {
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            // The local address of the packet: for a broadcast it is ours, unlike ipi_addr.
            values.destination = read_value::<libc::in_pktinfo>(data).map(|info| ipv4_from_c(info.ipi_spec_dst).into());
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            let info = read_value::<libc::in6_pktinfo>(data);
            values.destination = info.map(|info| Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
        }
        (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => values.overflow = read_value::<u32>(data),
        (libc::SOL_UDP, libc::UDP_GRO) => {
            values.segment = read_value::<libc::c_int>(data).and_then(|segment| usize::try_from(segment).ok());
        }
        _ => {}
    });
    values
}
/// A C structure of which every bit pattern is a value.
trait Plain: Copy {}

impl Plain for u32 {}
impl Plain for libc::c_int {}
impl Plain for libc::in_pktinfo {}
impl Plain for libc::in6_pktinfo {}
impl Plain for libc::sock_extended_err {}

/// The value an entry begins with.
fn read_value<T: Plain>(data: &[u8]) -> Option<T> {
    // SAFETY: there are enough bytes, every pattern of them is a T, and they are read unaligned.
    (data.len() >= mem::size_of::<T>()).then(|| unsafe { data.as_ptr().cast::<T>().read_unaligned() })
}

/// Level, type and content of each control message the kernel wrote for `header`.
fn control_entries(header: &libc::msghdr, mut visit: impl FnMut(libc::c_int, libc::c_int, &[u8])) {
    // SAFETY: the kernel has filled the control buffer the header points to and stated its length, which the CMSG
    // functions respect; each entry states its own.
    unsafe {
        let mut entry = libc::CMSG_FIRSTHDR(header);
        while let Some(current) = entry.as_ref() {
            let len = current.cmsg_len.saturating_sub(libc::CMSG_LEN(0) as _);
            let data = core::slice::from_raw_parts(libc::CMSG_DATA(current), len);
            visit(current.cmsg_level, current.cmsg_type, data);
            entry = libc::CMSG_NXTHDR(header, current);
        }
    }
}

/// Returns how much of the buffer is used.
fn write_control(control: &mut Control, message: &Message<'_>) -> usize {
    let mut used = 0;
    match message.source {
        Some(IpAddr::V4(ip)) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: ipv4_to_c(ip),
                ipi_addr: ipv4_to_c(Ipv4Addr::UNSPECIFIED),
            };
            used = append_control(control, used, libc::IPPROTO_IP, libc::IP_PKTINFO, info);
        }
        Some(IpAddr::V6(ip)) => {
            let info = libc::in6_pktinfo { ipi6_addr: ipv6_to_c(ip), ipi6_ifindex: 0 };
            used = append_control(control, used, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info);
        }
        None => {}
    }
    if let Some(segment) = message.segment {
        used = append_control(control, used, libc::SOL_UDP, libc::UDP_SEGMENT, segment);
    }
    used
}

fn append_control<T: Copy>(control: &mut Control, at: usize, level: libc::c_int, kind: libc::c_int, value: T) -> usize {
    // SAFETY: pure arithmetic on the size of T.
    let (len, space) =
        unsafe { (libc::CMSG_LEN(mem::size_of::<T>() as u32), libc::CMSG_SPACE(mem::size_of::<T>() as u32) as usize) };
    let end = at + space;
    assert!(end <= CONTROL_LEN, "control buffer too small");
    // SAFETY: the entry lies within the buffer (checked above), which is aligned for cmsghdr, as is `at`: a sum of
    // CMSG_SPACEs. The value is written unaligned.
    unsafe {
        let entry = control.0.as_mut_ptr().add(at).cast::<libc::cmsghdr>();
        let mut header: libc::cmsghdr = mem::zeroed();
        header.cmsg_level = level;
        header.cmsg_type = kind;
        header.cmsg_len = len as _;
        entry.write(header);
        libc::CMSG_DATA(entry).cast::<T>().write_unaligned(value);
    }
    end
}

fn ipv4_to_c(ip: Ipv4Addr) -> libc::in_addr {
    libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) }
}

fn ipv4_from_c(address: libc::in_addr) -> Ipv4Addr {
    Ipv4Addr::from(address.s_addr.to_ne_bytes())
}

fn ipv6_to_c(ip: Ipv6Addr) -> libc::in6_addr {
    libc::in6_addr { s6_addr: ip.octets() }
}
