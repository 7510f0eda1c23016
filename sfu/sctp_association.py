"""One SCTP association (RFC 8261): aiortc's, driven synchronously, without tasks, and watched.

Nothing it awaits ever waits, since sending is a call; so each of its coroutines ends in the call that began it. It
starts them with `ensure_future` as well, which leaves a future that is done as it is: hence the methods below that are
no coroutines. All of this leans on aiortc's private names; the tests are what holds it in place.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Literal, cast

from aiortc.rtcdatachannel import RTCDataChannel, RTCDataChannelParameters
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcsctptransport import (
    Chunk,
    RTCSctpCapabilities,
    RTCSctpTransport,
    StreamAddOutgoingParam,
    StreamResetOutgoingParam,
    StreamResetResponseParam,
)

from sfu.dtls import MAX_DATA
from sfu.errors import Malformed, Rejected
from sfu.sctp_guard import Contents, check, check_control_message

SCTP_PORT = 5000
# What lies further ahead of the next TSN is lost, as behind a small receive window: aiortc sorts what came out of order
# with every chunk. A SACK with a gap after every other TSN fits into one packet, whatever is lost.
RECEIVE_WINDOW_CHUNKS = 384
RECEIVE_WINDOW_BYTES = 512 * 1024
# No implementation cuts a message into smaller parts.
MIN_FRAGMENT_BYTES = 512
# Bounds what is in flight, which aiortc goes through with every message and every acknowledgement.
MAX_CONGESTION_WINDOW = 64 * 1024

_DCEP, _STRING, _BINARY, _STRING_EMPTY, _BINARY_EMPTY = 50, 51, 53, 56, 57
_HALF = 1 << 31
_MODULO = 1 << 32

Reconfiguration = StreamAddOutgoingParam | StreamResetOutgoingParam | StreamResetResponseParam


class Association(RTCSctpTransport):
    """After every call, also of `run`'s caller, look at `opened` and `messages`, and whether it `is_closed`.

    send: takes one packet. run: is handed what a timer has to do. Any exception, of what `run` does too, means that the
    association cannot go on; what is the peer's doing is an SfuError.
    """

    def __init__(
        self,
        role: Literal["client", "server"],
        *,
        send: Callable[[bytes], None],
        run: Callable[[Callable[[], None]], None],
        max_message_size: int,
        max_channels: int,
    ) -> None:
        super().__init__(cast("RTCDtlsTransport", _Carrier(role, send)), SCTP_PORT)
        self.opened: deque[RTCDataChannel] = deque()
        self.messages: deque[tuple[RTCDataChannel, bytes]] = deque()
        self.was_established = False
        self.is_closed = False
        self._max_message_size = max_message_size
        self._max_channels = max_channels
        self._max_held_chunks = RECEIVE_WINDOW_CHUNKS + max_message_size // MIN_FRAGMENT_BYTES
        self._advertised_rwnd = RECEIVE_WINDOW_BYTES
        # Each side opens every other one (RFC 8832, 6), and one too many is told what is wrong.
        self._inbound_streams_max = 2 * (max_channels + 1)
        loop = asyncio.get_running_loop()
        self._done = loop.create_future()
        self._done.set_result(None)
        self._loop = cast("asyncio.AbstractEventLoop", _Timers(loop, run))
        self.on("datachannel", self.opened.append)

    @property
    def waiting_messages(self) -> int:
        """How many messages wait, those in flight apart."""
        return len(self._data_channel_queue)

    def connect(self, remote_port: int, remote_max_message_size: int) -> None:
        self._run(self.start(RTCSctpCapabilities(maxMessageSize=remote_max_message_size), remote_port))

    def handle_packet(self, packet: bytes) -> bool:
        """False: it is as if it had been lost, since it is malformed or comes at the wrong time."""
        try:
            contents = check(packet)
        except Malformed:
            return False
        if not self._admits(contents):
            return False
        self._run(self._handle_data(packet))
        self._cwnd = min(self._cwnd, MAX_CONGESTION_WINDOW)
        if sum(len(stream.reassembly) for stream in self._inbound_streams.values()) > self._max_held_chunks:
            raise Rejected("unfinished-messages", "messages are begun and not ended")
        return True

    def open(self, label: str, *, ordered: bool, max_retransmits: int | None) -> RTCDataChannel:
        parameters = RTCDataChannelParameters(label=label, ordered=ordered, maxRetransmits=max_retransmits)
        channel = RTCDataChannel(self, parameters)
        channel.on("open", lambda: self.opened.append(channel))
        return channel

    def abort(self) -> None:
        """Say ABORT; no timer is left."""
        try:
            self._run(self.stop())
        finally:
            for timer in (self._t1_handle, self._t2_handle, self._t3_handle, self._reconfig_handle):
                if timer is not None:
                    timer.cancel()

    def _admits(self, contents: Contents) -> bool:
        """Whether aiortc can be trusted with it now; what is not may have been late, or is lost."""
        state, last = self._association_state, self._last_received_tsn
        if contents.is_init:
            # It would begin again with it; a peer that really does begins with another DTLS association.
            return state in (self.State.COOKIE_WAIT, self.State.COOKIE_ECHOED) and not self._inbound_streams
        if contents.tsns or contents.forward:
            if last is None or state is self.State.COOKIE_WAIT:
                return False  # before there is an association
            if any(stream >= self._inbound_streams_max for stream in contents.streams):
                raise Rejected("no-such-stream", "more streams are used than were offered")
            for edge in (last, *contents.forward):
                if any(RECEIVE_WINDOW_CHUNKS < (tsn - edge) % _MODULO <= _HALF for tsn in contents.tsns):
                    return False
        # Only what was sent can be acknowledged, and it is counted TSN by TSN.
        return all(reach <= (self._local_tsn - 1 - tsn) % _MODULO < _HALF for tsn, reach in contents.acknowledged)

    async def _receive(self, stream_id: int, pp_id: int, data: bytes) -> None:
        if len(data) > self._max_message_size:
            raise Rejected("message-too-large", f"messages have at most {self._max_message_size} bytes")
        channel = self._data_channels.get(stream_id)
        if pp_id == _DCEP:
            if check_control_message(data):
                self._check_open(stream_id)
            elif channel is None:
                raise Rejected("no-such-stream", "a channel was acknowledged that nobody opened")
            await super()._receive(stream_id, pp_id, data)
        elif channel is not None and pp_id in (_STRING, _BINARY):
            self.messages.append((channel, data))
        elif channel is not None and pp_id in (_STRING_EMPTY, _BINARY_EMPTY):
            self.messages.append((channel, b""))

    def _check_open(self, stream_id: int) -> None:
        if stream_id in self._data_channels:
            raise Rejected("channel-in-use", "a channel was opened on the stream of another")
        if len(self._data_channels) >= self._max_channels:
            raise Rejected("too-many-channels", f"at most {self._max_channels} channels at a time")

    def _set_state(self, state: RTCSctpTransport.State) -> None:
        self.was_established = self.was_established or state is self.State.ESTABLISHED
        self.is_closed = self.is_closed or state is self.State.CLOSED
        super()._set_state(state)

    def _run(self, coroutine: Coroutine[object, None, None]) -> "asyncio.Future[None]":
        try:
            coroutine.send(None)
        except StopIteration:
            return self._done
        coroutine.close()
        raise RuntimeError("SCTP waits for something")

    def _send_chunk(self, chunk: Chunk) -> "asyncio.Future[None]":  # type: ignore[override]
        return self._run(super()._send_chunk(chunk))

    def _send_reconfig_param(self, param: Reconfiguration) -> "asyncio.Future[None]":  # type: ignore[override]
        return self._run(super()._send_reconfig_param(param))

    def _transmit(self) -> "asyncio.Future[None]":  # type: ignore[override]
        return self._run(super()._transmit())

    def _transmit_reconfig(self) -> "asyncio.Future[None]":  # type: ignore[override]
        return self._run(super()._transmit_reconfig())

    def _data_channel_flush(self) -> "asyncio.Future[None]":  # type: ignore[override]
        return self._run(super()._data_channel_flush())


class _Carrier:
    """All that aiortc's SCTP asks of its DTLS transport."""

    state = "connected"

    def __init__(self, role: Literal["client", "server"], send: Callable[[bytes], None]) -> None:
        self._role = role
        self._send = send

    async def _send_data(self, packet: bytes) -> None:
        """Only the echo of a HEARTBEAT can be too large for a record; it is lost, as on a path that is too narrow."""
        if len(packet) <= MAX_DATA:
            self._send(packet)

    def _register_data_receiver(self, _: object) -> None:
        """Packets are handed to the association by who owns it."""

    def _unregister_data_receiver(self, _: object) -> None:
        """Likewise."""


class _Timers:
    """All that aiortc's SCTP asks of the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, run: Callable[[Callable[[], None]], None]) -> None:
        self._loop = loop
        self._run = run

    def call_later(self, delay: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return self._loop.call_later(delay, self._run, callback)
