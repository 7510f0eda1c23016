"""The data channels of one transport (RFC 8831): messages in and out, and an end with a reason for a bad peer."""

import logging
import time
from collections.abc import Callable

from aiortc.rtcdatachannel import RTCDataChannel

from sfu.budget import Budget
from sfu.errors import Conflict, SfuError
from sfu.events import Signal
from sfu.sctp_association import Association
from sfu.transport import Transport, TransportState

MAX_MESSAGE_SIZE = 65_536
MAX_CHANNELS = 16
# A lossy channel drops what would wait behind so much: it would come too late.
MAX_LOSSY_BUFFERED = 64 * 1024
MAX_LOSSY_WAITING = 256
# A reliable one must not skip anything, so whoever reads too slowly loses the association.
MAX_RELIABLE_BUFFERED = 2 * 1024 * 1024
MAX_RELIABLE_WAITING = 4096
# What one association may take of one core for its packets. Beyond it they are lost, and SCTP slows down.
CPU_SHARE = 0.1
CPU_BURST_SECONDS = 0.25
# Each opening is remembered for as long as the channel is open, and told to everybody who listens.
OPENINGS_PER_SECOND = 1.0
OPENINGS_BURST = 2 * MAX_CHANNELS

# The reason that is no fault.
PEER_CLOSED = "peer-closed"

log = logging.getLogger(__name__)


class DataChannel:
    """One channel of `DataChannels`: an ordered or lossy stream of whole messages."""

    def __init__(
        self, channels: "DataChannels", label: str, *, ordered: bool, max_retransmits: int | None, lossy: bool
    ) -> None:
        self.label = label
        self.ordered = ordered
        self.max_retransmits = max_retransmits
        self.is_lossy = lossy
        self._channels = channels
        self._inner: RTCDataChannel | None = None

    @property
    def id(self) -> int | None:
        """The SCTP stream, None as long as it has none."""
        return self._inner.id if self._inner is not None else None

    @property
    def is_open(self) -> bool:
        return self._inner is not None and self._inner.readyState == "open"

    @property
    def buffered(self) -> int:
        """Bytes that wait; what is in flight does not count."""
        return self._inner.bufferedAmount if self._inner is not None else 0

    def send(self, data: bytes) -> bool:
        """Send one binary message.

        False: it is not sent. It is too large for the peer, the channel is not open or, if it is lossy (unordered, or
        with a limit to retransmissions), too much waits already.
        """
        return self._channels.send(self, data)


class DataChannels:
    """From `start`, as soon as the transport is connected, to `close` or the transport's end. A transport that does not
    carry data never opens any.

    `opened`: by the client, or ours is acknowledged. `received`: one whole message; text is passed as its UTF-8 bytes.
    `failed`: the association ended, and why; never after `close`.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        max_message_size: int = MAX_MESSAGE_SIZE,
        max_channels: int = MAX_CHANNELS,
        clock: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self.opened = Signal[[DataChannel]]()
        self.received = Signal[[DataChannel, bytes]]()
        self.failed = Signal[[str]]()
        self.lost_packets = 0
        self._transport = transport
        self._max_message_size = max_message_size
        self._max_channels = max_channels
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._cpu = Budget(CPU_SHARE, CPU_BURST_SECONDS, clock())
        self._openings = Budget(OPENINGS_PER_SECOND, OPENINGS_BURST, clock())
        self._remote: tuple[int, int] | None = None
        self._association: Association | None = None
        self._channels: dict[RTCDataChannel, DataChannel] = {}
        self._unborn: list[DataChannel] = []
        self._gone: list[RTCDataChannel] = []
        self._closed = False
        self._telling = False
        self._disconnect = (
            transport.connected.connect(self._connect),
            transport.data_received.connect(self._handle_packet),
            transport.closed.connect(lambda _: self.close()),
        )

    def start(self, remote_port: int, remote_max_message_size: int) -> None:
        """As the client's description has them: `a=sctp-port`, and `a=max-message-size` with 0 for any size."""
        if self._remote is None:
            self._remote = (remote_port, remote_max_message_size)
            if self._transport.state is TransportState.CONNECTED:
                self._connect()

    def open(self, label: str, *, ordered: bool = True, max_retransmits: int | None = None) -> DataChannel:
        """Ours; `opened` says when, which after the end is never. Conflict ("too-many-channels")."""
        if len(self._channels) + len(self._unborn) >= self._max_channels:
            raise Conflict("too-many-channels", f"at most {self._max_channels} channels at a time")
        lossy = not ordered or max_retransmits is not None
        channel = DataChannel(self, label, ordered=ordered, max_retransmits=max_retransmits, lossy=lossy)
        if self._association is None and not self._closed:
            self._unborn.append(channel)
        else:
            self._run(lambda: self._bear(channel))
        return channel

    def send(self, channel: DataChannel, data: bytes) -> bool:
        """What `DataChannel.send` does."""
        association, inner = self._association, channel._inner
        if association is None or inner is None or not channel.is_open or len(data) > self._largest:
            return False
        if channel.is_lossy:
            if channel.buffered > MAX_LOSSY_BUFFERED or association.waiting_messages > MAX_LOSSY_WAITING:
                return False
        elif self._backlog > MAX_RELIABLE_BUFFERED or association.waiting_messages > MAX_RELIABLE_WAITING:
            self._fail("backlog")
            return False
        self._run(lambda: inner.send(data))
        return not self._closed

    def close(self) -> None:
        """Abort the association; idempotent."""
        if self._closed:
            return
        self._closed = True
        for disconnect in self._disconnect:
            disconnect()
        association, self._association = self._association, None
        self._unborn.clear()
        if association is not None:
            try:
                association.abort()
            except Exception as error:
                log.warning("an SCTP association did not end well: %s", type(error).__name__)

    @property
    def _largest(self) -> int:
        remote = self._remote[1] if self._remote is not None else 0
        return min(remote or self._max_message_size, self._max_message_size)

    @property
    def _backlog(self) -> int:
        return sum(channel.buffered for channel in self._channels.values())

    def _connect(self) -> None:
        if self._closed or self._remote is None or self._association is not None or not self._transport.carries_data:
            return
        self._association = association = Association(
            "server",
            send=self._transport.send_data,
            run=self._run,
            max_message_size=self._max_message_size,
            max_channels=self._max_channels,
        )
        port, max_message_size = self._remote
        unborn, self._unborn = self._unborn, []

        def begin() -> None:
            association.connect(port, max_message_size)
            for channel in unborn:
                self._bear(channel)

        self._run(begin)

    def _bear(self, channel: DataChannel) -> None:
        """Our own, once there is an association to announce it in."""
        if self._association is not None:
            inner = self._association.open(
                channel.label, ordered=channel.ordered, max_retransmits=channel.max_retransmits
            )
            self._adopt(channel, inner)

    def _adopt(self, channel: DataChannel, inner: RTCDataChannel) -> DataChannel:
        channel._inner = inner
        self._channels[inner] = channel
        inner.on("close", lambda: self._gone.append(inner))
        return channel

    def _handle_packet(self, packet: bytes) -> None:
        association, now = self._association, self._clock()
        if association is None or not self._cpu.has(0.0, now):
            self.lost_packets += 1
            return

        def handle() -> None:
            self.lost_packets += not association.handle_packet(packet)

        begun = self._cpu_clock()
        self._run(handle)
        # With what came of its messages: who sends to everybody in a room makes work for everybody.
        self._cpu.spend(self._cpu_clock() - begun)

    def _run(self, step: Callable[[], object]) -> None:
        """Let the association do something, survive whatever comes of it, and pass on what has happened."""
        if self._association is None:
            return
        try:
            step()
        except SfuError as refusal:
            self._fail(refusal.code)
        except Exception as error:
            log.debug("an SCTP association broke", exc_info=True)
            self._fail(f"broken: {type(error).__name__}")
        self._tell()

    def _tell(self) -> None:
        """What has happened, in order; a listener may do anything here, also `close`."""
        association = self._association
        if association is None or self._telling:
            return
        self._telling = True
        try:
            while self._association is not None and association.opened:
                self._tell_opened(association.opened.popleft())
            while self._association is not None and association.messages:
                inner, message = association.messages.popleft()
                channel = self._channels.get(inner)
                if channel is not None:
                    self.received.emit(channel, message)
        finally:
            self._telling = False
        while self._gone:  # only now: a channel's last message may have come with its end
            self._channels.pop(self._gone.pop(), None)
        if self._association is not None and association.is_closed:
            self._fail(PEER_CLOSED if association.was_established else "no-answer")

    def _tell_opened(self, inner: RTCDataChannel) -> None:
        channel = self._channels.get(inner)
        if channel is None:
            if not self._openings.has(1.0, self._clock()):
                self._fail("too-many-openings")
                return
            self._openings.spend(1.0)
            lossy = not inner.ordered or inner.maxRetransmits is not None or inner.maxPacketLifeTime is not None
            channel = self._adopt(
                DataChannel(
                    self, inner.label, ordered=inner.ordered, max_retransmits=inner.maxRetransmits, lossy=lossy
                ),
                inner,
            )
        self.opened.emit(channel)

    def _fail(self, reason: str) -> None:
        if not self._closed:
            # Clients that leave close them first.
            level = logging.DEBUG if reason == PEER_CLOSED else logging.WARNING
            log.log(level, "transport %d: its data channels ended: %s", self._transport.id, reason)
            self.close()
            self.failed.emit(reason)
