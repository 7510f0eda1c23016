//! The system calls of the load generator: everything unsafe in one place, behind safe functions.
#![allow(unsafe_code, reason = "system calls")]

use std::io;
use std::mem;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// Largest datagram that is received whole.
pub const DATAGRAM: usize = 2048;
/// Datagrams per send call.
pub const BATCH: usize = 64;
/// Datagrams per receive call: a viewer has few waiting, and setting up a call costs per slot.
const RECEIVE_BATCH: usize = 8;
/// Time between two looks at the sockets when little is waiting.
const BREATH: Duration = Duration::from_millis(1);
/// Readable sockets above which there is no breath.
const BUSY: usize = 64;

/// Nanoseconds of the monotonic clock, which all processes of the machine share.
pub fn monotonic_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

/// Nanoseconds of CPU time this thread has used.
pub fn thread_cpu_ns() -> u64 {
    clock_ns(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec for the call to fill.
    unsafe { libc::clock_gettime(clock, &mut time) };
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// Sleep until a point on the monotonic clock.
pub fn sleep_until_ns(deadline_ns: u64) {
    let now = monotonic_ns();
    if deadline_ns > now {
        std::thread::sleep(Duration::from_nanos(deadline_ns - now));
    }
}

/// Nanoseconds of CPU time a process has used, user and system, all its threads, also those that have ended.
pub fn process_cpu_ns(process: u32) -> io::Result<u64> {
    let process = libc::pid_t::try_from(process).map_err(io::Error::other)?;
    let mut clock = 0;
    // SAFETY: `clock` is a valid clock id for the call to fill.
    match unsafe { libc::clock_getcpuclockid(process, &mut clock) } {
        0 => Ok(clock_ns(clock)),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

/// Ask for room in a socket's receive buffer; beyond what an ordinary user may have, it stays at that.
pub fn set_receive_buffer(socket: &impl AsRawFd, bytes: i32) {
    let length = mem::size_of::<libc::c_int>() as libc::socklen_t;
    let value = std::ptr::from_ref(&bytes).cast();
    for option in [libc::SO_RCVBUF, libc::SO_RCVBUFFORCE] {
        // SAFETY: the option is an int, which outlives the call. A refusal leaves the buffer as it is.
        unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, value, length) };
    }
}

/// Take over a socket that was inherited under this number. The caller names each number once.
pub fn inherited_socket(fd: RawFd) -> io::Result<UdpSocket> {
    use std::os::fd::FromRawFd;
    // SAFETY: fcntl with F_GETFD only reads flags and fails cleanly on a number that is not open.
    if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the number is open, and the plan's parser hands each number over once.
    Ok(unsafe { UdpSocket::from_raw_fd(fd) })
}

/// Readiness of many sockets, each known by its index.
pub struct Poll {
    epoll: RawFd,
    events: Vec<libc::epoll_event>,
}

impl Poll {
    /// An empty set that reports up to `capacity` sockets per wait.
    pub fn new(capacity: usize) -> io::Result<Self> {
        // SAFETY: no pointers are involved.
        let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if epoll < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { epoll, events: vec![libc::epoll_event { events: 0, u64: 0 }; capacity.max(1)] })
    }

    /// Report `index` when the socket is readable.
    pub fn add(&self, socket: &impl AsRawFd, index: usize) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: index as u64 };
        // SAFETY: `event` outlives the call; both descriptors are open.
        let result = unsafe { libc::epoll_ctl(self.epoll, libc::EPOLL_CTL_ADD, socket.as_raw_fd(), &mut event) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// Put the indices of the readable sockets into `ready`, after a millisecond's sleep when the last look found few.
    ///
    /// It never waits *on* the sockets: whoever sends would then pay for waking us with every packet, which a server whose
    /// viewers are on other machines does not. The price is up to a millisecond in the latencies.
    pub fn look(&mut self, ready: &mut Vec<usize>) {
        if ready.len() < BUSY {
            std::thread::sleep(BREATH);
        }
        self.glance(ready);
    }

    /// Put the indices of the sockets that are readable now into `ready`.
    pub fn glance(&mut self, ready: &mut Vec<usize>) {
        self.report(ready, 0);
    }

    /// Wait until sockets are readable and put their indices into `ready`.
    pub fn wait(&mut self, ready: &mut Vec<usize>) {
        self.report(ready, -1);
    }

    fn report(&mut self, ready: &mut Vec<usize>, timeout: libc::c_int) {
        ready.clear();
        let capacity = i32::try_from(self.events.len()).unwrap_or(i32::MAX);
        // SAFETY: `events` has room for `capacity` entries.
        let count = unsafe { libc::epoll_wait(self.epoll, self.events.as_mut_ptr(), capacity, timeout) };
        let count = usize::try_from(count).unwrap_or(0); // an interrupted wait reports nothing
        ready.extend(self.events[..count].iter().map(|event| event.u64 as usize));
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        // SAFETY: the descriptor is ours and is closed once.
        unsafe { libc::close(self.epoll) };
    }
}

/// Buffers for one batched receive.
pub struct Receiver {
    buffers: Box<[[u8; DATAGRAM]]>,
    lengths: [usize; RECEIVE_BATCH],
    sources: [libc::sockaddr_in; RECEIVE_BATCH],
}

impl Default for Receiver {
    fn default() -> Self {
        let buffers = vec![[0; DATAGRAM]; RECEIVE_BATCH].into_boxed_slice();
        // SAFETY: a plain C structure for which all zeroes is a valid value.
        Self { buffers, lengths: [0; RECEIVE_BATCH], sources: unsafe { mem::zeroed() } }
    }
}

impl Receiver {
    /// Take up to a batch of waiting datagrams; how many came. Never blocks.
    pub fn receive(&mut self, socket: &UdpSocket) -> usize {
        // SAFETY: both are plain C structures for which all zeroes is a valid value.
        let mut headers: [libc::mmsghdr; RECEIVE_BATCH] = unsafe { mem::zeroed() };
        let mut vectors: [libc::iovec; RECEIVE_BATCH] = unsafe { mem::zeroed() };
        let slots = self.buffers.iter_mut().zip(&mut self.sources);
        for ((header, vector), (buffer, source)) in headers.iter_mut().zip(&mut vectors).zip(slots) {
            vector.iov_base = buffer.as_mut_ptr().cast();
            vector.iov_len = DATAGRAM;
            header.msg_hdr.msg_name = std::ptr::from_mut(source).cast();
            header.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_in>() as u32;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
        }
        let (count, flags) = (RECEIVE_BATCH as u32, libc::MSG_DONTWAIT);
        // SAFETY: every header points to one vector and one address, every vector to one buffer of its length; all
        // outlive the call.
        let count = unsafe {
            libc::recvmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), count, flags as _, std::ptr::null_mut())
        };
        let count = usize::try_from(count).unwrap_or(0);
        for (length, header) in self.lengths.iter_mut().zip(&headers[..count]) {
            *length = header.msg_len as usize;
        }
        count
    }

    /// Take every waiting datagram.
    pub fn drain(&mut self, socket: &UdpSocket, mut take: impl FnMut(&mut [u8])) {
        loop {
            let count = self.receive(socket);
            for index in 0..count {
                take(self.datagram(index));
            }
            if count < RECEIVE_BATCH {
                return;
            }
        }
    }

    /// The `index`th datagram of the last receive.
    pub fn datagram(&mut self, index: usize) -> &mut [u8] {
        &mut self.buffers[index][..self.lengths[index]]
    }

    /// Who sent the `index`th datagram of the last receive (IPv4).
    pub fn source(&self, index: usize) -> SocketAddrV4 {
        let source = &self.sources[index];
        SocketAddrV4::new(u32::from_be(source.sin_addr.s_addr).into(), u16::from_be(source.sin_port))
    }

    /// The first `count` datagrams of the last receive, each with whom it came from (IPv4), ready to be sent back.
    pub fn answers(&self, count: usize) -> Vec<(&[u8], Option<libc::sockaddr_in>)> {
        let lengths = self.lengths.iter().zip(&self.sources).take(count);
        self.buffers.iter().zip(lengths).map(|(buffer, (length, source))| (&buffer[..*length], Some(*source))).collect()
    }
}

/// Have the kernel cut what is sent into datagrams of this size (udp(7), UDP_SEGMENT).
pub fn segment_sends(socket: &UdpSocket, size: usize) -> io::Result<()> {
    let size = libc::c_int::try_from(size).map_err(io::Error::other)?;
    let length = mem::size_of::<libc::c_int>() as libc::socklen_t;
    let value = std::ptr::from_ref(&size).cast();
    // SAFETY: the option is an int, which outlives the call.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_UDP, libc::UDP_SEGMENT, value, length) };
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
