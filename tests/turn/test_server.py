"""The server as a whole: strangers, revocation, bounds, and what it says about itself."""

import gc
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.turn.recording import FivePath
from tests.turn.world import MEDIA, MEDIA6, OPEN, SETTINGS, World, code
from turn.attributes import EVEN_PORT, LIFETIME, REQUESTED_TRANSPORT
from turn.server import TurnServer
from turn.settings import TurnSettings
from turn.stun import Class, Message, Method, encode, parse

STRANGER = FivePath(MEDIA, ("192.0.2.200", 5000))


def bare(method: int, *attributes: tuple[int, bytes], cls: Class = Class.REQUEST) -> bytes:
    return encode(Message(method, cls, b"from nobody.", attributes))


@given(st.binary(max_size=200), st.sampled_from(["udp", "tcp", "tls", "relay", "relay-socket"]))
def test_any_bytes_at_all(data: bytes, protocol: str) -> None:
    world = World()
    assert world.receive(replace(STRANGER, protocol=protocol, id=1), data) == []


@given(
    st.integers(0, 0xFFF),
    st.sampled_from(Class),
    st.lists(st.tuples(st.sampled_from([*range(0x30), 0x8000, 0x8030]), st.binary(max_size=40)), max_size=8),
)
def test_any_message_of_a_stranger_and_of_a_user(method: int, cls: Class, attributes: list[tuple[int, bytes]]) -> None:
    """Whatever it says, nothing is raised; a stranger leaves nothing behind."""
    world = World(replace(OPEN, tcp_allocations=True, mobility=True))
    world.receive(STRANGER, bare(method, *attributes, cls=cls))
    assert (world.datapath.relays, world.server.next_deadline()) == ({}, None)
    client = world.client(protocol="tcp")
    client.allocate()
    try:
        data = client.signed(method, attributes, b"from a user.")
    except ValueError:
        return
    world.receive(client.path, data)


@pytest.mark.parametrize("cls", [Class.INDICATION, Class.SUCCESS, Class.ERROR])
@pytest.mark.parametrize("method", [Method.BINDING, Method.ALLOCATE, Method.SEND])
def test_only_requests_are_answered(method: Method, cls: Class) -> None:
    world = World()
    assert world.receive(STRANGER, bare(method, cls=cls)) == []
    assert world.server.counters().ignored == {"not-a-request": 1}


@pytest.mark.parametrize("method", [Method.SEND, Method.DATA, Method.CONNECTION_ATTEMPT, 0x7FF])
def test_requests_that_there_are_not(method: int) -> None:
    world = World()
    assert world.receive(STRANGER, bare(method)) == []
    assert world.server.counters().ignored == {"unknown-method": 1}


@pytest.mark.parametrize("protocol", ["relay", "relay-socket"])
def test_no_relay_within_a_relay(protocol: str) -> None:
    world = World()
    assert world.receive(FivePath(MEDIA, ("192.0.2.1", 1), protocol, 7), bare(Method.ALLOCATE)) == []
    assert world.server.counters().ignored == {"not-a-client": 1}


def test_strangers_are_answered_so_often_and_no_more() -> None:
    """10 a second and 20 at once for an address: what is not answered is not reflected."""
    world = World()
    answered = sum(bool(world.receive(STRANGER, bare(method))) for method in (Method.BINDING, Method.ALLOCATE) * 50)
    assert answered == 20
    world.pass_time(1)
    assert sum(bool(world.receive(STRANGER, bare(Method.BINDING))) for _ in range(100)) == 10
    assert world.server.counters().ignored == {"limited": 170}
    assert world.receive(replace(STRANGER, remote=("192.0.2.201", 1)), bare(Method.BINDING)) != []


def test_connections_prove_where_they_come_from() -> None:
    world = World()
    path = replace(STRANGER, protocol="tcp", id=1)
    assert all(world.receive(path, bare(Method.BINDING)) for _ in range(100))


def test_users_are_not_limited_as_strangers_are() -> None:
    world = World()
    client = world.client()
    client.allocate()
    while world.receive(replace(STRANGER, remote=(client.path.remote[0], 1)), bare(Method.BINDING)):
        pass
    assert [code(client.refresh()) for _ in range(50)] == [0] * 50


def test_nothing_is_kept_of_strangers() -> None:
    """100,000 requests without a valid credential, each from another address. The limiter's table is full at 65,536."""
    world = World()
    data = [
        bare(Method.ALLOCATE, REQUESTED_TRANSPORT.of(17)),
        bare(Method.BINDING),
        world.client().signed(Method.ALLOCATE, [], b"no nonce yet"),
    ]

    def flood(start: int, end: int) -> int:
        """Memory blocks in use after it."""
        for at in range(start, end):
            remote = f"10.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}"
            world.server.handle_stun(FivePath(MEDIA, (remote, 1)), data[at % 3], world.now, world.unix)
            world.datapath.sent.clear()
        gc.collect()
        return sys.getallocatedblocks()

    before = flood(0, 70_000)
    assert flood(70_000, 100_000) - before < 1000
    assert (len(world.datapath.relays), world.server.next_deadline()) == (0, None)
    assert world.server.counters().users == 0


def test_revocation_ends_what_there_is_and_nobody_elses() -> None:
    world = World(OPEN)
    first, second, other = world.client("alice"), world.client("alice"), world.client("bob")
    first.allocate(EVEN_PORT.of(True))
    for client in (second, other):
        client.allocate()
    world.server.revoke("alice", world.unix)
    assert [relay.client for relay in world.datapath.relays.values()] == [other.path]
    assert code(first.refresh()) == 437
    assert code(second.allocate()) == 401
    assert world.server.counters().users == 1
    assert code(other.refresh()) == 0
    world.pass_time(1)
    assert code(world.client("alice").allocate()) == 0


def test_a_relay_is_ended_by_its_number() -> None:
    world = World()
    client = world.client()
    client.allocate()
    [relay] = world.datapath.relays
    world.server.remove_relay(relay)
    world.server.remove_relay(relay)
    assert world.datapath.relays == {}
    assert code(client.refresh()) == 437


@pytest.mark.parametrize("protocol", ["tcp", "tls"])
def test_an_allocation_ends_with_its_clients_connection(protocol: str) -> None:
    world = World()
    client, other = world.client(protocol=protocol), world.client(protocol=protocol)
    client.allocate()
    other.allocate()
    world.server.handle_stream_closed(client.path.id)
    world.server.handle_stream_closed(client.path.id)
    world.server.handle_stream_closed(999)
    assert [relay.client for relay in world.datapath.relays.values()] == [other.path]
    assert world.server.counters().allocations == {protocol: 1}


def test_one_credential_exhausts_itself_only() -> None:
    world = World(replace(OPEN, relay_ports=(50_000, 50_999)))
    greedy = [world.client("mallory", ip=f"192.0.2.{at}") for at in range(50)]
    codes = [code(client.allocate(EVEN_PORT.of(True))) for client in greedy]
    assert codes == [0] * 6 + [486] * 44
    for at in range(200):
        greedy[0].permit(f"9.9.{at}.9")
        greedy[0].bind(0x4000 + at, ("9.9.0.9", at + 1))
    relay = next(iter(world.datapath.relays.values()))
    assert (len(relay.permitted), len(relay.channels)) == (10, 64)
    client = world.client("alice")
    assert code(client.allocate()) == 0
    assert client.permit(*(f"9.9.9.{at}" for at in range(10))) == 0
    assert client.bind(0x4000, ("9.9.9.1", 1)) == 0


def test_the_shell_is_told_when_the_deadline_moves() -> None:
    world = World()
    client = world.client()
    client.allocate()
    told = world.rescheduled
    assert told > 0
    assert world.server.next_deadline() == world.now + 600
    client.permit(MEDIA[0])
    assert world.server.next_deadline() == world.now + 300
    assert world.rescheduled > told
    told = world.rescheduled
    client.bind(0x4000, MEDIA)
    assert world.rescheduled == told, "the same deadline is no news"
    client.refresh(LIFETIME.of(0))
    assert world.rescheduled > told
    assert world.server.next_deadline() is None


def test_what_is_counted() -> None:
    world = World()
    client, tcp = world.client(), world.client("bob", protocol="tcp")
    client.allocate()
    tcp.allocate()
    tcp.refresh(LIFETIME.of(0))
    client.permit("9.9.9.9")
    world.receive(STRANGER, b"nonsense")
    counters = world.server.counters()
    assert counters.allocations == {"udp": 1}
    assert counters.users == 1
    assert counters.opened == {"udp": 1, "tcp": 1}
    assert counters.answers == {
        ("ALLOCATE", 401): 2,
        ("ALLOCATE", 0): 2,
        ("REFRESH", 0): 1,
        ("CREATE_PERMISSION", 403): 1,
    }
    assert counters.denied == {"peers: self": 1}
    assert counters.ignored == {"malformed": 1}


def test_nonce_keys_change_and_clients_do_not_notice() -> None:
    world = World()
    client = world.client()
    client.allocate()
    for _ in range(30):
        world.pass_time(500)
        assert code(client.refresh()) == 0
    assert world.server.counters().answers["REFRESH", 438] > 0


@pytest.mark.parametrize(
    "settings",
    [
        replace(SETTINGS, secrets=()),
        replace(SETTINGS, secrets=("",)),
        replace(OPEN, public_ips=("203.0.113.1", "203.0.113.2")),
        replace(OPEN, allow_peers=("everybody",)),
    ],
)
def test_settings_that_contradict_each_other(settings: TurnSettings) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each says something else
        World(settings)


def test_open_relays_need_sockets() -> None:
    with pytest.raises(ValueError, match="sockets"):
        TurnServer(OPEN, World().datapath, own_addresses=[MEDIA], udp_path=FivePath, random_bytes=bytes)


def test_an_answer_is_not_longer_than_it_must_be() -> None:
    """Of a bare request and of a client's usual first one; beyond the limiter's burst there is none at all."""
    world = World()
    sizes = {
        name: len(world.receive(STRANGER, data)[0][1])
        for name, data in (
            ("allocate", bare(Method.ALLOCATE, REQUESTED_TRANSPORT.of(17))),
            ("refresh", bare(Method.REFRESH)),
            ("binding", bare(Method.BINDING)),
        )
    }
    assert sizes["binding"] == 32
    assert max(sizes.values()) <= 128
    [(_, data)] = world.receive(replace(STRANGER, local=MEDIA6, remote=("2001:db8::9", 1)), bare(Method.BINDING))
    assert len(data) == 44
    assert parse(data).attributes
