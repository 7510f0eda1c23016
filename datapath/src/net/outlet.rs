//! What a run of datagrams leaves through: a socket of the media port, or that of an allocation.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use super::relay_sockets::{Endpoint, RelaySockets};
use super::runs::Run;
use super::sys::{Message, SendScratch, UdpSocket, Undelivered, MAX_MESSAGES};
use crate::ids::RelayId;
use crate::path::{Carrier, Path};

/// A socket for the length of one call.
pub enum Outlet<'a> {
    /// Of the media port.
    Own(&'a UdpSocket),
    /// Of an allocation.
    Relay(Arc<Endpoint>),
}

impl<'a> Outlet<'a> {
    /// That of the first of `runs`, and how many of them one call can send through it.
    pub fn of(runs: &[Run], own: &'a [UdpSocket], relays: &RelaySockets) -> Option<(Self, usize)> {
        let Path { local, carrier, .. } = runs.first()?.path;
        let count = |same: &dyn Fn(&Run) -> bool| runs.iter().take(MAX_MESSAGES).take_while(|run| same(run)).count();
        match carrier {
            Carrier::Udp => {
                let socket = socket_for(own, local)?;
                let same = |run: &Run| {
                    let found = || socket_for(own, run.path.local).is_some_and(|found| core::ptr::eq(found, socket));
                    run.path.carrier == Carrier::Udp && (run.path.local == local || found())
                };
                Some((Self::Own(socket), count(&same)))
            }
            Carrier::RelaySocket(relay) => {
                let endpoint = relays.find(relay, &runs.first()?.path)?;
                let same = |run: &Run| run.path.carrier == carrier && run.path.local == local && !run.dont_fragment;
                Some((Self::Relay(endpoint), count(&same).max(1)))
            }
            Carrier::Tcp(_) | Carrier::Tls(_) | Carrier::Relay(_) => None,
        }
    }

    /// Sends `runs`, or the first few of them, and returns how many left. An error is that of the first; if that must
    /// not be fragmented and has to be, `undelivered` says so.
    pub fn send(
        &self,
        bytes: &[u8],
        runs: &[Run],
        scratch: &mut SendScratch,
        undelivered: &mut Vec<(RelayId, Undelivered)>,
    ) -> io::Result<usize> {
        let messages = runs.iter().map(|run| self.message(bytes, run));
        match self {
            Self::Own(socket) => socket.send(messages, scratch),
            Self::Relay(endpoint) if runs[0].dont_fragment => {
                let first = self.message(bytes, &runs[0]);
                endpoint.socket.send_whole(first, scratch, |report| undelivered.push((endpoint.relay, report)))
            }
            Self::Relay(endpoint) => endpoint.socket.send(messages, scratch),
        }
    }

    /// Whether clients choose whom it sends to.
    pub fn is_relay(&self) -> bool {
        matches!(self, Self::Relay(_))
    }

    fn message<'b>(&self, bytes: &'b [u8], run: &Run) -> Message<'b> {
        let Path { local, remote, .. } = run.path;
        let segment = (run.count > 1).then_some(run.segment);
        let source = match self {
            Self::Own(socket) if socket.local().ip().is_unspecified() => Some(local.ip()),
            // It has but one. That of an allocation behind a NAT is not what its path says.
            Self::Own(_) | Self::Relay(_) => None,
        };
        Message { bytes: &bytes[run.bytes.clone()], segment, source, destination: remote }
    }
}

impl AsFd for Outlet<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Own(socket) => socket.as_fd(),
            Self::Relay(endpoint) => endpoint.socket.as_fd(),
        }
    }
}

/// The socket bound to this very address, or else to all addresses of its family.
fn socket_for(sockets: &[UdpSocket], local: SocketAddr) -> Option<&UdpSocket> {
    let serves = |socket: &UdpSocket, exact: bool| {
        let bound = socket.local();
        let address = if exact { bound.ip() == local.ip() } else { bound.ip().is_unspecified() };
        address && bound.port() == local.port() && bound.is_ipv4() == local.is_ipv4()
    };
    let find = |exact| sockets.iter().find(|socket| serves(socket, exact));
    find(true).or_else(|| find(false))
}
