//! Paths, and what comes up about STUN and connections.

use std::net::SocketAddr;
use std::os::fd::{AsFd, IntoRawFd};
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::{address_tuple, os_error, parse_address, Int, U32_MAX};
use crate::event::StreamEnd;
use crate::ids::{RelayId, StreamId};
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

/// A connection to a peer is there.
#[pyclass(frozen, get_all, module = "sfu._datapath")]
pub struct PeerConnected {
    pub relay: u32,
    pub connection: u32,
    pub peer: (String, u16),
}

/// A connection to a peer could not be made, or ended before anybody joined it.
#[pyclass(frozen, get_all, module = "sfu._datapath")]
pub struct PeerFailed {
    pub relay: u32,
    pub connection: u32,
}

/// A peer has connected to an allocation.
#[pyclass(frozen, get_all, module = "sfu._datapath")]
pub struct PeerArrived {
    pub relay: u32,
    pub connection: u32,
    pub peer: (String, u16),
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
