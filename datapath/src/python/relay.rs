//! Paths, relay sockets, and what comes up about STUN and connections.

use std::net::SocketAddr;
use std::os::fd::{AsFd, IntoRawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::{address_tuple, os_error, parse_address, Int, U32_MAX};
use crate::engine::controls::Relayed;
use crate::event::StreamEnd;
use crate::ids::{RelayId, StreamId};
use crate::net::relay_socket::RelaySocket;
use crate::path::{self, Carrier};

/// A 5-tuple, or what stands for one inside a relay.
#[pyclass(frozen, eq, hash, module = "sfu._datapath", name = "Path")]
#[derive(PartialEq, Eq, Hash)]
pub struct PathObject(pub path::Path);

#[pymethods]
impl PathObject {
    #[new]
    #[pyo3(signature = (local, remote, protocol="udp", id=Int(0)))]
    fn new(
        local: (String, Int<0, 65_535>),
        remote: (String, Int<0, 65_535>),
        protocol: &str,
        id: Int<0, U32_MAX>,
    ) -> PyResult<Self> {
        let carrier = match protocol {
            "udp" => Carrier::Udp,
            "tcp" => Carrier::Tcp(StreamId(id.u32())),
            "tls" => Carrier::Tls(StreamId(id.u32())),
            "relay" => Carrier::Relay(RelayId(id.u32())),
            "relay-socket" => Carrier::RelaySocket(RelayId(id.u32())),
            _ => return Err(PyValueError::new_err("protocol: udp, tcp, tls, relay or relay-socket")),
        };
        let local = parse_address(&local.0, local.1.u16())?;
        let remote = parse_address(&remote.0, remote.1.u16())?;
        Ok(Self(path::Path { local, remote, carrier }))
    }

    #[getter]
    fn local(&self) -> (String, u16) {
        address_tuple(self.0.local)
    }

    #[getter]
    fn remote(&self) -> (String, u16) {
        address_tuple(self.0.remote)
    }

    #[getter]
    fn protocol(&self) -> &'static str {
        self.0.carrier.as_str()
    }

    #[getter]
    fn id(&self) -> u32 {
        self.0.carrier.id()
    }
}

/// A UDP socket for a relayed address that no allocation has yet.
#[pyclass(frozen, module = "sfu._datapath", name = "RelaySocket")]
pub struct RelaySocketObject {
    local: SocketAddr,
    socket: Mutex<Option<RelaySocket>>,
}

#[pymethods]
impl RelaySocketObject {
    #[new]
    fn new(host: &str, port: Int<0, 65_535>) -> PyResult<Self> {
        let socket = RelaySocket::bind(parse_address(host, port.u16())?).map_err(os_error)?;
        Ok(Self { local: socket.local(), socket: Mutex::new(Some(socket)) })
    }

    #[getter]
    fn address(&self) -> (String, u16) {
        address_tuple(self.local)
    }
}

impl RelaySocketObject {
    fn slot(&self) -> MutexGuard<'_, Option<RelaySocket>> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A relayed address as `add_relay` takes it, and the object that has a socket for it.
type Argument<'py> = (SocketAddr, Option<Bound<'py, RelaySocketObject>>);

/// Reads the argument of `add_relay` and takes the sockets out of their objects: all of them or, on an error, none.
pub fn take_relayed(arguments: &[Bound<'_, PyAny>]) -> PyResult<Vec<Relayed>> {
    let arguments = arguments.iter().map(parse_relayed).collect::<PyResult<Vec<_>>>()?;
    for ipv6 in [false, true] {
        if arguments.iter().filter(|(address, _)| address.is_ipv6() == ipv6).count() > 1 {
            return Err(PyValueError::new_err("relayed: at most one address per family"));
        }
    }
    // Each is there once, for those of different families are different.
    let mut slots: Vec<_> = arguments
        .iter()
        .map(|(address, object)| (*address, object.as_ref().map(|object| object.get().slot())))
        .collect();
    if slots.iter().any(|(_, slot)| slot.as_ref().is_some_and(|slot| slot.is_none())) {
        return Err(PyValueError::new_err("relayed: an allocation has had this socket already"));
    }
    let taken = slots.iter_mut().map(|(address, slot)| match slot.as_mut().and_then(|slot| slot.take()) {
        Some(socket) => Relayed::Bound(*address, socket),
        None => Relayed::Virtual(*address),
    });
    Ok(taken.collect())
}

/// An address, a socket, or a socket and the address by which clients know it.
fn parse_relayed<'py>(argument: &Bound<'py, PyAny>) -> PyResult<Argument<'py>> {
    if let Ok(object) = argument.cast::<RelaySocketObject>() {
        return Ok((object.get().local, Some(object.clone())));
    }
    let (first, second): (Bound<'py, PyAny>, Bound<'py, PyAny>) = argument.extract()?;
    let Ok(object) = first.cast_into::<RelaySocketObject>() else {
        let (host, port): (String, Int<0, 65_535>) = argument.extract()?;
        return Ok((parse_address(&host, port.u16())?, None));
    };
    let (host, port): (String, Int<0, 65_535>) = second.extract()?;
    let address = parse_address(&host, port.u16())?;
    if address.is_ipv4() != object.get().local.is_ipv4() {
        return Err(PyValueError::new_err("relayed: the socket is of another family than its address"));
    }
    Ok((address, Some(object)))
}

/// A STUN message that is neither an ICE check nor data to relay.
#[pyclass(frozen, get_all, module = "sfu._datapath")]
pub struct StunReceived {
    pub path: Py<PathObject>,
    pub data: Py<PyBytes>,
}

/// A connection that carried STUN messages has ended.
#[pyclass(frozen, get_all, module = "sfu._datapath")]
pub struct StreamClosed {
    pub stream: u32,
}

/// What came over TLS is HTTP.
#[pyclass(frozen, module = "sfu._datapath")]
pub struct HttpAccepted {
    local: SocketAddr,
    remote: SocketAddr,
    end: Mutex<Option<StreamEnd>>,
}

impl HttpAccepted {
    pub fn new(local: SocketAddr, remote: SocketAddr, end: StreamEnd) -> Self {
        Self { local, remote, end: Mutex::new(Some(end)) }
    }
}

#[pymethods]
impl HttpAccepted {
    #[getter]
    fn local(&self) -> (String, u16) {
        address_tuple(self.local)
    }

    #[getter]
    fn remote(&self) -> (String, u16) {
        address_tuple(self.remote)
    }

    fn detach(&self) -> PyResult<i32> {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner).take();
        let end = end.ok_or_else(|| PyRuntimeError::new_err("the descriptor was taken already"))?;
        Ok(end.0.as_fd().try_clone_to_owned().map_err(os_error)?.into_raw_fd())
    }
}
