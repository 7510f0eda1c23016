"""Allocate requests: RFC 8656, 7.2, step by step."""

from dataclasses import replace

import pytest

from tests.turn.recording import FakeSocket
from tests.turn.world import MEDIA, MEDIA6, OPEN, SETTINGS, World, code, relayed
from turn.attribute_forms import Family, Written
from turn.attributes import (
    ADDITIONAL_ADDRESS_FAMILY,
    ADDRESS_ERROR_CODE,
    DONT_FRAGMENT,
    EVEN_PORT,
    LIFETIME,
    MOBILITY_TICKET,
    REQUESTED_ADDRESS_FAMILY,
    REQUESTED_TRANSPORT,
    RESERVATION_TOKEN,
    XOR_MAPPED_ADDRESS,
    Transport,
)
from turn.stun import Message, Method


def test_an_allocation_says_what_it_is() -> None:
    world = World()
    client = world.client()
    reply = client.allocate()
    [(ip, port)] = relayed(reply)
    assert (ip, port) != MEDIA
    assert ip == MEDIA[0]
    assert LIFETIME.read(reply) == 600
    assert XOR_MAPPED_ADDRESS.read(reply) == client.path.remote
    [relay] = world.datapath.relays.values()
    assert (relay.client, relay.relayed, relay.max_bps) == (client.path, [(ip, port)], 50_000_000)


def test_one_path_has_one_allocation() -> None:
    client = World().client()
    client.allocate()
    assert code(client.allocate()) == 437


def test_the_same_request_gets_the_same_answer_and_the_next_one_does_not() -> None:
    """RFC 8656, 5: requests over UDP come twice when an answer was lost."""
    world = World()
    client = world.client()
    client.allocate()
    assert code(client.refresh(LIFETIME.of(0))) == 0
    request = client.signed(Method.ALLOCATE, [REQUESTED_TRANSPORT.of(17), EVEN_PORT.of(True)], b"once and bef")
    [(_, first)] = world.receive(client.path, request)
    world.pass_time(30)
    [(_, second)] = world.receive(client.path, request)
    assert first == second
    assert len(world.datapath.relays) == 1
    assert code(client.allocate()) == 437


def test_somebody_elses_request_with_that_transaction_id_is_not_answered_so() -> None:
    world = World()
    alice, mallory = world.client("alice"), world.client("mallory")
    alice.allocate()
    mallory.path = alice.path
    mallory.allocate()
    request = alice.signed(Method.REFRESH, [], b"the same one")
    world.receive(alice.path, request)
    stolen = mallory.signed(Method.REFRESH, [], b"the same one")
    assert code(mallory.exchange(stolen)) == 441


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ([], 400),
        ([(REQUESTED_TRANSPORT.type, b"\x11\0\0")], 400),
        ([REQUESTED_TRANSPORT.of(6)], 442),
        ([REQUESTED_TRANSPORT.of(33)], 442),
        ([REQUESTED_TRANSPORT.of(17), (0x7FF0, b"")], 420),
        ([REQUESTED_TRANSPORT.of(17), (0xFFF0, b"")], 0),
        ([REQUESTED_TRANSPORT.of(17), DONT_FRAGMENT.of(True)], 0),
        ([REQUESTED_TRANSPORT.of(17), RESERVATION_TOKEN.of(b"no token")], 508),
        ([REQUESTED_TRANSPORT.of(17), RESERVATION_TOKEN.of(b"no token"), EVEN_PORT.of(False)], 400),
        ([REQUESTED_TRANSPORT.of(17), RESERVATION_TOKEN.of(b"no token"), REQUESTED_ADDRESS_FAMILY.of(1)], 400),
        ([REQUESTED_TRANSPORT.of(17), RESERVATION_TOKEN.of(b"no token"), ADDITIONAL_ADDRESS_FAMILY.of(2)], 400),
        ([REQUESTED_TRANSPORT.of(17), REQUESTED_ADDRESS_FAMILY.of(1), ADDITIONAL_ADDRESS_FAMILY.of(2)], 400),
        ([REQUESTED_TRANSPORT.of(17), REQUESTED_ADDRESS_FAMILY.of(3)], 440),
        ([REQUESTED_TRANSPORT.of(17), ADDITIONAL_ADDRESS_FAMILY.of(1)], 400),
        ([REQUESTED_TRANSPORT.of(17), ADDITIONAL_ADDRESS_FAMILY.of(2), EVEN_PORT.of(True)], 400),
        ([REQUESTED_TRANSPORT.of(17), MOBILITY_TICKET.of(b"")], 405),
    ],
)
def test_what_is_wrong_is_said_by_its_number(attributes: list[Written], expected: int) -> None:
    world = World()
    client = world.client()
    assert code(client.request(Method.ALLOCATE, *attributes)) == expected
    assert len(world.datapath.relays) == (expected == 0)
    assert world.server.counters().users == (expected == 0)


@pytest.mark.parametrize(("family", "ip"), [(Family.IPV4, MEDIA[0]), (Family.IPV6, MEDIA6[0])])
def test_a_family_can_be_asked_for(family: Family, ip: str) -> None:
    [(relayed_ip, _)] = relayed(World().client().allocate(REQUESTED_ADDRESS_FAMILY.of(family)))
    assert relayed_ip == ip


@pytest.mark.parametrize(("own", "asked", "expected"), [(MEDIA, [2], 440), (MEDIA6, [], 440), (MEDIA6, [2], 0)])
def test_a_family_we_do_not_have(own: tuple[str, int], asked: list[int], expected: int) -> None:
    client = World(own=[own]).client()
    assert code(client.allocate(*map(REQUESTED_ADDRESS_FAMILY.of, asked))) == expected


def test_both_families_at_once() -> None:
    world = World()
    reply = world.client().allocate(ADDITIONAL_ADDRESS_FAMILY.of(Family.IPV6))
    assert [ip for ip, _ in relayed(reply)] == [MEDIA[0], MEDIA6[0]]
    assert ADDRESS_ERROR_CODE.read(reply) is None
    assert [len(relay.relayed) for relay in world.datapath.relays.values()] == [2]


@pytest.mark.parametrize(("own", "missing"), [(MEDIA, Family.IPV6), (MEDIA6, Family.IPV4)])
def test_one_of_both_families_and_why_not_the_other(own: tuple[str, int], missing: Family) -> None:
    reply = World(own=[own]).client().allocate(ADDITIONAL_ADDRESS_FAMILY.of(Family.IPV6))
    assert [ip for ip, _ in relayed(reply)] == [own[0]]
    assert ADDRESS_ERROR_CODE.read(reply) == (missing, 440, "")


def test_neither_family() -> None:
    world = World(replace(SETTINGS, allocations_per_user=1))
    client = world.client()
    client.allocate()
    assert code(world.client().allocate(ADDITIONAL_ADDRESS_FAMILY.of(Family.IPV6))) == 486


def test_the_second_family_may_be_more_than_one_may_have() -> None:
    world = World(replace(SETTINGS, allocations_per_user=1))
    reply = world.client().allocate(ADDITIONAL_ADDRESS_FAMILY.of(Family.IPV6))
    assert len(relayed(reply)) == 1
    assert ADDRESS_ERROR_CODE.read(reply) == (Family.IPV6, 508, "")


@pytest.mark.parametrize(("asked", "granted"), [(0, 600), (599, 600), (601, 601), (3600, 3600), (2**32 - 1, 3600)])
def test_lifetimes_are_between_the_default_and_the_maximum(asked: int, granted: int) -> None:
    assert LIFETIME.read(World().client().allocate(LIFETIME.of(asked))) == granted


@pytest.mark.parametrize("settings", [SETTINGS, OPEN])
def test_even_ports_and_the_one_after(settings: object) -> None:
    world = World(settings)  # type: ignore[arg-type]
    for _ in range(5):
        assert relayed(world.client("bob").allocate(EVEN_PORT.of(False)))[0][1] % 2 == 0
    reply = world.client().allocate(EVEN_PORT.of(True))
    token = RESERVATION_TOKEN.read(reply)
    assert token is not None
    second = world.client().allocate(RESERVATION_TOKEN.of(token))
    [(ip, port)] = relayed(reply)
    assert port % 2 == 0
    assert relayed(second) == [(ip, port + 1)]
    assert code(world.client().allocate(RESERVATION_TOKEN.of(token))) == 508, "a token is for once"


def test_a_reservation_is_held_for_thirty_seconds() -> None:
    world = World()
    first, second = (RESERVATION_TOKEN.read(world.client().allocate(EVEN_PORT.of(True))) for _ in range(2))
    assert first is not None and second is not None  # noqa: PT018
    world.pass_time(29.999)
    assert code(world.client().allocate(RESERVATION_TOKEN.of(first))) == 0
    world.pass_time(0.002)
    assert code(world.client().allocate(RESERVATION_TOKEN.of(second))) == 508


def test_a_reservation_is_for_who_made_it() -> None:
    world = World()
    token = RESERVATION_TOKEN.read(world.client("alice").allocate(EVEN_PORT.of(True)))
    assert token is not None
    assert code(world.client("mallory").allocate(RESERVATION_TOKEN.of(token))) == 508
    assert code(world.client("alice").allocate(RESERVATION_TOKEN.of(token))) == 0


def test_reservations_count_as_allocations_do() -> None:
    """Else one credential could hold every port, thirty seconds at a time."""
    world = World(replace(OPEN, allocations_per_user=4))
    for _ in range(2):
        assert code(client_and_away(world)) == 0
    assert code(world.client().allocate()) == 0
    assert code(world.client().allocate()) == 0
    assert code(world.client().allocate()) == 486
    assert code(world.client("bob").allocate()) == 0
    world.pass_time(30)
    assert code(world.client().allocate()) == 0


def client_and_away(world: World) -> Message:
    client = world.client()
    client.allocate(EVEN_PORT.of(True))
    return client.refresh(LIFETIME.of(0))


def test_quotas_are_the_users_own() -> None:
    world = World(replace(SETTINGS, allocations_per_user=2, max_allocations=5))
    clients = [world.client("alice") for _ in range(3)]
    assert [code(client.allocate()) for client in clients] == [0, 0, 486]
    assert [code(world.client("bob").allocate()) for _ in range(3)] == [0, 0, 486]
    assert [code(world.client("carol").allocate()) for _ in range(2)] == [0, 508]
    clients[0].refresh(LIFETIME.of(0))
    assert code(world.client("carol").allocate()) == 0
    assert code(world.client("alice").allocate()) == 508


def test_open_relays_are_sockets_of_the_range() -> None:
    world = World(replace(OPEN, relay_ports=(50_000, 50_003)))
    ports = {relayed(world.client().allocate())[0][1] for _ in range(4)}
    assert ports == set(range(50_000, 50_004))
    assert code(world.client().allocate()) == 508
    [socket] = next(iter(world.datapath.relays.values())).relayed
    assert isinstance(socket, FakeSocket)


def test_a_system_without_room() -> None:
    world = World(replace(OPEN, relay_ports=(50_000, 50_000)))
    client = world.client()
    world.datapath.full = True
    for _ in range(3):
        assert code(client.allocate()) == 508
    assert world.server.counters().users == 0
    world.datapath.full = False
    assert code(client.allocate()) == 0


def test_public_addresses_are_announced_instead() -> None:
    world = World(replace(OPEN, public_ips=("203.0.113.9",)))
    [(ip, port)] = relayed(world.client().allocate())
    assert ip == "203.0.113.9"
    [relay] = world.datapath.relays.values()
    assert relay.relayed == [(FakeSocket((MEDIA[0], port)), (ip, port))]


def test_connections_are_for_clients_that_have_one() -> None:
    """RFC 6062, 5.1."""
    world = World(replace(OPEN, tcp_allocations=True))
    assert code(world.client().allocate(transport=Transport.TCP)) == 400
    for attribute in (EVEN_PORT.of(False), DONT_FRAGMENT.of(True), RESERVATION_TOKEN.of(b"no token")):
        assert code(world.client(protocol="tcp").allocate(attribute, transport=Transport.TCP)) == 400
    assert code(world.client(protocol="tls").allocate(transport=Transport.TCP)) == 0


def test_no_connections_with_policy_self() -> None:
    world = World(replace(SETTINGS, tcp_allocations=True))
    assert code(world.client(protocol="tcp").allocate(transport=Transport.TCP)) == 442


def test_expired_and_revoked_credentials_begin_nothing() -> None:
    world = World()
    early, late, gone = world.client(), world.client(), world.client("bob")
    world.pass_time(299)
    assert code(early.allocate()) == 0
    world.pass_time(1)
    assert code(late.allocate()) == 401
    gone.username, gone.password, _ = world.server.credentials("bob", world.unix)
    world.server.revoke("bob", world.unix)
    assert code(gone.allocate()) == 401
    assert len(world.datapath.relays) == 1
