"""Data channels over real DTLS in memory: ours on a `Transport`, and aiortc's own at the other end."""

import asyncio
import random
from collections.abc import Callable
from typing import cast

from aiortc.rtcdatachannel import RTCDataChannel, RTCDataChannelParameters
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcsctptransport import RTCSctpCapabilities, RTCSctpTransport

from sfu.attributes import IceCredentials
from sfu.data_channels import DataChannel, DataChannels
from sfu.dtls import DtlsEndpoint, DtlsState
from sfu.negotiation import RemoteTransport
from sfu.sctp_association import SCTP_PORT
from sfu.transport import Transport
from tests.sfu.handshakes import Fate, certificate
from tests.sfu.peers import eventually
from tests.sfu.recorder import Recorder


class Wire(Recorder):
    """A data path of one transport: what it sends lies in `sent`, and `flush` is called."""

    def __init__(self, flush: Callable[[], None]) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self._flush = flush

    def send_dtls(self, transport: int, data: bytes) -> None:
        self.sent.append(data)
        self._flush()


class Carrier:
    """The client's DTLS, as aiortc's SCTP wants it. `received` are SCTP packets."""

    state = "connected"
    _role = "client"

    def __init__(self, dtls: DtlsEndpoint, flush: Callable[[], None]) -> None:
        self.received: list[bytes] = []
        self.sent: list[bytes] = []
        self._dtls = dtls
        self._flush = flush

    async def _send_data(self, packet: bytes) -> None:
        self.send(packet)

    def send(self, packet: bytes) -> None:
        self.sent.append(packet)
        self._dtls.send(packet)
        self._flush()

    def _register_data_receiver(self, _: object) -> None:
        pass

    def _unregister_data_receiver(self, _: object) -> None:
        pass


class Call:
    """One client with data channels. `fate` says what arrives of each datagram, in either direction, once connected.

    Datagrams are delivered in later turns of the event loop. Ours believe to use `cpu_per_look` seconds of the
    processor between two looks at its clock.
    """

    def __init__(
        self,
        *,
        fate: Fate = lambda datagram: [datagram],
        remote_max_message_size: int = 65_536,
        keep_listening: bool = True,
        **limits: int,
    ) -> None:
        self.wire = Wire(self._flush_soon)
        ours, theirs = certificate(), certificate()
        remote = RemoteTransport(IceCredentials("peer", "p" * 24), (theirs.fingerprint,), "server")
        self.transport = Transport(
            self.wire,
            ours,
            remote,
            IceCredentials("ours", "o" * 24),
            {},
            now=0.0,
            handshake_timeout=15.0,
            keep_listening=keep_listening,
            random_bytes=random.Random(1).randbytes,
        )
        self.now = 0.0
        self.cpu_per_look = 0.0
        self._cpu = 0.0
        self.channels = DataChannels(self.transport, clock=lambda: self.now, cpu_clock=self._cpu_clock, **limits)
        self.opened: list[DataChannel] = []
        self.received: list[tuple[str, bytes]] = []
        self.failures: list[str] = []
        self.channels.opened.connect(self.opened.append)
        self.channels.received.connect(lambda channel, data: self.received.append((channel.label, data)))
        self.channels.failed.connect(self.failures.append)
        self.client_dtls = DtlsEndpoint(theirs.context, "client", [ours.fingerprint])
        self.carrier = Carrier(self.client_dtls, self._flush_soon)
        self.client = RTCSctpTransport(cast("RTCDtlsTransport", self.carrier))
        self.client_messages: list[tuple[str, bytes | str]] = []
        self.client_channels: list[RTCDataChannel] = []
        self.client.on("datachannel", self._hear)
        self._fate: Fate = lambda datagram: [datagram]
        self._wanted_fate = fate
        self._remote_max_message_size = remote_max_message_size
        self._flushing = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def connect(self, *, client: bool = True) -> None:
        """DTLS; then SCTP on our side and, if `client`, on aiortc's."""
        self.client_dtls.start()
        self._flush()
        assert self.client_dtls.state is DtlsState.CONNECTED
        self._fate = self._wanted_fate
        self.channels.start(SCTP_PORT, self._remote_max_message_size)
        self._flush_soon()
        if client:
            await self.client.start(RTCSctpCapabilities(maxMessageSize=65_536), SCTP_PORT)
            await eventually(lambda: self.client.state == "connected")

    def open(self, label: str, *, ordered: bool = True, max_retransmits: int | None = None) -> RTCDataChannel:
        """The client's."""
        channel = RTCDataChannel(
            self.client, RTCDataChannelParameters(label=label, ordered=ordered, maxRetransmits=max_retransmits)
        )
        self._hear(channel)
        return channel

    async def open_all(self, *labels: str) -> list[tuple[RTCDataChannel, DataChannel]]:
        """The client's, and ours beside each."""
        theirs = [self.open(label) for label in labels]
        await eventually(lambda: len(self.opened) >= len(labels))
        return [(channel, next(o for o in self.opened if o.label == channel.label)) for channel in theirs]

    def cut(self) -> None:
        """From now on nothing arrives."""
        self._fate = lambda _: []

    async def close(self) -> None:
        self.channels.close()
        await self.client.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _hear(self, channel: RTCDataChannel) -> None:
        self.client_channels.append(channel)
        channel.on("message", lambda message: self.client_messages.append((channel.label, message)))

    def _cpu_clock(self) -> float:
        self._cpu += self.cpu_per_look
        return self._cpu

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Carry datagrams to and fro until there are none."""
        self._flushing = False
        moved = True
        while moved:
            down, self.wire.sent = self.wire.sent, []
            up = self.client_dtls.datagrams()
            moved = bool(down or up)
            for datagram in self._arriving(down):
                self.client_dtls.handle_datagram(datagram)
            for datagram in self._arriving(up):
                self.transport.handle_dtls(datagram, self.now)
            for packet in self.client_dtls.received():
                self.carrier.received.append(packet)
                task = asyncio.ensure_future(self.client._handle_data(packet))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        if self._tasks:
            self._flush_soon()

    def _arriving(self, datagrams: list[bytes]) -> list[bytes]:
        return [arriving for datagram in datagrams for arriving in self._fate(datagram)]
