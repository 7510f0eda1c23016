//! The Python module `sfu._datapath`: argument checks, conversions, and nothing else. The only file that names PyO3.
//!
//! Its face, with shapes and errors, is `sfu/_datapath.pyi`.

mod relay;
mod relayed;
mod stats;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyMapping};

use crate::command::{Command, PayloadTypeMap, Reach, RelayChange};
use crate::engine::controls::{Controls, Refused};
use crate::engine::stepper::Stepper;
use crate::engine::{self, Options};
use crate::event::Event;
use crate::ice::Credentials;
use crate::ids::{ConnectionId, EgressId, RelayId, StreamId, TrackId, TransportId};
use crate::media::{self, CodecSpec, Kind, MAX_LAYERS};
use crate::net::listen::BufferSizes;
use crate::net::network::Network;
use crate::net::stream::reception::StreamLimits;
use crate::packet::codec::Codec;
use crate::packet::extensions::{ExtensionKind, ExtensionMap};
use crate::packet::rtp;
use crate::path::Path;
use crate::serial::Unwrapper16;
use crate::srtp::{Opener, Profile, Sealer};
use crate::time::Instant;
use relay::{HttpAccepted, PathObject, PeerArrived, PeerConnected, PeerFailed, StreamClosed, StunReceived};
use relayed::{RelayListenerObject, RelaySocketObject};

/// Longest datagram UDP over IPv4 carries.
const MAX_DATAGRAM: usize = 65_507;

/// Longest ICE user fragment or password (RFC 8839, 5.4).
const MAX_ICE_CHARS: usize = 256;

/// Longest mid, rid or CNAME: what a header extension or an SDES item can carry (RFC 8285, 4.3; RFC 3550, 6.5).
const MAX_NAME: usize = 255;

/// DTLS datagrams per second at most that Python can ask for: it handles a few thousand.
const MAX_DTLS_RATE: i64 = 100_000;

/// Streams one [`SrtpSession`] protects.
const MAX_STREAMS: usize = 64;

/// What the data path does, decided by Python and done by threads that never take the GIL.
#[pymodule]
#[pyo3(name = "_datapath")]
mod module {
    #[pymodule_export]
    use super::{
        AudioLevels, Commands, CoreObject, DtlsReceived, EgressSpec, EngineObject, HttpAccepted, IceConnected,
        LayerChanged, PathObject, PeerArrived, PeerConnected, PeerFailed, RelayListenerObject, RelaySocketObject,
        SrtpSession, StreamClosed, StunReceived, TrackSpec, TransportClosed,
    };
    use pyo3::prelude::*;

    /// `Event`, the union of the event classes.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let mut event = module.getattr("DtlsReceived")?;
        let connections = ["StreamClosed", "HttpAccepted", "PeerConnected", "PeerFailed", "PeerArrived"];
        let media = ["IceConnected", "TransportClosed", "LayerChanged", "AudioLevels", "StunReceived"];
        for other in media.into_iter().chain(connections) {
            event = event.bitor(module.getattr(other)?)?;
        }
        module.add("Event", event)
    }
}

/// A publisher's m-section.
#[pyclass(frozen, module = "sfu._datapath")]
struct TrackSpec(media::TrackSpec);

#[pymethods]
impl TrackSpec {
    #[new]
    #[pyo3(signature = (
        *, kind, mid, codecs, ssrcs=Vec::new(), rids=Vec::new(), nack=false, pli=false, fir=false, twcc=false, remb=false
    ))]
    #[allow(clippy::too_many_arguments, clippy::fn_params_excessive_bools, reason = "keyword arguments in Python")]
    fn new(
        kind: &str,
        mid: Option<String>,
        codecs: Vec<(Int<0, 127>, String, Int<1, U32_MAX>, Option<Int<0, 127>>)>,
        ssrcs: Vec<(Int<0, U32_MAX>, Option<Int<0, U32_MAX>>)>,
        rids: Vec<String>,
        nack: bool,
        pli: bool,
        fir: bool,
        twcc: bool,
        remb: bool,
    ) -> PyResult<Self> {
        if codecs.is_empty() || codecs.len() > 128 {
            return Err(PyValueError::new_err("codecs: 1 to 128 payload types"));
        }
        if ssrcs.len() > MAX_LAYERS || rids.len() > MAX_LAYERS {
            return Err(PyValueError::new_err(format!("ssrcs, rids: at most {MAX_LAYERS} layers")));
        }
        for name in mid.iter().chain(&rids) {
            check_name(name)?;
        }
        let codecs = codecs.into_iter().map(|(payload_type, codec, clock_rate, rtx)| {
            Ok(CodecSpec {
                payload_type: payload_type.u8(),
                codec: parse_codec(&codec)?,
                clock_rate: clock_rate.u32(),
                rtx_payload_type: rtx.map(Int::u8),
            })
        });
        Ok(Self(media::TrackSpec {
            kind: parse_kind(kind)?,
            mid,
            codecs: codecs.collect::<PyResult<_>>()?,
            ssrcs: ssrcs.into_iter().map(|(ssrc, rtx)| (ssrc.u32(), rtx.map(Int::u32))).collect(),
            rids,
            nack,
            pli,
            fir,
            twcc,
            remb,
        }))
    }
}

/// A stream towards a viewer.
#[pyclass(frozen, module = "sfu._datapath")]
struct EgressSpec(media::EgressSpec);

#[pymethods]
impl EgressSpec {
    #[new]
    #[pyo3(signature = (*, kind, mid, ssrc, rtx_ssrc=None, cname, nack=false))]
    fn new(
        kind: &str,
        mid: Option<String>,
        ssrc: Int<0, U32_MAX>,
        rtx_ssrc: Option<Int<0, U32_MAX>>,
        cname: String,
        nack: bool,
    ) -> PyResult<Self> {
        for name in mid.iter().chain([&cname]) {
            check_name(name)?;
        }
        let (ssrc, rtx_ssrc) = (ssrc.u32(), rtx_ssrc.map(Int::u32));
        if rtx_ssrc == Some(ssrc) {
            return Err(PyValueError::new_err("rtx_ssrc: the same as ssrc"));
        }
        Ok(Self(media::EgressSpec { kind: parse_kind(kind)?, mid, ssrc, rtx_ssrc, cname, nack }))
    }
}

/// A DTLS datagram from a validated 5-tuple.
#[pyclass(frozen, get_all, module = "sfu._datapath")]
struct DtlsReceived {
    transport: u32,
    data: Py<PyBytes>,
}

/// A check selected a 5-tuple.
#[pyclass(frozen, get_all, module = "sfu._datapath")]
struct IceConnected {
    transport: u32,
    path: Py<PathObject>,
}

/// The data path dropped a transport on its own.
#[pyclass(frozen, get_all, module = "sfu._datapath")]
struct TransportClosed {
    transport: u32,
    reason: &'static str,
    paths: Py<PyList>,
}

/// A layer began or stopped arriving.
#[pyclass(frozen, get_all, module = "sfu._datapath")]
struct LayerChanged {
    track: u32,
    layer: u8,
    rid: Option<String>,
    active: bool,
}

/// Who was heard in the last window.
#[pyclass(frozen, get_all, module = "sfu._datapath")]
struct AudioLevels {
    levels: Py<PyList>,
}

/// What `Engine` and `Core` have in common.
#[pyclass(frozen, subclass, name = "_Commands", module = "sfu._datapath")]
struct Commands(Arc<dyn Controls>);

#[pymethods]
impl Commands {
    #[pyo3(signature = (*, ufrag, pwd, remote_ufrag, extensions))]
    fn add_transport(
        &self,
        ufrag: String,
        pwd: String,
        remote_ufrag: String,
        extensions: &Bound<'_, PyMapping>,
    ) -> PyResult<u32> {
        let credentials = parse_credentials(ufrag, pwd, remote_ufrag)?;
        Ok(self.0.add_transport(credentials, parse_extensions(extensions)?)?.0)
    }

    fn set_extensions(&self, transport: Id, extensions: &Bound<'_, PyMapping>) -> PyResult<()> {
        let extensions = Box::new(parse_extensions(extensions)?);
        self.submit(Command::SetExtensions { id: TransportId(transport.u32()), extensions })
    }

    fn set_dtls_rate(&self, transport: Id, datagrams_per_second: Int<1, MAX_DTLS_RATE>) -> PyResult<()> {
        let per_second = datagrams_per_second.u32();
        self.submit(Command::SetDtlsRate { id: TransportId(transport.u32()), per_second })
    }

    #[pyo3(signature = (transport, *, ufrag, pwd, remote_ufrag))]
    fn restart_ice(&self, transport: Id, ufrag: String, pwd: String, remote_ufrag: String) -> PyResult<()> {
        let credentials = parse_credentials(ufrag, pwd, remote_ufrag)?;
        Ok(self.0.restart_ice(TransportId(transport.u32()), credentials)?)
    }

    fn remove_transport(&self, transport: Id) -> PyResult<()> {
        Ok(self.0.remove_transport(TransportId(transport.u32()))?)
    }

    fn send_dtls(&self, transport: Id, data: &[u8]) -> PyResult<()> {
        if data.is_empty() || data.len() > MAX_DATAGRAM {
            return Err(PyValueError::new_err("data: 1 to 65507 bytes"));
        }
        self.submit(Command::SendDtls { id: TransportId(transport.u32()), data: data.to_vec() })
    }

    fn install_keys(&self, transport: Id, profile: &str, receive: &[u8], send: &[u8]) -> PyResult<()> {
        let profile = parse_profile(profile)?;
        for key in [receive, send] {
            if key.len() != profile.key_len() + profile.salt_len() {
                return Err(bad_key());
            }
        }
        self.submit(Command::InstallKeys {
            id: TransportId(transport.u32()),
            profile,
            receive: receive.to_vec(),
            send: send.to_vec(),
        })
    }

    fn publish(&self, transport: Id, track: &TrackSpec) -> PyResult<u32> {
        Ok(self.0.publish(TransportId(transport.u32()), track.0.clone())?.0)
    }

    fn unpublish(&self, track: Id) -> PyResult<()> {
        self.submit(Command::Unpublish { id: TrackId(track.u32()) })
    }

    fn forward_layer(&self, track: Id, layer: Layer) -> PyResult<()> {
        self.submit(Command::ForwardLayer { track: TrackId(track.u32()), layer: layer.u8() })
    }

    fn subscribe(&self, transport: Id, egress: &EgressSpec) -> PyResult<u32> {
        Ok(self.0.subscribe(TransportId(transport.u32()), egress.0.clone())?.0)
    }

    #[pyo3(signature = (egress, track, payload_types=PayloadTypes::default(), layer=None))]
    fn set_source(
        &self,
        egress: Id,
        track: Option<Id>,
        payload_types: PayloadTypes,
        layer: Option<Layer>,
    ) -> PyResult<()> {
        self.submit(Command::SetSource {
            egress: EgressId(egress.u32()),
            track: track.map(|track| TrackId(track.u32())),
            payload_types: payload_types.0,
            layer: layer.map(Int::u8),
        })
    }

    #[pyo3(signature = (egress, layer))]
    fn choose_layer(&self, egress: Id, layer: Option<Layer>) -> PyResult<()> {
        self.submit(Command::ChooseLayer { egress: EgressId(egress.u32()), layer: layer.map(Int::u8) })
    }

    fn unsubscribe(&self, egress: Id) -> PyResult<()> {
        self.submit(Command::Unsubscribe { id: EgressId(egress.u32()) })
    }

    fn request_keyframe(&self, track: Id) -> PyResult<()> {
        self.submit(Command::RequestKeyframe { track: TrackId(track.u32()) })
    }

    fn send(&self, path: &PathObject, data: &[u8]) -> PyResult<()> {
        if data.is_empty() || data.len() > MAX_DATAGRAM {
            return Err(PyValueError::new_err("data: 1 to 65507 bytes"));
        }
        self.submit(Command::SendStun { path: path.0, data: data.to_vec() })
    }

    fn close_stream(&self, stream: Id) -> PyResult<()> {
        Ok(self.0.close_stream(StreamId(stream.u32()))?)
    }

    fn connect_peer(&self, relay: Id, peer: (String, Int<0, 65_535>)) -> PyResult<u32> {
        let peer = parse_address(&peer.0, peer.1.u16())?;
        Ok(self.0.connect_peer(RelayId(relay.u32()), peer)?.0)
    }

    fn join_peer(&self, connection: Id, client: &PathObject) -> PyResult<()> {
        let client = client.0.carrier.stream();
        let client = client.ok_or_else(|| PyValueError::new_err("client: not a connection"))?;
        Ok(self.0.join_peer(ConnectionId(connection.u32()), client)?)
    }

    fn close_peer(&self, connection: Id) -> PyResult<()> {
        Ok(self.0.close_peer(ConnectionId(connection.u32()))?)
    }

    #[pyo3(signature = (client, relayed, *, max_bps=Int(0)))]
    fn add_relay(
        &self,
        client: &PathObject,
        relayed: Vec<Bound<'_, PyAny>>,
        max_bps: Int<0, { i64::MAX }>,
    ) -> PyResult<u32> {
        Ok(self.0.add_relay(client.0, relayed::take_relayed(&relayed)?, max_bps.u64() / 8)?.0)
    }

    fn move_relay(&self, relay: Id, client: &PathObject) -> PyResult<()> {
        self.change(RelayChange::Move { id: RelayId(relay.u32()), client: client.0 })
    }

    fn remove_relay(&self, relay: Id) -> PyResult<()> {
        Ok(self.0.remove_relay(RelayId(relay.u32()))?)
    }

    #[pyo3(signature = (relay, ip, *, inside=false))]
    fn permit(&self, relay: Id, ip: &str, inside: bool) -> PyResult<()> {
        let reach = if inside { Reach::Inside } else { Reach::Anywhere };
        self.change(RelayChange::Permit { id: RelayId(relay.u32()), peer: parse_ip(ip)?, reach })
    }

    fn forbid(&self, relay: Id, ip: &str) -> PyResult<()> {
        self.change(RelayChange::Forbid { id: RelayId(relay.u32()), peer: parse_ip(ip)? })
    }

    fn bind_channel(&self, relay: Id, channel: Int<0x4000, 0x7fff>, peer: (String, Int<0, 65_535>)) -> PyResult<()> {
        let peer = parse_address(&peer.0, peer.1.u16())?;
        self.change(RelayChange::BindChannel { id: RelayId(relay.u32()), channel: channel.u16(), peer })
    }

    fn unbind_channel(&self, relay: Id, channel: Int<0x4000, 0x7fff>) -> PyResult<()> {
        self.change(RelayChange::UnbindChannel { id: RelayId(relay.u32()), channel: channel.u16() })
    }

    fn set_own_addresses(&self, addresses: Vec<(String, Int<0, 65_535>)>) -> PyResult<()> {
        self.change(RelayChange::OwnAddresses(parse_addresses(&addresses)?))
    }

    #[pyo3(signature = (limit=1024))]
    fn drain_events<'py>(&self, py: Python<'py>, limit: usize) -> PyResult<Bound<'py, PyList>> {
        let events = self.0.drain_events(limit).into_iter().map(|event| event_object(py, event));
        PyList::new(py, events.collect::<PyResult<Vec<_>>>()?)
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let transports = self.0.stats();
        PyList::new(
            py,
            transports.iter().map(|transport| stats::transport_dict(py, transport)).collect::<PyResult<Vec<_>>>()?,
        )
    }

    fn transport_stats<'py>(&self, py: Python<'py>, transport: Id) -> PyResult<Option<Bound<'py, PyDict>>> {
        let found = self.0.transport_stats(TransportId(transport.u32()));
        found.map(|transport| stats::transport_dict(py, &transport)).transpose()
    }

    fn relay_stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let relays = self.0.relay_stats();
        PyList::new(py, relays.iter().map(|relay| stats::relay_dict(py, relay)).collect::<PyResult<Vec<_>>>()?)
    }

    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counters = PyDict::new(py);
        for (name, value) in self.0.counters() {
            counters.set_item(name, value)?;
        }
        Ok(counters)
    }
}

impl Commands {
    fn submit(&self, command: Command) -> PyResult<()> {
        Ok(self.0.submit(command)?)
    }

    fn change(&self, change: RelayChange) -> PyResult<()> {
        Ok(self.0.change_relays(change)?)
    }
}

/// Worker threads over sockets.
#[pyclass(frozen, name = "Engine", extends = Commands, module = "sfu._datapath")]
struct EngineObject(Arc<engine::Engine>);

#[pymethods]
impl EngineObject {
    #[new]
    #[pyo3(signature = (
        listen, *, tcp=false, tls=Vec::new(), proxies=Vec::new(), workers=Int(0), event_capacity=Int(8192),
        receive_buffer=Int(8 << 20), send_buffer=Int(8 << 20), stun_rate=Int(200), max_streams=Int(4096),
        max_streams_per_source=Int(512)
    ))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn new(
        py: Python<'_>,
        listen: Vec<(String, Int<0, 65_535>)>,
        tcp: bool,
        tls: Vec<(String, Int<0, 65_535>)>,
        proxies: Vec<String>,
        workers: Int<0, { engine::MAX_WORKERS as i64 }>,
        event_capacity: Int<1, 1_048_576>,
        receive_buffer: Int<1, { i32::MAX as i64 }>,
        send_buffer: Int<1, { i32::MAX as i64 }>,
        stun_rate: Int<0, { i32::MAX as i64 }>,
        max_streams: Int<0, 1_048_576>,
        max_streams_per_source: Int<0, 1_048_576>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let (listen, tls) = (parse_addresses(&listen)?, parse_addresses(&tls)?);
        if listen.is_empty() {
            return Err(PyValueError::new_err("listen: at least one address"));
        }
        let options = Options {
            workers: workers.u16(),
            event_capacity: event_capacity.usize(),
            buffers: BufferSizes { receive: receive_buffer.usize(), send: send_buffer.usize() },
            stun_rate: stun_rate.u32(),
            tcp,
            tls,
            proxies: proxies.iter().map(|network| parse_network(network)).collect::<PyResult<_>>()?,
            streams: StreamLimits {
                total: max_streams.usize(),
                per_source: max_streams_per_source.usize(),
                ..StreamLimits::default()
            },
        };
        let engine = Arc::new(py.detach(|| engine::Engine::start(&listen, options)).map_err(os_error)?);
        Ok(PyClassInitializer::from(Commands(Arc::clone(&engine) as _)).add_subclass(Self(engine)))
    }

    #[getter]
    fn local_addresses(&self) -> Vec<(String, u16)> {
        self.0.local_addresses().iter().copied().map(address_tuple).collect()
    }

    #[getter]
    fn tls_addresses(&self) -> Vec<(String, u16)> {
        self.0.tls_addresses().iter().copied().map(address_tuple).collect()
    }

    fn set_certificate(&self, py: Python<'_>, certificate: &[u8], key: &[u8]) -> PyResult<()> {
        let set = py.detach(|| self.0.set_certificate(certificate, key));
        set.map_err(|error| PyValueError::new_err(error.to_string()))
    }

    #[getter]
    fn workers(&self) -> u16 {
        self.0.workers()
    }

    #[getter]
    fn event_fd(&self) -> i32 {
        self.0.event_fd().as_raw_fd()
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.0.close());
    }
}

/// One core in virtual time.
#[pyclass(frozen, name = "Core", extends = Commands, module = "sfu._datapath")]
struct CoreObject(Arc<Stepper>);

/// Local and remote address of a datagram, and its bytes.
type Transmit<'py> = ((String, u16), (String, u16), Bound<'py, PyBytes>);

#[pymethods]
impl CoreObject {
    #[new]
    fn new() -> PyClassInitializer<Self> {
        let stepper = Arc::new(Stepper::new());
        PyClassInitializer::from(Commands(Arc::clone(&stepper) as _)).add_subclass(Self(stepper))
    }

    fn handle_datagram(
        &self,
        now_us: Int<0, { i64::MAX }>,
        local: (String, Int<0, 65_535>),
        remote: (String, Int<0, 65_535>),
        data: &[u8],
    ) -> PyResult<()> {
        let path = Path::udp(parse_address(&local.0, local.1.u16())?, parse_address(&remote.0, remote.1.u16())?);
        self.0.handle_datagram(now_us.instant(), path, &mut data.to_vec());
        Ok(())
    }

    fn handle_timeout(&self, now_us: Int<0, { i64::MAX }>) {
        self.0.handle_timeout(now_us.instant());
    }

    fn next_deadline(&self) -> Option<u64> {
        self.0.next_deadline().map(Instant::as_micros)
    }

    fn poll_transmits<'py>(&self, py: Python<'py>, now_us: Int<0, { i64::MAX }>) -> Vec<Transmit<'py>> {
        let datagrams = self.0.poll_transmits(now_us.instant()).into_iter();
        datagrams
            .map(|(path, data)| (address_tuple(path.local), address_tuple(path.remote), PyBytes::new(py, &data)))
            .collect()
    }
}

/// SRTP in Python's hands.
#[pyclass(frozen, module = "sfu._datapath")]
struct SrtpSession {
    profile: Profile,
    inner: Mutex<SrtpState>,
}

struct SrtpState {
    sealer: Sealer,
    opener: Opener,
    sequences: HashMap<u32, Unwrapper16>,
}

#[pymethods]
impl SrtpSession {
    #[new]
    fn new(profile: &str, receive: &[u8], send: &[u8]) -> PyResult<Self> {
        let profile = parse_profile(profile)?;
        let inner = SrtpState {
            sealer: Sealer::new(profile, send).map_err(|_| bad_key())?,
            opener: Opener::new(profile, receive).map_err(|_| bad_key())?,
            sequences: HashMap::new(),
        };
        Ok(Self { profile, inner: Mutex::new(inner) })
    }

    fn protect_rtp<'py>(&self, py: Python<'py>, packet: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let header = rtp::Header::parse(packet).map_err(|_| malformed())?;
        let mut state = self.state();
        if !state.sequences.contains_key(&header.ssrc) && state.sequences.len() >= MAX_STREAMS {
            return Err(PyValueError::new_err("packet: too many SSRCs"));
        }
        // The extended number of the first packet is 65,536 too high; its roll-over counter is 0 (RFC 3711, 3.3.1).
        let index = state.sequences.entry(header.ssrc).or_default().unwrap(header.sequence);
        let roc = u32::try_from((index >> 16).saturating_sub(1)).map_err(|_| malformed())?;
        let mut buffer = packet.to_vec();
        buffer.resize(packet.len() + self.profile.rtp_overhead(), 0);
        let sealed = state.sealer.seal_rtp(&mut buffer, packet.len(), header.payload_offset, roc);
        let len = sealed.map_err(|_| malformed())?;
        Ok(PyBytes::new(py, &buffer[..len]))
    }

    fn protect_rtcp<'py>(&self, py: Python<'py>, packet: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let mut buffer = packet.to_vec();
        self.state().sealer.seal_rtcp(&mut buffer, 0).map_err(|_| malformed())?;
        Ok(PyBytes::new(py, &buffer))
    }

    fn unprotect_rtp<'py>(&self, py: Python<'py>, packet: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let header = rtp::Header::parse(packet).map_err(|_| malformed())?;
        let mut buffer = packet.to_vec();
        let opened = self.state().opener.open_rtp(&mut buffer, &header);
        let len = opened.map_err(|error| PyValueError::new_err(format!("packet: {error:?}")))?.len;
        Ok(PyBytes::new(py, &buffer[..len]))
    }

    fn unprotect_rtcp<'py>(&self, py: Python<'py>, packet: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let mut buffer = packet.to_vec();
        let opened = self.state().opener.open_rtcp(&mut buffer);
        let len = opened.map_err(|error| PyValueError::new_err(format!("packet: {error:?}")))?;
        Ok(PyBytes::new(py, &buffer[..len]))
    }
}

impl SrtpSession {
    fn state(&self) -> std::sync::MutexGuard<'_, SrtpState> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const U32_MAX: i64 = u32::MAX as i64;

/// A Python int within bounds; outside it is a ValueError, where a plain conversion raises OverflowError.
#[derive(Clone, Copy)]
struct Int<const MIN: i64, const MAX: i64>(i64);

/// The id of a transport, track or egress.
type Id = Int<0, U32_MAX>;

/// The index of a layer.
type Layer = Int<0, { MAX_LAYERS as i64 - 1 }>;

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "every use has bounds that fit")]
impl<const MIN: i64, const MAX: i64> Int<MIN, MAX> {
    fn u8(self) -> u8 {
        const { assert!(MIN >= 0 && MAX <= u8::MAX as i64) };
        self.0 as u8
    }

    fn u16(self) -> u16 {
        const { assert!(MIN >= 0 && MAX <= u16::MAX as i64) };
        self.0 as u16
    }

    fn u32(self) -> u32 {
        const { assert!(MIN >= 0 && MAX <= U32_MAX) };
        self.0 as u32
    }

    fn usize(self) -> usize {
        const { assert!(MIN >= 0 && MAX <= U32_MAX) };
        self.0 as usize
    }

    fn u64(self) -> u64 {
        const { assert!(MIN >= 0) };
        self.0 as u64
    }

    fn instant(self) -> Instant {
        const { assert!(MIN >= 0) };
        Instant::from_micros(self.0 as u64)
    }
}

impl<'py, const MIN: i64, const MAX: i64> FromPyObject<'_, 'py> for Int<MIN, MAX> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let out_of_bounds = || PyValueError::new_err(format!("an integer of {MIN} to {MAX} is required"));
        match object.extract::<i64>() {
            Ok(value) if (MIN..=MAX).contains(&value) => Ok(Self(value)),
            Ok(_) => Err(out_of_bounds()),
            Err(error) if error.is_instance_of::<pyo3::exceptions::PyOverflowError>(object.py()) => {
                Err(out_of_bounds())
            }
            Err(error) => Err(error),
        }
    }
}

/// A mapping of a publisher's payload type to a viewer's, and that of its retransmissions.
#[derive(Default)]
struct PayloadTypes(PayloadTypeMap);

impl<'py> FromPyObject<'_, 'py> for PayloadTypes {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let mut map = PayloadTypeMap::new();
        for item in object.cast::<PyMapping>()?.items()?.iter() {
            let (from, (to, rtx)): (Int<0, 127>, (Int<0, 127>, Option<Int<0, 127>>)) = item.extract()?;
            map.push((from.u8(), (to.u8(), rtx.map(Int::u8))));
        }
        Ok(Self(map))
    }
}

impl From<Refused> for PyErr {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unwatchable => PyOSError::new_err(refused.to_string()),
            Refused::UfragTaken => PyValueError::new_err(refused.to_string()),
            Refused::Overloaded | Refused::IdsExhausted | Refused::Closed => {
                PyRuntimeError::new_err(refused.to_string())
            }
        }
    }
}

/// With `errno`, from which Python chooses the subclass and which it puts before the text.
fn os_error(error: io::Error) -> PyErr {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(code) => PyOSError::new_err((code, text.trim_end_matches(&format!(" (os error {code})")).to_owned())),
        None => PyOSError::new_err(text),
    }
}

fn malformed() -> PyErr {
    PyValueError::new_err("packet: malformed")
}

fn bad_key() -> PyErr {
    PyValueError::new_err("receive, send: master key and salt have the wrong length")
}

fn parse_address(host: &str, port: u16) -> PyResult<SocketAddr> {
    Ok(SocketAddr::new(parse_ip(host)?, port))
}

fn parse_addresses(addresses: &[(String, Int<0, 65_535>)]) -> PyResult<Vec<SocketAddr>> {
    addresses.iter().map(|(host, port)| parse_address(host, port.u16())).collect()
}

fn parse_network(network: &str) -> PyResult<Network> {
    let wrong = || PyValueError::new_err("proxies: IP addresses or networks, e.g. \"10.0.0.0/8\"");
    Network::parse(network).ok_or_else(wrong)
}

fn parse_ip(host: &str) -> PyResult<IpAddr> {
    host.parse().map_err(|_| PyValueError::new_err("host: not an IP address"))
}

fn address_tuple(address: SocketAddr) -> (String, u16) {
    (address.ip().to_string(), address.port())
}

fn parse_kind(kind: &str) -> PyResult<Kind> {
    match kind {
        "audio" => Ok(Kind::Audio),
        "video" => Ok(Kind::Video),
        _ => Err(PyValueError::new_err("kind: \"audio\" or \"video\"")),
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Audio => "audio",
        Kind::Video => "video",
    }
}

fn parse_codec(name: &str) -> PyResult<Codec> {
    match name {
        "other" => Ok(Codec::Other),
        _ => Codec::from_name(name).ok_or_else(|| PyValueError::new_err("codec: unknown name")),
    }
}

fn parse_profile(name: &str) -> PyResult<Profile> {
    Profile::from_name(name).ok_or_else(|| PyValueError::new_err("profile: unknown name"))
}

fn check_name(name: &str) -> PyResult<()> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(PyValueError::new_err(format!("mid, rid, cname: 1 to {MAX_NAME} bytes")));
    }
    Ok(())
}

/// Lengths and characters of RFC 8445, 5.3 and RFC 8839, 5.4.
fn parse_credentials(ufrag: String, pwd: String, remote_ufrag: String) -> PyResult<Credentials> {
    for (name, value, min) in [("ufrag", &ufrag, 4), ("pwd", &pwd, 22), ("remote_ufrag", &remote_ufrag, 4)] {
        let is_ice_char = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        if !(min..=MAX_ICE_CHARS).contains(&value.len()) || !value.bytes().all(is_ice_char) {
            return Err(PyValueError::new_err(format!("{name}: {min} to {MAX_ICE_CHARS} characters of A-Za-z0-9+/")));
        }
    }
    Ok(Credentials { ufrag, pwd, remote_ufrag })
}

fn parse_extensions(extensions: &Bound<'_, PyMapping>) -> PyResult<ExtensionMap> {
    let mut pairs = Vec::new();
    for item in extensions.items()?.iter() {
        let (uri, id): (String, Int<1, 255>) = item.extract()?;
        pairs.extend(ExtensionKind::from_uri(&uri).map(|kind| (kind, id.u8())));
    }
    Ok(ExtensionMap::new(pairs))
}

fn event_object(py: Python<'_>, event: Event) -> PyResult<Bound<'_, PyAny>> {
    Ok(match event {
        Event::DtlsReceived { transport, data } => {
            let data = PyBytes::new(py, &data).unbind();
            Bound::new(py, DtlsReceived { transport: transport.0, data })?.into_any()
        }
        Event::IceConnected { transport, path } => {
            let path = Py::new(py, PathObject(path))?;
            Bound::new(py, IceConnected { transport: transport.0, path })?.into_any()
        }
        Event::TransportClosed { transport, reason, paths } => {
            let paths = stats::path_dicts(py, &paths)?.unbind();
            Bound::new(py, TransportClosed { transport: transport.0, reason: reason.as_str(), paths })?.into_any()
        }
        Event::LayerChanged { track, layer, rid, active } => {
            Bound::new(py, LayerChanged { track: track.0, layer, rid, active })?.into_any()
        }
        Event::AudioLevels { levels } => {
            let levels = levels.iter().map(|(track, it)| (track.0, it.loudest, stats::millis(it.active)));
            let levels = PyList::new(py, levels.collect::<Vec<_>>())?.unbind();
            Bound::new(py, AudioLevels { levels })?.into_any()
        }
        Event::StunReceived { path, data } => {
            let (path, data) = (Py::new(py, PathObject(path))?, PyBytes::new(py, &data).unbind());
            Bound::new(py, StunReceived { path, data })?.into_any()
        }
        Event::PeerConnected { relay, connection, peer } => {
            let peer = address_tuple(peer);
            Bound::new(py, PeerConnected { relay: relay.0, connection: connection.0, peer })?.into_any()
        }
        Event::PeerFailed { relay, connection } => {
            Bound::new(py, PeerFailed { relay: relay.0, connection: connection.0 })?.into_any()
        }
        Event::PeerArrived { relay, connection, peer } => {
            let peer = address_tuple(peer);
            Bound::new(py, PeerArrived { relay: relay.0, connection: connection.0, peer })?.into_any()
        }
        Event::StreamClosed { stream } => Bound::new(py, StreamClosed { stream: stream.0 })?.into_any(),
        Event::HttpAccepted { local, remote, end } => Bound::new(py, HttpAccepted::new(local, remote, end))?.into_any(),
    })
}
