"""One peer connection: its ICE credentials, its DTLS association, and what the data path calls it."""

import enum
from collections.abc import Mapping, Sequence

from sfu.attributes import IceCredentials
from sfu.certificate import DtlsCertificate
from sfu.datapath import DataPath
from sfu.dtls import DtlsEndpoint, DtlsState
from sfu.dtls_client import DtlsClient
from sfu.events import Signal
from sfu.ids import RandomBytes
from sfu.negotiation import RemoteTransport
from sfu.stats import PathStats

# For how long a peer may still miss our last flight and ask for it again, after which OpenSSL's state is let go.
LINGER_SECONDS = 10.0


class TransportState(enum.Enum):
    """CONNECTING (ICE, then DTLS) → CONNECTED → CLOSED; either may be skipped."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    CLOSED = "closed"


class Transport:
    """Handed its events and the time by `Transports`; after each call it has one `deadline` (monotonic seconds or
    None).

    `connected` fires once, when SRTP keys are in place; `closed` once, with the reason: "closed" (our own doing),
    "peer-closed", "handshake-timeout", "handshake-failed", or the data path's. `ended` keeps the reason, `failure` what
    DTLS says of it. `data_received` has the DTLS application data of one record, from `connected` to `closed`.
    """

    def __init__(
        self,
        datapath: DataPath,
        certificate: DtlsCertificate,
        remote: RemoteTransport,
        ice: IceCredentials,
        extensions: Mapping[str, int],
        *,
        now: float,
        handshake_timeout: float,
        keep_listening: bool,
        random_bytes: RandomBytes,
    ) -> None:
        self.ice = ice
        self.state = TransportState.CONNECTING
        self.failure: str | None = None
        self.ended: str | None = None
        self.was_connected = False
        self.opened_at = now
        self.connected = Signal[[]]()
        self.closed = Signal[[str]]()
        self.data_received = Signal[[bytes]]()
        self.deadline: float | None = None
        self._datapath = datapath
        self._dtls = (
            DtlsEndpoint(certificate.context, "server", remote.fingerprints)
            if remote.our_role == "server"
            else DtlsClient(certificate, remote.fingerprints, random_bytes)
        )
        self._started = False
        # Whether the peer is to be understood after the linger, its close_notify and its application data, which costs
        # OpenSSL's memory.
        self._keep_listening = keep_listening
        self._handshake_due = now + handshake_timeout
        self._release_due: float | None = None
        self._last_paths: Sequence[PathStats] | None = None
        self._last_dtls: DtlsState | None = None
        self.id = datapath.add_transport(
            ufrag=ice.ufrag, pwd=ice.pwd, remote_ufrag=remote.ice.ufrag, extensions=extensions
        )
        self._reschedule(now)

    def handle_ice_connected(self, now: float) -> None:
        """A 5-tuple is there: as DTLS client, begin."""
        if not self._started and self.state is TransportState.CONNECTING:
            self._started = True
            self._dtls.start()
            self._settle(now)

    def handle_dtls(self, datagram: bytes, now: float) -> None:
        if self.state is not TransportState.CLOSED:
            self._dtls.handle_datagram(datagram)
            self._settle(now)

    def handle_timeout(self, now: float) -> None:
        if self.state is TransportState.CLOSED:
            return
        if self.state is TransportState.CONNECTING and now >= self._handshake_due:
            self._end("handshake-timeout")
            return
        if self._release_due is not None and now >= self._release_due:
            self._release_due = None
            self._dtls.release()
        self._dtls.handle_timeout()
        self._settle(now)

    def handle_closed(self, reason: str, paths: Sequence[PathStats]) -> None:
        """The data path has dropped it; `paths` as they then were."""
        self._last_paths = paths
        self._end(reason)

    @property
    def paths(self) -> Sequence[PathStats]:
        """Where the client tried to reach it, at most about a second old; in the end, as it then was."""
        if self._last_paths is not None:
            return self._last_paths
        stats = self._datapath.transport_stats(self.id)
        return stats["paths"] if stats else ()

    @property
    def carries_data(self) -> bool:
        """Whether it ever can: not as DTLS client, and not without `keep_listening`."""
        return self._keep_listening and isinstance(self._dtls, DtlsEndpoint)

    @property
    def dtls(self) -> DtlsState:
        """In the end, as it was before."""
        return self._last_dtls or self._dtls.state

    def restart_ice(self, ice: IceCredentials, remote_ufrag: str) -> None:
        self.ice = ice
        self._datapath.restart_ice(self.id, ufrag=ice.ufrag, pwd=ice.pwd, remote_ufrag=remote_ufrag)

    def send_data(self, data: bytes) -> None:
        """Application data of 1 to `sfu.dtls.MAX_DATA` bytes in one record; nothing where none can be carried (yet)."""
        if self.state is TransportState.CONNECTED and isinstance(self._dtls, DtlsEndpoint):
            self._dtls.send(data)
            self._send()

    def close(self) -> None:
        """Say goodbye and go; idempotent."""
        self._end("closed")

    def _settle(self, now: float) -> None:
        """Send what DTLS has to send, and draw the consequences of its state."""
        self._send()
        if self._dtls.state is DtlsState.CONNECTED and self.state is TransportState.CONNECTING:
            self._connect(now)
        self._pass_on()
        match self._dtls.state:
            case DtlsState.FAILED:
                self.failure = self._dtls.failure
                self._end("handshake-failed")
            case DtlsState.CLOSED:
                self._end("peer-closed")
        self._reschedule(now)

    def _pass_on(self) -> None:
        """Taken from DTLS in any case, so that it keeps none."""
        if isinstance(self._dtls, DtlsEndpoint):
            for data in self._dtls.received():
                if self.state is TransportState.CONNECTED:
                    self.data_received.emit(data)

    def _connect(self, now: float) -> None:
        keys = self._dtls.keys
        if keys is None:
            return
        self.state = TransportState.CONNECTED
        self.was_connected = True
        if not self._keep_listening:
            self._release_due = now + LINGER_SECONDS
        self._datapath.install_keys(self.id, keys.profile, keys.receive, keys.send)
        self.connected.emit()

    def _end(self, reason: str) -> None:
        if self.state is TransportState.CLOSED:
            return
        self.state = TransportState.CLOSED
        self.ended = reason
        self.deadline = None
        self._last_paths, self._last_dtls = self.paths, self.dtls
        self._dtls.close()
        self._send()
        self._datapath.remove_transport(self.id)
        self.closed.emit(reason)

    def _send(self) -> None:
        for datagram in self._dtls.datagrams():
            self._datapath.send_dtls(self.id, datagram)

    def _reschedule(self, now: float) -> None:
        if self.state is TransportState.CLOSED:
            return
        retransmission = self._dtls.timeout()
        self.deadline = min(
            (
                due
                for due in (
                    self._handshake_due if self.state is TransportState.CONNECTING else None,
                    self._release_due,
                    None if retransmission is None else now + retransmission,
                )
                if due is not None
            ),
            default=None,
        )
