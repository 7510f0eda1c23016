//! Waiting for many descriptors that come and go: `epoll(7)`, level-triggered.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::check;

/// Descriptors that one call reports at most.
const MAX_READY: usize = 64;

/// What to watch a descriptor for. Errors and hang-ups are always reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// Something to read, or the end.
    pub read: bool,
    /// Room to write.
    pub write: bool,
}

/// What a descriptor is ready for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Something to read, or the end.
    pub read: bool,
    /// Room to write.
    pub write: bool,
    /// An error, or nobody is left at the other end.
    pub broken: bool,
}

impl Watch {
    /// For something to read.
    pub const READ: Self = Self { read: true, write: false };
    /// For room to write.
    pub const WRITE: Self = Self { read: false, write: true };
    /// For nothing.
    pub const NOTHING: Self = Self { read: false, write: false };

    const fn bits(self) -> u32 {
        (if self.read { libc::EPOLLIN as u32 } else { 0 }) | (if self.write { libc::EPOLLOUT as u32 } else { 0 })
    }
}

impl Readiness {
    fn from_bits(bits: u32) -> Self {
        let has = |flags: i32| bits & flags as u32 != 0;
        // Whoever reads or writes after an error or a hang-up is told of it.
        let broken = has(libc::EPOLLERR | libc::EPOLLHUP);
        Self { read: has(libc::EPOLLIN) || broken, write: has(libc::EPOLLOUT) || broken, broken }
    }
}

/// A set of descriptors, each known by a token. Closing a descriptor takes it out.
#[derive(Debug)]
pub struct Epoll(OwnedFd);

impl Epoll {
    /// An empty set.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers; the descriptor is checked and then owned by exactly one OwnedFd.
        let fd = unsafe {
            let fd = libc::epoll_create1(libc::EPOLL_CLOEXEC);
            check(fd)?;
            OwnedFd::from_raw_fd(fd)
        };
        Ok(Self(fd))
    }

    /// Takes a descriptor in.
    pub fn add(&self, fd: BorrowedFd<'_>, token: u64, watch: Watch) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, watch)
    }

    /// Changes what a descriptor is watched for.
    pub fn modify(&self, fd: BorrowedFd<'_>, token: u64, watch: Watch) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, watch)
    }

    /// Takes a descriptor out.
    pub fn remove(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd, 0, Watch::NOTHING)
    }

    /// Appends what is ready now to `out`: as many as one call reports, the longest ready first.
    pub fn wait_now(&self, out: &mut Vec<(u64, Readiness)>) -> io::Result<()> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; MAX_READY];
        // SAFETY: the array has the stated length.
        let count = unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), MAX_READY as _, 0) };
        check(count)?;
        out.extend(events.iter().take(count as usize).map(|event| (event.u64, Readiness::from_bits(event.events))));
        Ok(())
    }

    fn control(&self, operation: libc::c_int, fd: BorrowedFd<'_>, token: u64, watch: Watch) -> io::Result<()> {
        let mut event = libc::epoll_event { events: watch.bits(), u64: token };
        // SAFETY: the event lives until the call returns.
        check(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, fd.as_raw_fd(), &mut event) })
    }
}

impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    fn ready(epoll: &Epoll) -> Vec<(u64, Readiness)> {
        let mut out = Vec::new();
        epoll.wait_now(&mut out).unwrap();
        out
    }

    #[test]
    fn a_descriptor_is_reported_as_long_as_it_is_ready_and_watched() {
        let epoll = Epoll::new().unwrap();
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        epoll.add(theirs.as_fd(), 7, Watch::READ).unwrap();
        assert_eq!(ready(&epoll), []);
        ours.write_all(b"x").unwrap();
        let readable = Readiness { read: true, ..Readiness::default() };
        assert_eq!(ready(&epoll), [(7, readable)]);
        assert_eq!(ready(&epoll), [(7, readable)]);
        epoll.modify(theirs.as_fd(), 8, Watch::WRITE).unwrap();
        assert_eq!(ready(&epoll), [(8, Readiness { write: true, ..Readiness::default() })]);
        drop(ours);
        assert!(ready(&epoll)[0].1.broken);
        epoll.remove(theirs.as_fd()).unwrap();
        assert_eq!(ready(&epoll), []);
    }
}
