"""A TURN server in virtual time, and clients of it that speak as real ones do."""

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.turn.client import REALM_NAME, TurnClient, code, relayed
from tests.turn.recording import FakeSocket, FivePath, RecordingPath
from turn.attributes import XOR_PEER_ADDRESS
from turn.datapath import Address
from turn.server import TurnServer
from turn.settings import TurnSettings
from turn.stun import Message, Method, parse

__all__ = ["MEDIA", "MEDIA6", "OPEN", "SETTINGS", "UNIX", "Client", "World", "code", "relayed"]

MEDIA = ("198.18.0.1", 3478)
MEDIA6 = ("2001:db8::1", 3478)
SETTINGS = TurnSettings(realm=REALM_NAME, secrets=("a secret of these tests",))
OPEN = replace(SETTINGS, policy="open", relay_ips=("198.18.0.1", "2001:db8::1"))
UNIX = 1_790_000_000.0


class World:
    """own: what the server announces as its media addresses. busy: where sockets cannot be bound."""

    def __init__(
        self,
        settings: TurnSettings = SETTINGS,
        *,
        own: Sequence[Address] = (MEDIA, MEDIA6),
        host: Sequence[str] = ("198.18.0.1", "2001:db8::1"),
        may_refresh: Callable[[str], bool] = lambda user: True,
        seed: int = 0,
    ) -> None:
        self.now = 1000.0
        self.datapath = RecordingPath()
        self.busy: set[Address] = set()
        self.rescheduled = 0
        self.random = random.Random(seed)
        self.server = TurnServer(
            settings,
            self.datapath,
            own_addresses=own,
            host_addresses=host,
            udp_path=FivePath,
            open_socket=self._bind,
            open_listener=self._bind,
            random_bytes=self.random.randbytes,
            may_refresh=may_refresh,
            rescheduled=self._count,
        )
        self._ports = itertools.count(40_000)
        self._streams = itertools.count(1)

    @property
    def unix(self) -> float:
        return UNIX + self.now - 1000.0

    def client(self, user: str | None = "alice", *, protocol: str = "udp", ip: str = "192.0.2.7") -> "Client":
        """user: None has no credentials."""
        stream = 0 if protocol == "udp" else next(self._streams)
        client = Client(self, FivePath(MEDIA, (ip, next(self._ports)), protocol, stream))
        if user is not None:
            client.username, client.password, _ = self.server.credentials(user, self.unix)
        return client

    def pass_time(self, seconds: float) -> None:
        """As the shell does it: every deadline on the way is met at its time."""
        end = self.now + seconds
        while (due := self.server.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.server.handle_timeout(self.now)
            assert (self.server.next_deadline() or end + 1) > self.now, "a deadline that was met is met no more"
        self.now = end

    def receive(self, path: FivePath, data: bytes) -> list[tuple[FivePath, bytes]]:
        """What is sent because of it."""
        before = len(self.datapath.sent)
        self.server.handle_stun(path, data, self.now, self.unix)
        return self.datapath.sent[before:]

    def _bind(self, ip: str, port: int) -> FakeSocket:
        if (ip, port) in self.busy:
            raise OSError("in use")
        return FakeSocket((ip, port))

    def _count(self) -> None:
        self.rescheduled += 1


class Client(TurnClient):
    """On one path."""

    def __init__(self, world: World, path: FivePath) -> None:
        super().__init__()
        self.world = world
        self.path = path

    def exchange(self, data: bytes) -> Message:
        replies = self.world.receive(self.path, data)
        assert len(replies) == 1
        assert replies[0][0] == self.path
        return parse(replies[0][1])

    def transaction_id(self) -> bytes:
        return self.world.random.randbytes(12)

    def connect(self, peer: Address) -> bytes:
        """The request to send; the answer comes when the peer has been reached."""
        transaction_id = self.transaction_id()
        return self.signed(Method.CONNECT, [XOR_PEER_ADDRESS.of(peer, transaction_id)], transaction_id)
