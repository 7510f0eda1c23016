"""TURN with the real data path in virtual time: what clients send, and what reaches whom."""

import itertools
import random
from collections import defaultdict

from sfu._datapath import Core, Path, StunReceived
from tests.turn.world import MEDIA, SETTINGS, UNIX, code, relayed
from turn.attribute_forms import Written
from turn.attributes import (
    CHANNEL_NUMBER,
    DATA,
    NONCE,
    REALM,
    REQUESTED_TRANSPORT,
    USERNAME,
    XOR_PEER_ADDRESS,
)
from turn.datapath import Address
from turn.integrity import PasswordAlgorithm, long_term_key
from turn.server import TurnServer
from turn.settings import TurnSettings
from turn.stun import Class, Message, Method, encode, parse


class Internet:
    """One core, one TURN server, and what has been delivered to each address."""

    def __init__(self, settings: TurnSettings = SETTINGS) -> None:
        self.now = 1000.0
        self.core = Core()
        self.core.set_own_addresses([MEDIA])
        self.random = random.Random(0)
        # A core makes no connections (RFC 6062), for which sockets are needed.
        datapath = self.core
        self.server = TurnServer(
            settings, datapath, own_addresses=[MEDIA], udp_path=Path, random_bytes=self.random.randbytes
        )
        self.inbox: defaultdict[Address, list[bytes]] = defaultdict(list)
        self.ports = itertools.count(40_000)

    @property
    def now_us(self) -> int:
        return round(self.now * 1e6)

    def send(self, source: Address, data: bytes) -> None:
        """A datagram to our media port, and everything that follows from it."""
        self.core.handle_datagram(self.now_us, MEDIA, source, data)
        for event in self.core.drain_events():
            if isinstance(event, StunReceived):
                self.server.handle_stun(event.path, event.data, self.now, UNIX + self.now)
        self.collect()

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.server.next_deadline()) is not None and due <= end:
            self.now = due
            self.server.handle_timeout(due)
        self.now = end
        self.collect()

    def collect(self) -> None:
        for local, remote, datagram in self.core.poll_transmits(self.now_us):
            assert local == MEDIA
            self.inbox[remote].append(datagram)


class RelayedClient:
    """Speaks TURN by UDP; `address` is its own, `relayed` what it has been given."""

    def __init__(self, internet: Internet, user: str) -> None:
        self.internet = internet
        self.address: Address = ("192.0.2.7", next(internet.ports))
        self.username, self.password, _ = internet.server.credentials(user, UNIX + internet.now)
        self.nonce = ""
        self.relayed: Address = (MEDIA[0], 9)

    def request(self, method: Method, *attributes: Written, transaction_id: bytes = b"") -> Message:
        transaction_id = transaction_id or self.internet.random.randbytes(12)
        for _ in range(3):
            who = (USERNAME.of(self.username), REALM.of(SETTINGS.realm), NONCE.of(self.nonce)) if self.nonce else ()
            key = long_term_key(self.username, SETTINGS.realm, self.password, PasswordAlgorithm.MD5)
            message = Message(method, Class.REQUEST, transaction_id, (*attributes, *who))
            self.internet.send(self.address, encode(message, key=key if self.nonce else None))
            reply = parse(self.received()[-1])
            fresh = NONCE.read(reply)
            if fresh is None:
                return reply
            self.nonce = fresh
        raise AssertionError("challenged for ever")

    def allocate(self, *attributes: Written) -> int:
        reply = self.request(Method.ALLOCATE, REQUESTED_TRANSPORT.of(17), *attributes)
        if code(reply) == 0:
            [self.relayed] = relayed(reply)
        return code(reply)

    def permit(self, ip: str) -> int:
        transaction_id = self.internet.random.randbytes(12)
        peer = XOR_PEER_ADDRESS.of((ip, 0), transaction_id)
        return code(self.request(Method.CREATE_PERMISSION, peer, transaction_id=transaction_id))

    def bind(self, channel: int, peer: Address) -> int:
        transaction_id = self.internet.random.randbytes(12)
        attributes = (CHANNEL_NUMBER.of(channel), XOR_PEER_ADDRESS.of(peer, transaction_id))
        return code(self.request(Method.CHANNEL_BIND, *attributes, transaction_id=transaction_id))

    def say(self, peer: Address, data: bytes) -> None:
        """By Send indication."""
        transaction_id = self.internet.random.randbytes(12)
        attributes = (XOR_PEER_ADDRESS.of(peer, transaction_id), DATA.of(data))
        self.internet.send(self.address, encode(Message(Method.SEND, Class.INDICATION, transaction_id, attributes)))

    def say_on(self, channel: int, data: bytes) -> None:
        self.internet.send(self.address, channel.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data)

    def received(self) -> list[bytes]:
        """Since it was last asked."""
        return self.internet.inbox.pop(self.address, [])

    def heard(self) -> list[tuple[Address | int, bytes]]:
        """What peers said: from whom, or on which channel."""
        found: list[tuple[Address | int, bytes]] = []
        for datagram in self.received():
            if datagram[0] >= 0x40:
                size = int.from_bytes(datagram[2:4], "big")
                found.append((int.from_bytes(datagram[:2], "big"), datagram[4 : 4 + size]))
                continue
            message = parse(datagram)
            assert (message.method, message.cls) == (Method.DATA, Class.INDICATION)
            peer, data = XOR_PEER_ADDRESS.read(message), DATA.read(message)
            assert peer is not None
            found.append((peer, data or b""))
        return found
