"""The border to the data path, recorded: what TURN has said, held against what may be said there."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from turn.datapath import Address


@dataclass(frozen=True)
class FivePath:
    """A path as the data path makes them."""

    local: Address
    remote: Address
    protocol: str = "udp"
    id: int = 0


@dataclass
class FakeSocket:
    address: Address


@dataclass
class Relay:
    client: FivePath
    relayed: Sequence[Any]
    max_bps: int
    permitted: dict[str, bool] = field(default_factory=dict)
    channels: dict[int, Address] = field(default_factory=dict)


@dataclass
class RecordingPath:
    """A relay is removed once, nothing is forbidden that was not permitted, no channel bound twice: KeyError,
    AssertionError.
    """

    relays: dict[int, Relay] = field(default_factory=dict)
    full: bool = False
    sent: list[tuple[FivePath, bytes]] = field(default_factory=list)
    connections: dict[int, tuple[int, Address]] = field(default_factory=dict)
    joined: dict[int, FivePath] = field(default_factory=dict)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def send(self, path: FivePath, data: bytes) -> None:
        self.sent.append((path, data))

    def close_stream(self, stream: int) -> None:
        raise AssertionError("TURN ends no connection of a client")

    def add_relay(self, client: FivePath, relayed: Sequence[Any], *, max_bps: int = 0) -> int:
        if self.full:
            raise OSError("too many open files")
        relay = next(self._ids)
        self.relays[relay] = Relay(client, relayed, max_bps)
        return relay

    def move_relay(self, relay: int, client: FivePath) -> None:
        self.relays[relay].client = client

    def remove_relay(self, relay: int) -> None:
        del self.relays[relay]

    def permit(self, relay: int, ip: str, *, inside: bool = False) -> None:
        assert ip not in self.relays[relay].permitted
        self.relays[relay].permitted[ip] = inside

    def forbid(self, relay: int, ip: str) -> None:
        del self.relays[relay].permitted[ip]

    def bind_channel(self, relay: int, channel: int, peer: Address) -> None:
        assert channel not in self.relays[relay].channels
        self.relays[relay].channels[channel] = peer

    def unbind_channel(self, relay: int, channel: int) -> None:
        del self.relays[relay].channels[channel]

    def connect_peer(self, relay: int, peer: Address) -> int:
        assert relay in self.relays
        connection = next(self._ids)
        self.connections[connection] = (relay, peer)
        return connection

    def join_peer(self, connection: int, client: FivePath) -> None:
        assert connection in self.connections
        self.joined[connection] = client

    def close_peer(self, connection: int) -> None:
        self.connections.pop(connection, None)
        self.joined.pop(connection, None)
