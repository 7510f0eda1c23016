//! Relayed addresses: sockets and listeners that are bound for them, and how an allocation is given them.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::{address_tuple, os_error, parse_address, Int};
use crate::engine::controls::Relayed;
use crate::net::relay_socket::RelaySocket;
use crate::net::sys::tcp;

/// What is bound for a relayed address, until an allocation has it.
struct Slot {
    local: SocketAddr,
    bound: Mutex<Option<Bindable>>,
}

enum Bindable {
    Socket(RelaySocket),
    Listener(TcpListener),
}

impl Slot {
    fn new(local: SocketAddr, bound: Bindable) -> Arc<Self> {
        Arc::new(Self { local, bound: Mutex::new(Some(bound)) })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Bindable>> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A UDP socket for a relayed address that no allocation has yet.
#[pyclass(frozen, module = "sfu._datapath", name = "RelaySocket")]
pub struct RelaySocketObject(Arc<Slot>);

#[pymethods]
impl RelaySocketObject {
    #[new]
    fn new(host: &str, port: Int<0, 65_535>) -> PyResult<Self> {
        let socket = RelaySocket::bind(parse_address(host, port.u16())?).map_err(os_error)?;
        Ok(Self(Slot::new(socket.local(), Bindable::Socket(socket))))
    }

    #[getter]
    fn address(&self) -> (String, u16) {
        address_tuple(self.0.local)
    }
}

/// A listener for a relayed address that no TCP allocation has yet.
#[pyclass(frozen, module = "sfu._datapath", name = "RelayListener")]
pub struct RelayListenerObject(Arc<Slot>);

#[pymethods]
impl RelayListenerObject {
    #[new]
    fn new(host: &str, port: Int<0, 65_535>) -> PyResult<Self> {
        let listener = tcp::listen(parse_address(host, port.u16())?, true).map_err(os_error)?;
        let local = listener.local_addr().map_err(os_error)?;
        Ok(Self(Slot::new(local, Bindable::Listener(listener))))
    }

    #[getter]
    fn address(&self) -> (String, u16) {
        address_tuple(self.0.local)
    }
}

/// A relayed address as `add_relay` takes it, and what is bound for it.
type Argument = (SocketAddr, Option<Arc<Slot>>);

/// Reads the argument of `add_relay` and takes what is bound out of its objects: all of it or, on an error, nothing.
pub fn take_relayed(arguments: &[Bound<'_, PyAny>]) -> PyResult<Vec<Relayed>> {
    let arguments = arguments.iter().map(parse_relayed).collect::<PyResult<Vec<_>>>()?;
    for ipv6 in [false, true] {
        if arguments.iter().filter(|(address, _)| address.is_ipv6() == ipv6).count() > 1 {
            return Err(PyValueError::new_err("relayed: at most one address per family"));
        }
    }
    // Each is there once, for those of different families are different.
    let mut slots: Vec<_> =
        arguments.iter().map(|(address, slot)| (*address, slot.as_ref().map(|slot| slot.lock()))).collect();
    if slots.iter().any(|(_, slot)| slot.as_ref().is_some_and(|slot| slot.is_none())) {
        return Err(PyValueError::new_err("relayed: an allocation has had this socket already"));
    }
    let taken = slots.iter_mut().map(|(address, slot)| match slot.as_mut().and_then(|slot| slot.take()) {
        Some(Bindable::Socket(socket)) => Relayed::Bound(*address, socket),
        Some(Bindable::Listener(listener)) => Relayed::Listening(*address, listener),
        None => Relayed::Virtual(*address),
    });
    Ok(taken.collect())
}

/// An address, a socket or listener, or one of these and the address by which clients know it.
fn parse_relayed(argument: &Bound<'_, PyAny>) -> PyResult<Argument> {
    if let Some(slot) = slot_of(argument) {
        return Ok((slot.local, Some(slot)));
    }
    let (first, second): (Bound<'_, PyAny>, Bound<'_, PyAny>) = argument.extract()?;
    let Some(slot) = slot_of(&first) else {
        let (host, port): (String, Int<0, 65_535>) = argument.extract()?;
        return Ok((parse_address(&host, port.u16())?, None));
    };
    let (host, port): (String, Int<0, 65_535>) = second.extract()?;
    let address = parse_address(&host, port.u16())?;
    if address.is_ipv4() != slot.local.is_ipv4() {
        return Err(PyValueError::new_err("relayed: the socket is of another family than its address"));
    }
    Ok((address, Some(slot)))
}

fn slot_of(object: &Bound<'_, PyAny>) -> Option<Arc<Slot>> {
    let socket = object.cast::<RelaySocketObject>().map(|object| Arc::clone(&object.get().0));
    let slot = socket.or_else(|_| object.cast::<RelayListenerObject>().map(|object| Arc::clone(&object.get().0)));
    slot.ok()
}
