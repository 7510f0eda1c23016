"""Binding requests (RFC 8489), and the behaviour of NATs (RFC 5780)."""

from dataclasses import replace

import pytest

from tests.turn.recording import FivePath
from tests.turn.world import SETTINGS, World, code
from turn.attributes import (
    CHANGE_REQUEST,
    MAPPED_ADDRESS,
    OTHER_ADDRESS,
    PADDING,
    RESPONSE_ORIGIN,
    RESPONSE_PORT,
    UNKNOWN_ATTRIBUTES,
    XOR_MAPPED_ADDRESS,
)
from turn.datapath import Address
from turn.settings import NatDiscovery
from turn.stun import Class, Message, Method, encode, parse

A, B = ("198.18.0.1", 3478), ("198.18.0.2", 3479)
DISCOVERY = replace(SETTINGS, nat_discovery=NatDiscovery(A, B))
CLIENT = ("192.0.2.7", 40_000)
ANYTHING = ("198.18.0.1", 9)


def request(*attributes: tuple[int, bytes], fingerprint: bool = False) -> bytes:
    return encode(Message(Method.BINDING, Class.REQUEST, b"binding test", attributes, fingerprint))


def ask(world: World, path: FivePath, *attributes: tuple[int, bytes]) -> tuple[FivePath, Message]:
    """Where the answer goes, and what it says."""
    [(to, data)] = world.receive(path, request(*attributes))
    return to, parse(data)


@pytest.mark.parametrize(
    ("client", "size"), [(("192.0.2.7", 40_000), 32), (("2001:db8::7", 40_000), 44)], ids=["IPv4", "IPv6"]
)
@pytest.mark.parametrize("protocol", ["udp", "tcp", "tls"])
def test_the_answer_is_the_address_and_nothing_else(client: Address, size: int, protocol: str) -> None:
    [(path, data)] = World().receive(FivePath(A, client, protocol, 0 if protocol == "udp" else 1), request())
    assert path.remote == client
    assert XOR_MAPPED_ADDRESS.read(parse(data)) == client
    assert len(data) == size


def test_a_fingerprint_for_a_fingerprint() -> None:
    [(_, data)] = World().receive(FivePath(A, CLIENT), request(fingerprint=True))
    assert parse(data).fingerprint
    assert len(data) == 40


def test_what_must_be_comprehended_and_is_not() -> None:
    _, reply = ask(World(), FivePath(A, CLIENT), (0x7FF0, b""), (0xFFF0, b""), (0x0003, bytes(4)))
    assert code(reply) == 420
    assert UNKNOWN_ATTRIBUTES.read(reply) == (0x7FF0, 0x0003)


@pytest.mark.parametrize(("local", "protocol"), [(A, "tcp"), (ANYTHING, "udp"), (("198.18.0.9", 3478), "udp")], ids=str)
def test_discovery_only_where_there_is_another_address(local: Address, protocol: str) -> None:
    path = FivePath(local, CLIENT, protocol, 0 if protocol == "udp" else 1)
    world = World(DISCOVERY)
    assert code(ask(world, path, CHANGE_REQUEST.of((True, True)))[1]) == 420
    assert OTHER_ADDRESS.read(ask(world, path)[1]) is None


@pytest.mark.parametrize("local", [A, B, (A[0], B[1]), (B[0], A[1])])
@pytest.mark.parametrize("change_ip", [False, True])
@pytest.mark.parametrize("change_port", [False, True])
def test_the_answer_comes_from_where_it_was_asked_to(local: Address, change_ip: bool, change_port: bool) -> None:
    """RFC 5780, 6.1, table 1."""
    other = (B[0] if local[0] == A[0] else A[0], B[1] if local[1] == A[1] else A[1])
    origin = (other[0] if change_ip else local[0], other[1] if change_port else local[1])
    to, reply = ask(World(DISCOVERY), FivePath(local, CLIENT), CHANGE_REQUEST.of((change_ip, change_port)))
    assert to == FivePath(origin, CLIENT)
    assert RESPONSE_ORIGIN.read(reply) == origin
    assert OTHER_ADDRESS.read(reply) == other
    assert MAPPED_ADDRESS.read(reply) == XOR_MAPPED_ADDRESS.read(reply) == CLIENT


def test_the_answer_goes_to_the_port_it_was_asked_to() -> None:
    to, reply = ask(World(DISCOVERY), FivePath(A, CLIENT), RESPONSE_PORT.of(41_000))
    assert to == FivePath(A, (CLIENT[0], 41_000))
    assert XOR_MAPPED_ADDRESS.read(reply) == CLIENT


def test_padding_is_answered_in_kind() -> None:
    _, reply = ask(World(DISCOVERY), FivePath(A, CLIENT), PADDING.of(bytes(1400)))
    assert PADDING.read(reply) == bytes(1400)


@pytest.mark.parametrize(
    "attributes",
    [
        [RESPONSE_PORT.of(41_000), PADDING.of(bytes(8))],
        [RESPONSE_PORT.of(0)],
        [(CHANGE_REQUEST.type, b"\0")],
    ],
)
def test_what_cannot_be_meant(attributes: list[tuple[int, bytes]]) -> None:
    to, reply = ask(World(DISCOVERY), FivePath(A, CLIENT), *attributes)
    assert (to, code(reply)) == (FivePath(A, CLIENT), 400)
