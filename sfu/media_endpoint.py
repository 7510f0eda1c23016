"""The running half of the SFU: sockets, the process's certificate, and everybody's transports."""

from collections.abc import Callable
from datetime import datetime

from sfu._datapath import (
    AudioLevels,
    Engine,
    HttpAccepted,
    Path,
    PeerArrived,
    PeerConnected,
    PeerFailed,
    StreamClosed,
    StunReceived,
)
from sfu.addresses import announced_addresses, interface_addresses
from sfu.answer import LocalTransport
from sfu.attributes import IceCredentials
from sfu.candidates import host_candidates
from sfu.certificate import DtlsCertificate
from sfu.datapath import Event
from sfu.events import Signal
from sfu.ids import RandomBytes
from sfu.pump import EventPump
from sfu.settings import SfuSettings
from sfu.transports import Transports


class MediaEndpoint:
    """Open from its making until `close`. OSError: an address cannot be bound.

    `stun_received`, `stream_closed` and `http_accepted` pass on what is not media, `audio_levels` who was heard: see
    `sfu._datapath.AudioLevels`.
    """

    def __init__(
        self, settings: SfuSettings, *, clock: Callable[[], float], now: datetime, random_bytes: RandomBytes
    ) -> None:
        self.stun_received = Signal[[Path, bytes]]()
        self.stream_closed = Signal[[int]]()
        self.http_accepted = Signal[[HttpAccepted]]()
        self.audio_levels = Signal[[AudioLevels]]()
        self.engine = Engine(
            (*settings.listen, *settings.unannounced),
            workers=settings.workers,
            tcp=settings.tcp,
            tls=settings.tls,
            proxies=settings.proxies,
        )
        self.transports = Transports(
            self.engine,
            certificate := DtlsCertificate(now),
            clock=clock,
            random_bytes=random_bytes,
            handshake_timeout=settings.handshake_timeout,
            max_transports=settings.max_sessions,
            max_handshakes=settings.max_handshakes,
        )
        self.announced = announced_addresses(
            self.engine.local_addresses[: len(settings.listen)],
            interface_addresses(),
            public_ips=settings.public_ips,
            include_loopback=settings.include_loopback,
        )
        self.candidates = host_candidates(self.announced, tcp=settings.tcp)
        self._fingerprint = certificate.fingerprint
        self._pump = EventPump(self.engine, self._handle_event)
        self._pump.start()

    @property
    def port(self) -> int:
        return self.engine.local_addresses[0][1]

    def local(self, ice: IceCredentials, session_id: int) -> LocalTransport:
        """What a description says of our side. session_id: a random number of 63 bits (RFC 8829, 5.2.1), the same in
        all descriptions of a connection.
        """
        return LocalTransport(ice, self._fingerprint, self.candidates, session_id)

    def _handle_event(self, event: Event) -> None:
        match event:
            case StunReceived():
                self.stun_received.emit(event.path, event.data)
            case StreamClosed():
                self.stream_closed.emit(event.stream)
            case HttpAccepted():
                self.http_accepted.emit(event)
            case AudioLevels():
                self.audio_levels.emit(event)
            case PeerConnected() | PeerFailed() | PeerArrived():
                pass  # of TCP allocations, which there are none of beside an SFU
            case _:
                self.transports.handle_event(event)

    def close(self) -> None:
        """Say goodbye on every transport, then close the sockets."""
        self.transports.close()
        self._pump.close()
        self.engine.close()
