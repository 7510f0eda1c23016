//! The system calls of the load generator: everything unsafe in one place, behind safe functions.
#![allow(unsafe_code, reason = "system calls")]

mod datagrams;

use std::io;
use std::mem;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

pub use datagrams::{join_receives, segment_sends, send_batch, socket_address, Receiver, BATCH};

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
