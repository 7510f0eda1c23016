"""Nonsense at every port, from strangers, from clients and from peers, while somebody uses a relay."""

import contextlib
import ssl

import pytest

from bench.relays import HOST
from tests.interop.turn.calls import Call
from tests.interop.turn.links import connected
from tests.interop.turn.nonsense import nonsense
from tests.interop.turn.peers import Peer
from tests.interop.turn.servers import SluiceTurn
from tests.turn.client import relayed
from turn.attributes import LIFETIME
from turn.stun import Method

pytestmark = pytest.mark.interop


def test_by_udp(relay: SluiceTurn, call: Call) -> None:
    with relay.link("udp", "127.0.4.1") as link:
        for number, message in enumerate(nonsense(1, 3000)):
            link.send(message)
            if number % 50 == 0:
                call.goes_on()


@pytest.mark.parametrize("protocol", ["tcp", "tls"])
def test_by_connections(relay: SluiceTurn, call: Call, protocol: str) -> None:
    """Three messages in each, the first of which may be all that is read."""
    messages = nonsense(2, 300)
    for number, three in enumerate(zip(messages, messages, messages, strict=True)):
        with relay.link(protocol, "127.0.4.2") as link, contextlib.suppress(ConnectionError, ssl.SSLError):
            for message in three:
                link.socket.sendall(message)
        if number % 5 == 0:
            call.goes_on()


def test_where_tls_begins(relay: SluiceTurn, call: Call) -> None:
    for number, message in enumerate(nonsense(3, 100)):
        with connected(relay.tls_address, "127.0.4.3") as carrier, contextlib.suppress(ConnectionError):
            carrier.sendall(message)
        if number % 5 == 0:
            call.goes_on()


@pytest.mark.parametrize("protocol", ["udp", "tcp", "tls"])
def test_from_somebody_with_an_allocation(relay: SluiceTurn, call: Call, protocol: str) -> None:
    """Whose requests are signed, so that what is broken in them is found late. Over a stream it ends with the first."""
    with relay.client("talking nonsense", protocol, "127.0.4.4") as client:
        relayed(client.allocate())
        sound = [
            client.signed(method, [LIFETIME.of(600)], client.transaction_id())
            for method in (Method.REFRESH, Method.CREATE_PERMISSION, Method.CHANNEL_BIND, Method.CONNECTION_BIND)
        ]
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            for number, message in enumerate(nonsense(4, 1000, sound)):
                client.link.socket.sendall(message)
                if number % 50 == 0:
                    call.goes_on()


def test_from_peers(relay: SluiceTurn, call: Call) -> None:
    """All of it is data: none of it is for us."""
    with relay.client("relaying nonsense") as client, Peer(HOST) as peer, Peer("127.0.4.5") as stranger:
        [address] = relayed(client.allocate())
        assert client.bind(0x4000, peer.address) == 0
        for number, message in enumerate(nonsense(5, 500)):
            stranger.send(message, address)
            peer.send(message, address)
            assert client.receive() == (0x4000, message)
            client.send(0x4000, message)
            assert peer.receive() == (message, address)
            if number % 50 == 0:
                call.goes_on()
        client.end()
