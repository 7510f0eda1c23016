"""What TURN asks of the data path, which gives it as `sfu._datapath.Engine` (sockets) and `Core` (virtual time)."""

from collections.abc import Hashable, Sequence
from typing import Any, Protocol

Address = tuple[str, int]


class Path(Hashable, Protocol):
    """How a client's messages travel: equal paths are one 5-tuple (RFC 8656, 3.2).

    protocol: "udp", "tcp", "tls", or, inside an allocation, "relay" and "relay-socket". id: of the stream or the relay;
    0 for "udp". Ids are not used again.
    """

    @property
    def local(self) -> Address: ...
    @property
    def remote(self) -> Address: ...
    @property
    def protocol(self) -> str: ...
    @property
    def id(self) -> int: ...


class RelaySocket(Protocol):
    """A bound UDP socket of a relayed transport address; letting go of it closes it."""

    @property
    def address(self) -> Address: ...


class RelayListener(Protocol):
    """The same for the TCP connections of one allocation (RFC 6062)."""

    @property
    def address(self) -> Address: ...


# What a relayed transport address is made of: an address alone is virtual, nothing listens there; a socket may come
# with the address by which others know it.
Bound = Address | RelaySocket | RelayListener
Endpoint = Bound | tuple[RelaySocket | RelayListener, Address]


class RelayPath(Protocol):
    """The commands; see `_datapath.pyi` for what each does. Paths and endpoints are its own, as it handed them out."""

    def send(self, path: Any, data: bytes) -> None: ...
    def close_stream(self, stream: int) -> None: ...
    def add_relay(self, client: Any, relayed: Sequence[Any], *, max_bps: int = ...) -> int: ...
    def move_relay(self, relay: int, client: Any) -> None: ...
    def remove_relay(self, relay: int) -> None: ...
    def permit(self, relay: int, ip: str, *, inside: bool = ...) -> None: ...
    def forbid(self, relay: int, ip: str) -> None: ...
    def bind_channel(self, relay: int, channel: int, peer: Address) -> None: ...
    def unbind_channel(self, relay: int, channel: int) -> None: ...
    def connect_peer(self, relay: int, peer: Address) -> int: ...
    def join_peer(self, connection: int, client: Any) -> None: ...
    def close_peer(self, connection: int) -> None: ...
