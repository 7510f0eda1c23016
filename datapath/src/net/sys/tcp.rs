//! TCP sockets as the standard library cannot make them.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::{check, set_option};

/// Connections that wait to be accepted at most; the system may allow fewer.
const BACKLOG: libc::c_int = 1024;

/// Bytes the kernel keeps unsent for a connection at most: what waits here cannot be dropped when it is late.
const MAX_UNSENT: libc::c_int = 128 * 1024;

/// A connection whose client has vanished without a word is over after about a minute and a half: probes begin after
/// [`KEEPALIVE_IDLE`] seconds of silence, every [`KEEPALIVE_INTERVAL`], [`KEEPALIVE_PROBES`] of them.
const KEEPALIVE_IDLE: libc::c_int = 60;
const KEEPALIVE_INTERVAL: libc::c_int = 10;
const KEEPALIVE_PROBES: libc::c_int = 3;

/// A non-blocking listener that shares its port with further ones of this process's user (SO_REUSEPORT). `exclusive`:
/// fail if anybody else listens there, also one who shares.
pub fn listen(address: SocketAddr, exclusive: bool) -> io::Result<TcpListener> {
    let fd = socket(address)?;
    // Connections of an earlier run that linger do not keep us from the port.
    set_option(&fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    if !exclusive {
        set_option(&fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
    }
    super::bind(&fd, address)?;
    if exclusive {
        set_option(&fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
    }
    // SAFETY: no pointers.
    check(unsafe { libc::listen(fd.as_raw_fd(), BACKLOG) })?;
    Ok(TcpListener::from(fd))
}

/// A connection that is being made from `local`, where somebody of ours may listen, to `remote`. It is there when it is
/// writable and has no error.
pub fn connect(local: SocketAddr, remote: SocketAddr) -> io::Result<TcpStream> {
    let fd = socket(local)?;
    set_option(&fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    set_option(&fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
    super::bind(&fd, local)?;
    super::connect(&fd, remote)?;
    let stream = TcpStream::from(fd);
    prepare(&stream)?;
    Ok(stream)
}

/// A connection as we want it: non-blocking, without delay for small messages, with little waiting unsent, and with an
/// end if the other side vanishes.
pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    set_option(stream, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
    for (name, value) in [
        (libc::TCP_NOTSENT_LOWAT, MAX_UNSENT),
        (libc::TCP_KEEPIDLE, KEEPALIVE_IDLE),
        (libc::TCP_KEEPINTVL, KEEPALIVE_INTERVAL),
        (libc::TCP_KEEPCNT, KEEPALIVE_PROBES),
    ] {
        set_option(stream, libc::IPPROTO_TCP, name, value)?;
    }
    Ok(())
}

/// What waits unsent is forgotten when it is closed, where the kernel would go on trying for minutes.
pub fn forget_unsent(stream: &TcpStream) -> io::Result<()> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    // SAFETY: the value lives until the call returns, and its size is stated.
    check(unsafe {
        let size = core::mem::size_of_val(&linger) as libc::socklen_t;
        let value = core::ptr::from_ref(&linger).cast();
        libc::setsockopt(stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, value, size)
    })
}

/// There is no room for another connection now, in this process or in the system; it has to wait.
pub fn is_exhausted(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

fn socket(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    // SAFETY: no pointers; the descriptor is checked and then owned by exactly one OwnedFd.
    let fd = unsafe {
        let fd = libc::socket(family, libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0);
        check(fd)?;
        OwnedFd::from_raw_fd(fd)
    };
    if address.is_ipv6() {
        set_option(&fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
    }
    Ok(fd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_of_ours_share_a_port_and_nobody_else_gets_it() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let first = listen(any.parse().unwrap(), true).unwrap();
            let address = first.local_addr().unwrap();
            let second = listen(address, false).unwrap();
            assert_eq!(listen(address, true).unwrap_err().kind(), io::ErrorKind::AddrInUse);
            let clients: Vec<_> = (0..32).map(|_| TcpStream::connect(address).unwrap()).collect();
            let accepted = [&first, &second].map(|listener| std::iter::from_fn(|| listener.accept().ok()).count());
            assert_eq!(accepted.iter().sum::<usize>(), clients.len());
            assert!(accepted.iter().all(|count| *count > 0), "the kernel spreads them: {accepted:?}");
        }
    }
}
