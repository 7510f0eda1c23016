//! A UDP socket whose bursts travel as one, as network cards with segmentation and receive offload have them.

use std::io;
use std::net::{SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

use crate::sys;

/// Bytes of a receive buffer, so that nothing is lost while we are not scheduled.
const RECEIVE_BUFFER: i32 = 4 << 20;
/// Bytes and datagrams that travel as one at most (UDP_MAX_SEGMENTS before Linux 6.9).
const MAX_RUN: usize = 60_000;
const MAX_DATAGRAMS: usize = 64;

/// A socket and what is about to leave through it.
pub struct Outlet {
    /// To receive from; datagrams come joined if they travel so.
    pub socket: UdpSocket,
    offload: bool,
    /// What the kernel cuts into; 0: nothing yet.
    segment: usize,
    run: Vec<u8>,
    /// Bytes of each datagram in the run.
    size: usize,
    to: Option<SocketAddrV4>,
}

impl Outlet {
    /// Without offload, every datagram travels alone.
    pub fn new(socket: UdpSocket, offload: bool) -> io::Result<Self> {
        sys::set_receive_buffer(&socket, RECEIVE_BUFFER);
        if offload {
            sys::join_receives(&socket)?;
        }
        Ok(Self { socket, offload, segment: 0, run: Vec::new(), size: 0, to: None })
    }

    /// Send one datagram, to its address or to whom the socket is connected to. It may wait for others until the flush.
    pub fn push(&mut self, header: &[u8], data: &[u8], to: Option<SocketAddrV4>) -> io::Result<()> {
        let size = header.len() + data.len();
        let len = self.run.len() + size;
        if (size, to) != (self.size, self.to) || len > MAX_RUN || len > MAX_DATAGRAMS * size || !self.offload {
            self.flush()?;
        }
        (self.size, self.to) = (size, to);
        self.run.extend(header);
        self.run.extend(data);
        Ok(())
    }

    /// Send what waits. What does not fit into the socket's buffer is lost.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.run.is_empty() {
            return Ok(());
        }
        // A datagram that is longer than what the last run was cut into must not be cut.
        if self.offload && self.segment != self.size {
            sys::segment_sends(&self.socket, self.size)?;
            self.segment = self.size;
        }
        let to = self.to.and_then(|to| sys::socket_address(to.into()));
        sys::send_batch(&self.socket, &[(&self.run, to)]);
        self.run.clear();
        Ok(())
    }
}

impl AsRawFd for Outlet {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes and contents of the messages that a burst arrives in.
    fn messages(offload: bool) -> io::Result<Vec<(usize, Vec<u8>)>> {
        let mut to = Outlet::new(UdpSocket::bind("127.0.0.1:0")?, offload)?;
        let mut from = Outlet::new(UdpSocket::bind("127.0.0.1:0")?, offload)?;
        from.socket.connect(to.socket.local_addr()?)?;
        for data in [[1; 100].as_slice(), &[2; 100], &[3; 100], &[4; 200], &[5; 50]] {
            from.push(&[9], data, None)?;
        }
        from.flush()?;
        let mut inbox = sys::Receiver::default();
        let count = inbox.receive(&to.socket);
        let messages = (0..count).map(|index| {
            let firsts = inbox.datagrams(index).map(|datagram| datagram[1]).collect();
            (inbox.message(index).len(), firsts)
        });
        let messages = messages.collect();
        to.flush()?;
        Ok(messages)
    }

    #[test]
    fn datagrams_of_one_size_travel_as_one_and_come_apart_again() -> io::Result<()> {
        assert_eq!(messages(true)?, [(303, vec![1, 2, 3]), (201, vec![4]), (51, vec![5])]);
        Ok(())
    }

    #[test]
    fn without_offload_each_travels_alone() -> io::Result<()> {
        let alone = [(101, vec![1]), (101, vec![2]), (101, vec![3]), (201, vec![4]), (51, vec![5])];
        assert_eq!(messages(false)?, alone);
        Ok(())
    }
}
