"""All transports by the data path's id: what happens to which, and when."""

from collections.abc import Callable, Mapping

from sfu._datapath import DtlsReceived, IceConnected, LayerChanged, TransportClosed
from sfu.attributes import IceCredentials
from sfu.certificate import DtlsCertificate
from sfu.datapath import DataPath, MediaEvent
from sfu.deadlines import Deadlines
from sfu.errors import Overloaded
from sfu.events import Signal
from sfu.ids import RandomBytes
from sfu.negotiation import RemoteTransport
from sfu.transport import Transport, TransportState

_TOO_MANY_TRANSPORTS_RETRY = 10.0
_TOO_MANY_HANDSHAKES_RETRY = 1.0


class Transports:
    """`rescheduled` says that `next_deadline` may have moved; `layer_changed` passes on what is about tracks."""

    def __init__(
        self,
        datapath: DataPath,
        certificate: DtlsCertificate,
        *,
        clock: Callable[[], float],
        random_bytes: RandomBytes,
        handshake_timeout: float,
        max_transports: int,
        max_handshakes: int,
    ) -> None:
        self.rescheduled = Signal[[]]()
        self.layer_changed = Signal[[LayerChanged]]()
        self._datapath = datapath
        self._certificate = certificate
        self._clock = clock
        self._random_bytes = random_bytes
        self._handshake_timeout = handshake_timeout
        self._max_transports = max_transports
        self._max_handshakes = max_handshakes
        self._transports: dict[int, Transport] = {}
        self._connecting: set[int] = set()
        self._deadlines = Deadlines[int]()

    def open(
        self, remote: RemoteTransport, extensions: Mapping[str, int], ice: IceCredentials, *, keep_listening: bool
    ) -> Transport:
        """A transport that waits for the client. Overloaded ("too-many-sessions", "too-many-handshakes")."""
        self.check_space()
        transport = Transport(
            self._datapath,
            self._certificate,
            remote,
            ice,
            extensions,
            now=self._clock(),
            handshake_timeout=self._handshake_timeout,
            keep_listening=keep_listening,
            random_bytes=self._random_bytes,
        )
        self._transports[transport.id] = transport
        self._connecting.add(transport.id)
        transport.closed.connect(lambda _: self._forget(transport))
        self._reschedule(transport)
        return transport

    def check_space(self) -> None:
        if len(self._transports) >= self._max_transports:
            raise Overloaded("too-many-sessions", "the server is full", retry_after=_TOO_MANY_TRANSPORTS_RETRY)
        if len(self._connecting) >= self._max_handshakes:
            raise Overloaded("too-many-handshakes", "too many are joining", retry_after=_TOO_MANY_HANDSHAKES_RETRY)

    def handle_event(self, event: MediaEvent) -> None:
        """Events about a transport that is gone are normal and mean nothing."""
        if isinstance(event, LayerChanged):
            self.layer_changed.emit(event)
            return
        transport = self._transports.get(event.transport)
        if transport is None:
            return
        match event:
            case DtlsReceived():
                transport.handle_dtls(event.data, self._clock())
            case IceConnected():
                transport.handle_ice_connected(self._clock())
            case TransportClosed():
                transport.handle_closed(event.reason, event.paths)
        self._reschedule(transport)

    def next_deadline(self) -> float | None:
        return self._deadlines.next()

    def handle_timeout(self, now: float) -> None:
        for transport_id in list(self._deadlines.pop_due(now)):
            transport = self._transports.get(transport_id)
            if transport is not None:
                transport.handle_timeout(now)
                self._reschedule(transport)

    def close(self) -> None:
        for transport in list(self._transports.values()):
            transport.close()

    def _reschedule(self, transport: Transport) -> None:
        if transport.state is not TransportState.CONNECTING:
            self._connecting.discard(transport.id)
        if transport.id in self._transports:
            self._deadlines.set(transport.id, transport.deadline)
            self.rescheduled.emit()

    def _forget(self, transport: Transport) -> None:
        self._transports.pop(transport.id, None)
        self._connecting.discard(transport.id)
        self._deadlines.set(transport.id, None)
