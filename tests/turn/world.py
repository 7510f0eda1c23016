"""A TURN server in virtual time, and clients of it that speak as real ones do."""

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.turn.recording import FakeSocket, FivePath, RecordingPath
from turn.attribute_forms import Written
from turn.attributes import (
    CHANNEL_NUMBER,
    ERROR_CODE,
    NONCE,
    REALM,
    REQUESTED_TRANSPORT,
    USERNAME,
    XOR_PEER_ADDRESS,
    XOR_RELAYED_ADDRESS,
    Transport,
)
from turn.datapath import Address
from turn.integrity import PasswordAlgorithm, long_term_key
from turn.server import TurnServer
from turn.settings import TurnSettings
from turn.stun import Class, Message, Method, encode, parse

REALM_NAME = "sluice.test"
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


class Client:
    """One 5-tuple. It keeps the nonce it is given and asks again when told so (RFC 8489, 9.2.5)."""

    def __init__(self, world: World, path: FivePath) -> None:
        self.world = world
        self.path = path
        self.username = ""
        self.password = ""
        self.nonce = ""

    def request(self, method: int, *attributes: Written, transaction_id: bytes | None = None) -> Message:
        for _ in range(3):
            data = self.signed(method, attributes, transaction_id or self.transaction_id())
            reply = self.exchange(data)
            if code(reply) not in (401, 438) or not self.username:
                return reply
            fresh = NONCE.read(reply)
            if fresh is None or (code(reply) == 401 and self.nonce):
                return reply
            self.nonce = fresh
        raise AssertionError("challenged for ever")

    def signed(self, method: int, attributes: Sequence[Written], transaction_id: bytes) -> bytes:
        if not self.nonce:
            return encode(Message(method, Class.REQUEST, transaction_id, tuple(attributes)))
        who = (USERNAME.of(self.username), REALM.of(REALM_NAME), NONCE.of(self.nonce))
        message = Message(method, Class.REQUEST, transaction_id, (*attributes, *who))
        return encode(message, key=self.key)

    @property
    def key(self) -> bytes:
        return long_term_key(self.username, REALM_NAME, self.password, PasswordAlgorithm.MD5)

    def exchange(self, data: bytes) -> Message:
        replies = self.world.receive(self.path, data)
        assert len(replies) == 1
        assert replies[0][0] == self.path
        reply = parse(replies[0][1])
        if code(reply) not in (401, 438) and self.username:
            assert reply.verify(self.key), "an answer to somebody known is signed"
        return reply

    def transaction_id(self) -> bytes:
        return self.world.random.randbytes(12)

    def allocate(self, *attributes: Written, transport: int = Transport.UDP) -> Message:
        return self.request(Method.ALLOCATE, REQUESTED_TRANSPORT.of(transport), *attributes)

    def refresh(self, *attributes: Written) -> Message:
        return self.request(Method.REFRESH, *attributes)

    def bind(self, number: int, peer: Address) -> int:
        transaction_id = self.transaction_id()
        attributes = (CHANNEL_NUMBER.of(number), XOR_PEER_ADDRESS.of(peer, transaction_id))
        return code(self.request(Method.CHANNEL_BIND, *attributes, transaction_id=transaction_id))

    def connect(self, peer: Address) -> bytes:
        """The request to send; the answer comes when the peer has been reached."""
        transaction_id = self.transaction_id()
        return self.signed(Method.CONNECT, [XOR_PEER_ADDRESS.of(peer, transaction_id)], transaction_id)

    def permit(self, *ips: str) -> int:
        """Answer's code."""
        transaction_id = self.transaction_id()
        peers = [XOR_PEER_ADDRESS.of((ip, 0), transaction_id) for ip in ips]
        return code(self.request(Method.CREATE_PERMISSION, *peers, transaction_id=transaction_id))


def code(reply: Message) -> int:
    """0 for success."""
    assert reply.cls in (Class.SUCCESS, Class.ERROR)
    error = ERROR_CODE.read(reply)
    assert (error is None) == (reply.cls is Class.SUCCESS)
    return 0 if error is None else error[0]


def relayed(reply: Message) -> list[Address]:
    assert code(reply) == 0
    return XOR_RELAYED_ADDRESS.read_all(reply)
