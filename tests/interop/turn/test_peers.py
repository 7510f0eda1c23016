"""Whom relays reach: policies and permissions, proved by sockets to which nothing comes.

What may not arrive is followed by something that may, on the same 5-tuple: when this has come, that never will.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address, ip_network

import pytest

from bench.relays import HOST
from tests.interop.turn.client import Client
from tests.interop.turn.peers import Peer, on_one_port
from tests.interop.turn.servers import PERMITTED, SluiceTurn
from tests.turn.client import code, relayed
from tests.turn.test_policy import MUST_BE_DENIED, spellings
from turn.attribute_forms import Family
from turn.attributes import ADDITIONAL_ADDRESS_FAMILY, Transport

pytestmark = pytest.mark.interop
BOTH = ADDITIONAL_ADDRESS_FAMILY.of(Family.IPV6)
STRANGER = "127.0.0.3"


@pytest.fixture
def client(guarded: SluiceTurn) -> Iterator[Client]:
    """With relayed addresses of both families."""
    with guarded.client("visitor") as client:
        assert len(relayed(client.allocate(BOTH))) == 2
        yield client
        client.end()


@pytest.fixture
def permitted(client: Client) -> Iterator[Peer]:
    """Whom the client may send to, on channel 0x4000."""
    with Peer(PERMITTED) as peer:
        assert client.bind(0x4000, peer.address) == 0
        yield peer


def forbidden_ips() -> list[str]:
    """First and last address of every rule, IPv4 in every spelling."""
    found = []
    for network in map(ip_network, MUST_BE_DENIED):
        for address in {network[0], network[-1]}:
            found.append(str(address))
            found += spellings(address) if isinstance(address, IPv4Address) else []
    # Where relays themselves are, there is a permission that is for what is inside only: see below.
    return [canonical for canonical in (str(ip_address(ip)) for ip in found) if canonical != "::1"]


def test_the_deny_list_by_permission_and_by_channel(client: Client) -> None:
    for ip in forbidden_ips():
        assert client.permit(ip) == 403, ip
        assert client.bind(0x4001, (ip, 80)) == 403, ip
    assert client.permit(PERMITTED) == 0


def test_the_deny_list_by_connection(guarded: SluiceTurn) -> None:
    with guarded.client("connecting", "tcp") as client:
        assert code(client.allocate(BOTH, transport=Transport.TCP)) == 0
        for ip in (*forbidden_ips(), "::1", HOST):
            assert code(client.connect((ip, 80))) == 403, ip


def test_one_forbidden_peer_among_permitted_ones(client: Client) -> None:
    with Peer(PERMITTED) as peer, Peer(PERMITTED) as marked:
        assert client.permit(PERMITTED, "10.0.0.1") == 403
        client.indicate(peer.address, b"not permitted by half a request")
        assert client.permit(PERMITTED) == 0
        client.indicate(marked.address, b"now")
        assert marked.receive()[0] == b"now"
        assert peer.has() == []


@pytest.mark.parametrize(
    "ip", [STRANGER, HOST, "::1", *spellings(IPv4Address(STRANGER)), *spellings(IPv4Address(HOST))]
)
def test_data_to_somebody_without_permission_does_not_leave(client: Client, permitted: Peer, ip: str) -> None:
    with on_one_port("::", STRANGER, HOST) as listening:
        target = (str(ip_address(ip)), listening[0].address[1])
        client.indicate(target, b"by indication")
        assert client.bind(0x4001, target) == 403
        client.send(0x4001, b"by channel")
        client.send(0x4000, b"to whom it may")
        assert permitted.receive()[0] == b"to whom it may"
        assert [peer.has() for peer in listening] == [[], [], []]


def test_data_from_somebody_without_permission_does_not_come_in(client: Client, permitted: Peer) -> None:
    client.send(0x4000, b"where are you?")
    _, relayed_address = permitted.receive()
    with Peer(STRANGER) as stranger, Peer(HOST) as here, Peer(PERMITTED) as other_port:
        stranger.send(b"uninvited", relayed_address)
        here.send(b"uninvited", relayed_address)
        other_port.send(b"from another port", relayed_address)
        assert client.receive() == (other_port.address, b"from another port")
        permitted.send(b"here", relayed_address)
        assert client.receive() == (0x4000, b"here")


@pytest.mark.parametrize("ip", [HOST, "::1"])
def test_where_relays_are_no_port_is_reached_but_relays(client: Client, guarded: SluiceTurn, ip: str) -> None:
    """A permission is for an IP address, and this one is the host's."""
    with guarded.client("second") as second, Peer(ip) as service:
        addresses = relayed(second.allocate(BOTH))
        theirs = next(address for address in addresses if address[0] == ip)
        assert second.permit(ip) == client.permit(ip) == 0
        assert client.bind(0x4002, service.address) == 403
        client.indicate(service.address, b"to a service of this host")
        client.send(0x4002, b"to a service of this host")
        client.indicate(theirs, b"to a relay")
        assert second.receive()[1] == b"to a relay"
        assert service.has() == []
        second.end()


@pytest.mark.parametrize("protocol", ["udp", "tcp", "tls"])
def test_by_default_clients_reach_nobody_but_each_other(closed: SluiceTurn, protocol: str) -> None:
    with closed.client("alice", protocol) as alice, closed.client("bob") as bob, Peer(HOST) as service:
        [his] = relayed(bob.allocate())
        [hers] = relayed(alice.allocate())
        for ip in ("9.9.9.9", STRANGER, "10.0.0.1", "127.0.0.0"):
            assert alice.permit(ip) == 403
            assert alice.bind(0x4000, (ip, 80)) == 403
        assert alice.bind(0x4000, service.address) == 403
        assert alice.bind(0x4000, his) == 0
        alice.indicate(service.address, b"to a service of this host")
        assert bob.permit(HOST) == 0
        alice.send(0x4000, b"hello")
        assert bob.receive() == (hers, b"hello")
        bob.indicate(hers, b"hello yourself")
        assert alice.receive() == (0x4000, b"hello yourself")
        assert service.has() == []
        alice.end()
        bob.end()
