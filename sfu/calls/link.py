"""One peer connection of a member of a call: its transport, which is made when the client's side is known."""

from collections.abc import Mapping

from sfu.answer import LocalTransport
from sfu.calls.data_section import DataSection
from sfu.connection import Connection, examine
from sfu.data_channels import PEER_CLOSED, DataChannel, DataChannels
from sfu.errors import Rejected
from sfu.events import Signal
from sfu.ids import Ids
from sfu.media_endpoint import MediaEndpoint
from sfu.negotiation import RemoteTransport
from sfu.remote_candidates import RemoteCandidates
from sfu.transport import Transport

# Of one client, in DTLS datagrams a second: 4 Mbit/s of messages. What is more is lost, and SCTP slows down.
DATA_RATE = 400
# Of messages that wait for their channel, each of which counts for some bytes more than it has.
MAX_HELD_BYTES = 256 * 1024
HELD_OVERHEAD = 256


class Link:
    """`connected` and `closed` (with the reason) are its transport's; `message` is told the label of the data channel a
    message came by, and the message.
    """

    def __init__(self, endpoint: MediaEndpoint, ids: Ids) -> None:
        self.connected = Signal[[]]()
        self.closed = Signal[[str]]()
        self.message = Signal[[str, bytes]]()
        self.transport: Transport | None = None
        self.candidates = RemoteCandidates()
        self._endpoint = endpoint
        self._ids = ids
        self._ice = ids.ice()
        self._session_id = ids.number(63)
        self._remote: RemoteTransport | None = None
        self._extensions: Mapping[str, int] = {}
        self._data: DataChannels | None = None
        self._channels: dict[str, DataChannel] = {}
        # Somebody who has just joined is written to before their channels are open.
        self._held: dict[str, list[bytes]] = {}
        self._held_bytes = 0
        self._ours: tuple[tuple[str, int | None], ...] = ()

    @property
    def local(self) -> LocalTransport:
        """What our descriptions say of our side."""
        return self._endpoint.local(self._ice, self._session_id)

    def new_credentials(self) -> None:
        """Begin a new ICE session with our next description; what is there goes on until the client follows."""
        self._ice = self._ids.ice()

    def follow(self, remote: RemoteTransport, extensions: Mapping[str, int]) -> Transport:
        """What the client's description says: open the transport, restart ICE, learn more header extensions.

        Overloaded: there is no room for the transport. Rejected ("changed-identity"): this is another client.
        """
        transport = self.transport
        if transport is None:
            transport = self._open(remote, extensions)
        elif self._remote is not None and remote.fingerprints != self._remote.fingerprints:
            raise Rejected("changed-identity", "the certificate cannot change within a connection")
        elif transport.ice != self._ice or (self._remote is not None and remote.ice != self._remote.ice):
            if transport.ice == self._ice:
                self.new_credentials()
            transport.restart_ice(self._ice, remote.ice.ufrag)
        merged = {**self._extensions, **extensions}
        if merged != self._extensions:
            self._extensions = merged
            self._endpoint.engine.set_extensions(transport.id, merged)
        self._remote = remote
        return transport

    def open_channels(self, *channels: tuple[str, int | None]) -> None:
        """Label, and how often each message is repeated (None: until it arrives): opened as soon as can be."""
        self._ours = channels

    def carry_data(self, section: DataSection | None) -> None:
        """The client has agreed on data channels."""
        if section is None or self._data is not None or self.transport is None:
            return
        self._endpoint.engine.set_dtls_rate(self.transport.id, DATA_RATE)
        self._data = data = DataChannels(self.transport)
        data.opened.connect(self._keep)
        # Without its channels a client can only begin anew.
        data.failed.connect(lambda reason: self.closed.emit(reason if reason == PEER_CLOSED else "data-failed"))
        data.received.connect(lambda channel, message: self.message.emit(channel.label, message))
        data.start(section.port, section.max_message_size)
        for label, repeats in self._ours:
            channel = data.open(label, ordered=repeats is None, max_retransmits=repeats)
            self._channels[label] = channel

    def send(self, label: str, message: bytes, *, keep: bool = False) -> bool:
        """False: there is no such channel yet, or it is too full for what may be lost.

        With `keep` the message waits for its channel to open, with others of `MAX_HELD_BYTES` together at most.
        """
        channel = self._channels.get(label)
        if channel is not None and channel.is_open:
            return channel.send(message)
        if not keep or self._held_bytes + len(message) + HELD_OVERHEAD > MAX_HELD_BYTES:
            return False
        self._held_bytes += len(message) + HELD_OVERHEAD
        self._held.setdefault(label, []).append(message)
        return True

    def connection(self, now: float) -> Connection | None:
        """How the client reaches us, or tried to; None before it is known. now: monotonic seconds."""
        if self.transport is None:
            return None
        return examine(self.transport, self.candidates.counts(), self._endpoint.candidates, now)

    def close(self) -> None:
        if self._data is not None:
            self._data.close()
        if self.transport is not None:
            self.transport.close()

    def _open(self, remote: RemoteTransport, extensions: Mapping[str, int]) -> Transport:
        transport = self._endpoint.transports.open(remote, extensions, self._ice, keep_listening=True)
        transport.connected.connect(self.connected.emit)
        transport.closed.connect(self.closed.emit)
        self.transport, self._extensions = transport, extensions
        return transport

    def _keep(self, channel: DataChannel) -> None:
        if self._channels.setdefault(channel.label, channel) is channel:
            for message in self._held.pop(channel.label, ()):
                self._held_bytes -= len(message) + HELD_OVERHEAD
                channel.send(message)
