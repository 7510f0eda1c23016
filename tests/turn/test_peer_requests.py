"""CreatePermission and ChannelBind: RFC 8656, 9, 10.2, 12 and 12.2."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from tests.turn.test_policy import MUST_BE_DENIED, spellings
from tests.turn.world import MEDIA, MEDIA6, OPEN, SETTINGS, Client, World, code, relayed
from turn.attribute_forms import Family
from turn.attributes import ADDITIONAL_ADDRESS_FAMILY, CHANNEL_NUMBER, REQUESTED_ADDRESS_FAMILY, XOR_PEER_ADDRESS
from turn.stun import Method

PEER = ("9.9.9.9", 9999)


def allocated(world: World, user: str = "alice") -> Client:
    """With both families."""
    client = world.client(user)
    client.allocate(ADDITIONAL_ADDRESS_FAMILY.of(Family.IPV6))
    return client


@pytest.mark.parametrize("prefix", MUST_BE_DENIED)
def test_the_deny_list_by_both_requests(prefix: str) -> None:
    """In IPv4, IPv6 and mapped spellings, first and last address of each rule."""
    world = World(OPEN, host=())
    client = allocated(world)
    network = ip_network(prefix)
    for address in {network[0], network[-1]}:
        for ip in [str(address), *(spellings(address) if address.version == 4 else ())]:
            canonical = str(ip_address(ip))
            assert client.permit(canonical) == 403, canonical
            assert client.bind(0x4000, (canonical, 80)) == 403, canonical
    [relay] = world.datapath.relays.values()
    assert (relay.permitted, relay.channels) == ({}, {})


def test_who_is_allowed_is_let_through() -> None:
    world = World(replace(OPEN, allow_peers=("10.0.0.0/8", "::1/128")))
    client = allocated(world)
    assert [client.permit("10.1.2.3"), client.permit("::1"), client.permit("9.9.9.9")] == [0, 0, 0]
    assert client.permit("192.168.0.1") == 403


def test_peers_of_policy_self() -> None:
    world = World()
    client, other = allocated(world), allocated(world, "bob")
    theirs = relayed(world.client("carol").allocate())[0]
    assert [client.permit(MEDIA[0]), client.permit(MEDIA6[0]), client.permit("9.9.9.9")] == [0, 0, 403]
    assert [client.bind(0x4000, MEDIA), client.bind(0x4001, MEDIA6), client.bind(0x4002, theirs)] == [0, 0, 0]
    assert client.bind(0x4003, (MEDIA[0], 22)) == 403
    assert client.bind(0x4004, (MEDIA[0], theirs[1] ^ 1)) == 403
    assert other.bind(0x4000, theirs) == 0
    assert world.server.counters().denied == {"peers: self": 3}


def test_our_own_address_with_policy_open_is_inside() -> None:
    world = World(OPEN)
    client = allocated(world)
    theirs = relayed(world.client("bob").allocate())[0]
    assert [client.permit(MEDIA[0]), client.bind(0x4000, MEDIA), client.bind(0x4001, theirs)] == [0, 0, 0]
    assert client.bind(0x4002, (MEDIA[0], 22)) == 403
    assert client.permit("9.9.9.9") == 0
    assert next(iter(world.datapath.relays.values())).permitted == {MEDIA[0]: True, "9.9.9.9": False}


def test_what_we_are_known_by_is_this_host_though_nobody_said_so() -> None:
    settings = replace(OPEN, relay_ips=("9.9.9.1",), public_ips=("9.9.9.2",))
    world = World(settings, own=[("9.9.9.3", 3478)], host=())
    client = world.client()
    client.allocate()
    assert [client.bind(0x4000, (f"9.9.9.{at}", 22)) for at in (1, 2, 3, 4)] == [403, 403, 403, 0]
    assert [client.permit(f"9.9.9.{at}") for at in (1, 2, 3)] == [403, 0, 0]
    [relay] = world.datapath.relays.values()
    assert relay.permitted == {"9.9.9.2": True, "9.9.9.3": True, "9.9.9.4": False}


def test_rules_that_denied_are_told_to_the_operator_once(caplog: pytest.LogCaptureFixture) -> None:
    client = allocated(World(OPEN))
    for _ in range(3):
        client.permit("10.1.2.3")
        client.permit("192.168.3.4")
    assert len(caplog.messages) == 2
    assert "'10.0.0.0/8'" in caplog.messages[0]
    assert not any("10.1.2.3" in message for message in caplog.messages)


def test_several_peers_all_or_none() -> None:
    world = World(OPEN)
    client = allocated(world)
    assert client.permit("9.9.9.9", "10.0.0.1", "9.9.9.8") == 403
    [relay] = world.datapath.relays.values()
    assert relay.permitted == {}
    assert client.permit("9.9.9.9", "9.9.9.8", "9.9.9.9", "2a00::1") == 0
    assert set(relay.permitted) == {"9.9.9.9", "9.9.9.8", "2a00::1"}


def test_permissions_are_bounded_and_refreshing_is_none_more() -> None:
    world = World(replace(OPEN, permissions=3))
    client, other = allocated(world), allocated(world, "bob")
    assert client.permit("9.9.9.1", "9.9.9.2") == 0
    assert client.permit("9.9.9.2", "9.9.9.3", "9.9.9.4") == 508
    assert client.permit("9.9.9.3") == 0
    assert client.permit("9.9.9.1", "9.9.9.2", "9.9.9.3") == 0
    assert client.bind(0x4000, ("9.9.9.4", 1)) == 508
    assert client.bind(0x4000, ("9.9.9.3", 1)) == 0
    assert other.permit("9.9.9.4") == 0
    world.pass_time(300)
    assert client.permit("9.9.9.4") == 0


@pytest.mark.parametrize("attributes", [[], [(0x0012, b"\0\1")], [(0x0012, b"\0\3\0\0\0\0\0\0")]])
def test_permissions_for_nobody(attributes: list[tuple[int, bytes]]) -> None:
    assert code(allocated(World()).request(Method.CREATE_PERMISSION, *attributes)) == 400


def test_one_bad_peer_among_good_ones() -> None:
    world = World(OPEN)
    client = allocated(world)
    transaction_id = client.transaction_id()
    good = XOR_PEER_ADDRESS.of(PEER, transaction_id)
    reply = client.request(Method.CREATE_PERMISSION, good, (0x0012, b"bad"), transaction_id=transaction_id)
    assert code(reply) == 400
    assert next(iter(world.datapath.relays.values())).permitted == {}


def test_a_peer_of_a_family_that_is_not_relayed() -> None:
    world = World(OPEN)
    four, six = world.client(), world.client()
    four.allocate()
    six.allocate(REQUESTED_ADDRESS_FAMILY.of(Family.IPV6))
    assert [four.permit("2a00::1"), four.bind(0x4000, ("2a00::1", 1)), four.permit("::ffff:9.9.9.9")] == [443] * 3
    assert [six.permit("9.9.9.9"), six.bind(0x4000, ("9.9.9.9", 1)), six.permit("::ffff:9.9.9.9")] == [443, 443, 403]


@pytest.mark.parametrize("number", [0, 0x3FFF, 0x5000, 0x7FFF, 0xFFFF])
def test_numbers_that_are_no_channels(number: int) -> None:
    assert allocated(World(OPEN)).bind(number, PEER) == 400


def test_both_ends_of_the_range() -> None:
    client = allocated(World(OPEN))
    assert [client.bind(0x4000, PEER), client.bind(0x4FFF, ("9.9.9.9", 1))] == [0, 0]


def test_half_a_channel() -> None:
    client = allocated(World(OPEN))
    assert code(client.request(Method.CHANNEL_BIND, CHANNEL_NUMBER.of(0x4000))) == 400
    transaction_id = client.transaction_id()
    peer = XOR_PEER_ADDRESS.of(PEER, transaction_id)
    assert code(client.request(Method.CHANNEL_BIND, peer, transaction_id=transaction_id)) == 400
    assert client.bind(0x4000, ("9.9.9.9", 0)) == 400


def test_a_number_and_a_peer_belong_to_each_other() -> None:
    world = World(OPEN)
    client = allocated(world)
    assert client.bind(0x4000, PEER) == 0
    assert client.bind(0x4001, PEER) == 400
    assert client.bind(0x4000, ("9.9.9.9", 1)) == 400
    assert client.bind(0x4000, PEER) == 0
    assert allocated(world, "bob").bind(0x4001, PEER) == 0
    assert next(iter(world.datapath.relays.values())).channels == {0x4000: PEER}


def test_channels_are_bounded() -> None:
    client = allocated(World(replace(OPEN, channels=3)))
    assert [client.bind(0x4000 + at, ("9.9.9.9", 1 + at)) for at in range(4)] == [0, 0, 0, 508]
    assert client.bind(0x4001, ("9.9.9.9", 2)) == 0


def test_a_channel_permits_for_five_minutes_and_lasts_for_ten() -> None:
    world = World(OPEN)
    client = allocated(world)
    client.bind(0x4000, PEER)
    world.pass_time(250)
    client.refresh()
    [relay] = world.datapath.relays.values()
    world.pass_time(49.999999)
    assert relay.permitted == {PEER[0]: False}
    world.pass_time(0.000001)
    assert (relay.permitted, relay.channels) == ({}, {0x4000: PEER})
    client.permit(PEER[0])
    world.pass_time(299.999999)
    assert relay.channels == {0x4000: PEER}
    world.pass_time(0.000001)
    assert relay.channels == {}


def test_what_was_bound_is_for_itself_five_minutes_more() -> None:
    """RFC 8656, 12: packets of the old binding may still be on their way."""
    world = World(replace(OPEN, channels=2))
    client = allocated(world)
    client.bind(0x4000, PEER)
    client.bind(0x4001, ("9.9.9.9", 1))
    world.pass_time(599)
    client.refresh()
    world.pass_time(1)
    [relay] = world.datapath.relays.values()
    assert relay.channels == {}
    assert [client.bind(0x4000, ("9.9.9.9", 2)), client.bind(0x4002, PEER)] == [400, 400]
    assert client.bind(0x4002, ("9.9.9.9", 2)) == 508
    assert client.bind(0x4000, PEER) == 0
    assert relay.channels == {0x4000: PEER}
    world.pass_time(299.999999)
    assert client.bind(0x4001, ("9.9.9.9", 2)) == 400
    world.pass_time(0.000001)
    assert client.bind(0x4001, ("9.9.9.9", 2)) == 0
    assert client.bind(0x4002, ("9.9.9.9", 1)) == 508


@pytest.mark.parametrize("method", [Method.REFRESH, Method.CREATE_PERMISSION, Method.CHANNEL_BIND, Method.CONNECT])
def test_an_allocation_is_its_makers(method: Method) -> None:
    """RFC 8656, 5: 437 where there is none, 441 where it is another's, however good the credentials."""
    world = World(OPEN)
    client, mallory = world.client("alice"), world.client("mallory")
    assert code(client.request(method)) == 437
    client.allocate()
    mallory.path = client.path
    assert code(mallory.request(method)) == 441
    renewed = world.client("alice")
    renewed.username, renewed.password = "1790000999:alice", ""
    assert len(world.datapath.relays) == 1


def test_the_same_user_with_another_name_is_another() -> None:
    """RFC 8656, 5 speaks of the user name, which is a new one with every credential."""
    world = World(SETTINGS)
    client = world.client("alice")
    client.allocate()
    world.pass_time(1)
    client.username, client.password, _ = world.server.credentials("alice", world.unix)
    assert code(client.refresh()) == 441
