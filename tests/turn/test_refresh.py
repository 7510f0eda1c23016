"""Refresh requests: RFC 8656, 8.2, and the mobility of RFC 8016."""

from dataclasses import replace

import pytest

from tests.turn.world import OPEN, SETTINGS, Client, World, code, relayed
from turn.attribute_forms import Family
from turn.attributes import (
    ADDITIONAL_ADDRESS_FAMILY,
    LIFETIME,
    MOBILITY_TICKET,
    REQUESTED_ADDRESS_FAMILY,
)
from turn.stun import Message, Method

MOBILE = replace(SETTINGS, mobility=True)


def test_a_refresh_counts_from_when_it_comes() -> None:
    world = World()
    client = world.client()
    client.allocate()
    world.pass_time(400)
    assert LIFETIME.read(client.refresh()) == 600
    assert LIFETIME.read(client.refresh(LIFETIME.of(1000))) == 1000
    world.pass_time(999.999999)
    assert len(world.datapath.relays) == 1
    world.pass_time(0.000001)
    assert len(world.datapath.relays) == 0
    assert code(client.refresh()) == 437


def test_what_is_over_is_over_though_no_timer_has_said_so() -> None:
    world = World()
    client = world.client()
    client.allocate()
    world.now += 600
    assert code(client.refresh()) == 437


def test_a_lifetime_of_zero_ends_it() -> None:
    world = World()
    client = world.client()
    client.allocate()
    assert LIFETIME.read(client.refresh(LIFETIME.of(0))) == 0
    assert len(world.datapath.relays) == 0
    assert world.server.next_deadline() is None
    assert code(client.refresh(LIFETIME.of(0))) == 437
    assert code(client.allocate()) == 0


def test_the_family_must_be_one_it_has() -> None:
    client = World().client()
    client.allocate()
    assert code(client.refresh(REQUESTED_ADDRESS_FAMILY.of(Family.IPV6))) == 443
    assert code(client.refresh(REQUESTED_ADDRESS_FAMILY.of(7))) == 443
    assert code(client.refresh(REQUESTED_ADDRESS_FAMILY.of(Family.IPV4))) == 0


def test_the_ends_of_a_dual_allocation_are_apart() -> None:
    world = World()
    client = world.client()
    four, six = relayed(client.allocate(ADDITIONAL_ADDRESS_FAMILY.of(Family.IPV6)))
    assert client.permit("198.18.0.1", "2001:db8::1") == 0
    assert [client.bind(0x4000, ("198.18.0.1", 3478)), client.bind(0x4001, ("2001:db8::1", 3478))] == [0, 0]
    client.refresh(REQUESTED_ADDRESS_FAMILY.of(Family.IPV6), LIFETIME.of(3600))
    world.pass_time(299)
    client.permit("198.18.0.1", "2001:db8::1")
    assert code(client.refresh(REQUESTED_ADDRESS_FAMILY.of(Family.IPV4), LIFETIME.of(0))) == 0
    [relay] = world.datapath.relays.values()
    assert relay.permitted == {"2001:db8::1": False}
    assert relay.channels == {0x4001: ("2001:db8::1", 3478)}
    assert client.permit("198.18.0.1") == 443
    other = world.client("bob")
    other.allocate(ADDITIONAL_ADDRESS_FAMILY.of(Family.IPV6))
    assert [other.bind(0x4000, four), other.bind(0x4000, six)] == [403, 0]
    assert code(client.refresh(REQUESTED_ADDRESS_FAMILY.of(Family.IPV4))) == 443
    client.refresh(REQUESTED_ADDRESS_FAMILY.of(Family.IPV6), LIFETIME.of(0))
    assert len(world.datapath.relays) == 1, "that of the other client"


def test_a_lost_answer_is_repeated() -> None:
    world = World(MOBILE)
    client, request, first = moved(world)
    [(_, second)] = world.receive(client.path, request)
    assert first == second


def moved(world: World) -> tuple[Client, bytes, bytes]:
    """A client that has changed its path, with the request that did so and its answer."""
    client = world.client()
    ticket = MOBILITY_TICKET.read(client.allocate(MOBILITY_TICKET.of(b"")))
    assert ticket is not None
    client.path = world.client().path
    client.nonce = ""
    client.refresh()
    request = client.signed(Method.REFRESH, [MOBILITY_TICKET.of(ticket)], b"here I am no")
    [(_, answer)] = world.receive(client.path, request)
    return client, request, answer


def ticket_of(reply: Message) -> bytes:
    ticket = MOBILITY_TICKET.read(reply)
    assert ticket
    return ticket


@pytest.mark.parametrize("protocol", ["udp", "tls"])
def test_an_allocation_comes_along(protocol: str) -> None:
    world = World(MOBILE)
    client = world.client()
    ticket = ticket_of(client.allocate(MOBILITY_TICKET.of(b"")))
    old, new = client.path, world.client(protocol=protocol, ip="192.0.2.99").path
    client.permit("198.18.0.1")
    client.path = new
    assert code(client.refresh()) == 437
    fresh = ticket_of(client.refresh(MOBILITY_TICKET.of(ticket)))
    assert fresh != ticket
    [relay] = world.datapath.relays.values()
    assert (relay.client, relay.permitted) == (new, {"198.18.0.1": False})
    assert world.server.counters().users == 1
    assert client.bind(0x4000, ("198.18.0.1", 3478)) == 0
    client.path = old
    assert code(client.refresh(MOBILITY_TICKET.of(ticket))) == 400, "a ticket is for one journey"
    assert code(client.refresh()) == 437
    assert code(client.refresh(MOBILITY_TICKET.of(fresh))) == 0


def test_a_ticket_works_for_its_owner_only() -> None:
    world = World(MOBILE)
    client, thief = world.client("alice"), world.client("mallory")
    ticket = ticket_of(client.allocate(MOBILITY_TICKET.of(b"")))
    assert code(thief.refresh(MOBILITY_TICKET.of(ticket))) == 441
    assert code(thief.refresh(MOBILITY_TICKET.of(ticket), LIFETIME.of(0))) == 441
    assert [relay.client for relay in world.datapath.relays.values()] == [client.path]


def test_a_journey_does_not_end_where_an_allocation_is() -> None:
    world = World(MOBILE)
    client, other = world.client(), world.client()
    other.username, other.password = client.username, client.password
    ticket = ticket_of(client.allocate(MOBILITY_TICKET.of(b"")))
    other.allocate()
    assert code(other.refresh(MOBILITY_TICKET.of(ticket))) == 437
    assert code(other.refresh(MOBILITY_TICKET.of(b"another"))) == 400


def test_an_allocation_is_ended_from_elsewhere() -> None:
    world = World(MOBILE)
    client = world.client()
    ticket = ticket_of(client.allocate(MOBILITY_TICKET.of(b"")))
    client.path = world.client().path
    assert code(client.refresh(MOBILITY_TICKET.of(ticket), LIFETIME.of(0))) == 0
    assert len(world.datapath.relays) == 0


def test_a_refresh_in_place_renews_the_ticket() -> None:
    world = World(MOBILE)
    client = world.client()
    ticket = ticket_of(client.allocate(MOBILITY_TICKET.of(b"")))
    assert ticket_of(client.refresh(MOBILITY_TICKET.of(ticket))) != ticket
    assert code(client.refresh()) == 0


def test_mobility_must_be_allowed_and_asked_for_with_nothing() -> None:
    client = World().client()
    client.allocate()
    assert code(client.refresh(MOBILITY_TICKET.of(b"ticket"))) == 405
    assert code(World(MOBILE).client().allocate(MOBILITY_TICKET.of(b"ticket"))) == 400


def test_who_travels_is_not_ended_by_the_end_of_a_connection() -> None:
    world = World(MOBILE)
    client, settled = world.client(protocol="tcp"), world.client(protocol="tcp")
    ticket = ticket_of(client.allocate(MOBILITY_TICKET.of(b"")))
    settled.allocate()
    world.server.handle_stream_closed(client.path.id)
    world.server.handle_stream_closed(settled.path.id)
    assert [relay.client for relay in world.datapath.relays.values()] == [client.path]
    client.path = world.client(protocol="tcp").path
    assert code(client.refresh(MOBILITY_TICKET.of(ticket))) == 0


def test_a_live_allocation_outlives_its_credential_while_the_user_may() -> None:
    welcome = {"alice"}
    world = World(may_refresh=welcome.__contains__)
    alice, bob = world.client("alice"), world.client("bob")
    alice.allocate()
    bob.allocate()
    world.pass_time(299)
    assert [code(client.refresh()) for client in (alice, bob)] == [0, 0]
    world.pass_time(1)
    assert [code(client.refresh()) for client in (alice, bob)] == [0, 403]
    assert bob.permit("198.18.0.1") == 0, "for as long as it lives it is as it was"
    assert code(bob.refresh(LIFETIME.of(0))) == 0
    world.pass_time(550)
    assert code(alice.refresh()) == 0


def test_sockets_are_given_back() -> None:
    world = World(replace(OPEN, relay_ports=(50_000, 50_000)))
    for _ in range(3):
        client = world.client()
        assert code(client.allocate()) == 0
        assert code(world.client().allocate()) == 508
        client.refresh(LIFETIME.of(0))
