"""Requests of strangers in great numbers: what they are worth to others, and what they leave behind."""

import os
import select
import time

import pytest

from tests.interop.turn.client import Client
from tests.interop.turn.crowd import Crowd
from tests.interop.turn.links import Link
from tests.interop.turn.servers import SluiceTurn
from tests.turn.client import REALM_NAME, code
from turn.attribute_forms import Written
from turn.attributes import LIFETIME, NONCE, PADDING, REALM, REQUESTED_TRANSPORT, USERNAME, Transport
from turn.integrity import PasswordAlgorithm, long_term_key
from turn.limiter import BURST, RATE
from turn.stun import Class, Message, Method, encode

pytestmark = pytest.mark.interop


def request(method: int, *attributes: Written, key: bytes | None = None) -> bytes:
    return encode(Message(method, Class.REQUEST, b"of strangers", attributes), key=key)


UDP = REQUESTED_TRANSPORT.of(Transport.UDP)
NOBODY = (USERNAME.of("9999999999:nobody"), REALM.of(REALM_NAME), NONCE.of("never given to anybody"))
BINDING = request(Method.BINDING)
ALLOCATE = request(Method.ALLOCATE)
OF_NOBODY = request(Method.ALLOCATE, UDP, *NOBODY, key=b"guessed")
INTEGRITY_ALONE = request(Method.ALLOCATE, key=b"guessed")
# With the code of their answer, 0 for success.
FLOODS = {
    "binding": (BINDING, 0),
    "binding that is not understood": (request(Method.BINDING, (0x7F00, b"")), 420),
    "allocate": (ALLOCATE, 401),
    "refresh": (request(Method.REFRESH, LIFETIME.of(600)), 401),
    "connect": (request(Method.CONNECT), 401),
    "of nobody": (OF_NOBODY, 401),
    "integrity alone": (INTEGRITY_ALONE, 400),
}
BATCH = 500


def stale(server: SluiceTurn) -> bytes:
    """From somebody with credentials, and a nonce that never was."""
    username, password = server.credentials("stale")
    key = long_term_key(username, REALM_NAME, password, PasswordAlgorithm.MD5)
    return request(Method.ALLOCATE, UDP, USERNAME.of(username), REALM.of(REALM_NAME), NONCE.of("x"), key=key)


@pytest.mark.parametrize("name", [*FLOODS, "stale nonce"])
def test_a_flood_is_not_worth_reflecting(closed: SluiceTurn, name: str) -> None:
    """There is an answer, so that it is a flood of what it is called."""
    data, expected = FLOODS.get(name) or (stale(closed), 438)
    with closed.link("udp", f"127.0.3.{1 + [*FLOODS, name].index(name)}") as link:
        assert code(Client(link).exchange(data)) == expected
        flood(link, data)


def test_a_flood_of_nat_discovery(discovery: SluiceTurn) -> None:
    """RFC 5780, 7.6: an answer is as long as its request, and a little longer."""
    data = request(Method.BINDING, PADDING.of(bytes(512)))
    with discovery.link("udp", "127.0.3.1") as link:
        assert code(Client(link).exchange(data)) == 0
        flood(link, data)


def flood(link: Link, data: bytes) -> None:
    """What comes back is the burst, then so many a second, and then fewer bytes than were sent."""
    began = time.monotonic()
    burst = answers(link, data, int(BURST))
    beyond = answers(link, data, 2000)
    assert len(burst) + len(beyond) <= BURST + (time.monotonic() - began) * RATE
    assert sum(map(len, beyond)) <= 2000 * len(data)


def answers(link: Link, data: bytes, count: int) -> list[bytes]:
    """All there are, until no more come."""
    found = []
    for number in range(count):
        link.send(data)
        # The server's socket holds thousands; this is for the network stack.
        if number % 100 == 0:
            found += come(link, within=0.0)
    return found + come(link, within=0.2)


def come(link: Link, within: float) -> list[bytes]:
    found = []
    while select.select([link.socket], [], [], within)[0]:
        found.append(link.receive())
    return found


def test_a_hundred_thousand_strangers_leave_nothing(closed: SluiceTurn) -> None:
    """As many from each address as are answered, so that every one of them has been through all there is. Afterwards
    memory is what it was after the first of them, but for 40 bytes a request: less than one object takes.
    """
    with Crowd(closed.address, 5_000) as crowd:
        serve(crowd, 20_000)
        before = closed.resident_kib()
        answered = serve(crowd, 100_000)
        grown = closed.resident_kib() - before
    # What a busy machine loses is no matter; most have been answered.
    assert answered > 90_000
    assert grown * 1024 < 100_000 * 40


def serve(crowd: Crowd, count: int) -> int:
    """How many were answered."""
    kinds = (BINDING, ALLOCATE, OF_NOBODY, INTEGRITY_ALONE)
    answered = 0
    for first in range(0, count, BATCH):
        fresh = (kinds[number % len(kinds)] for number in range(first, first + BATCH))
        crowd.send(data[:8] + os.urandom(12) + data[20:] for data in fresh)
        answered += len(crowd.receive(BATCH))
    return answered + len(crowd.receive(count - answered))
