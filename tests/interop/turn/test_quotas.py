"""What one credential uses up is its own: whoever has another neither notices nor goes without."""

import select
import socket
from contextlib import ExitStack

import pytest

from bench.relays import HOST
from tests.interop.turn.calls import Call
from tests.interop.turn.client import Client
from tests.interop.turn.links import PATIENCE
from tests.interop.turn.peers import Peer
from tests.interop.turn.servers import SluiceTurn
from tests.turn.client import code, relayed
from turn.attributes import EVEN_PORT
from turn.settings import TurnSettings
from turn.stun import Method

pytestmark = pytest.mark.interop

# As `sluice turn` has them; the settings without defaults do not matter.
LIMITS = TurnSettings(realm="", secrets=())
CONNECTIONS = 512  # of one source address


def newcomer_is_served(relay: SluiceTurn) -> None:
    with relay.client("newcomer") as client, Peer(HOST) as peer:
        Call(client, peer).goes_on()
        client.end()


def test_allocations(relay: SluiceTurn, call: Call) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(relay.client("greedy")) for _ in range(LIMITS.allocations_per_user + 3)]
        codes = [code(client.allocate()) for client in clients]
        assert codes == [0] * LIMITS.allocations_per_user + [486] * 3
        call.goes_on()
        newcomer_is_served(relay)
        clients[0].end()
        assert code(clients[-1].allocate()) == 0
        for client in (*clients[1 : LIMITS.allocations_per_user], clients[-1]):
            client.end()


def test_reservations(relay: SluiceTurn, call: Call) -> None:
    """Half of what an EVEN-PORT with its bit set holds is not used, and counts all the same."""
    with ExitStack() as stack:
        clients = [stack.enter_context(relay.client("reserving")) for _ in range(LIMITS.allocations_per_user)]
        codes = [code(client.allocate(EVEN_PORT.of(True))) for client in clients]
        assert codes == [0] * (LIMITS.allocations_per_user // 2) + [486] * (LIMITS.allocations_per_user // 2)
        call.goes_on()
        newcomer_is_served(relay)
        for client in clients[: LIMITS.allocations_per_user // 2]:
            client.end()


def test_permissions(relay: SluiceTurn, call: Call) -> None:
    with relay.client("sociable") as client:
        relayed(client.allocate())
        ips = [f"9.9.9.{last}" for last in range(LIMITS.permissions + 1)]
        assert client.permit(*ips) == 508
        assert [client.permit(ip) for ip in ips] == [0] * LIMITS.permissions + [508]
        assert client.permit(*ips[: LIMITS.permissions]) == 0
        call.goes_on()
        newcomer_is_served(relay)
        client.end()


def test_channels(relay: SluiceTurn, call: Call) -> None:
    with relay.client("channelling") as client:
        relayed(client.allocate())
        codes = [client.bind(0x4000 + number, ("9.9.9.9", 1024 + number)) for number in range(LIMITS.channels + 2)]
        assert codes == [0] * LIMITS.channels + [508] * 2
        call.goes_on()
        newcomer_is_served(relay)
        client.end()


def test_connections(relay: SluiceTurn, call: Call) -> None:
    """One address has only so many, and what it has beyond ends at once."""
    with ExitStack() as stack:
        links = {stack.enter_context(relay.link("tcp", "127.0.2.1")) for _ in range(CONNECTIONS + 16)}
        ended = set[socket.socket]()
        while len(ended) < 16:
            readable, _, _ = select.select({link.socket for link in links} - ended, [], [], PATIENCE)
            assert readable, "too many connections are kept"
            ended.update(readable)
        call.goes_on()
        for link in links:
            if link.socket not in ended:
                assert code(Client(link).request(Method.BINDING)) == 0
        with Client(relay.link("tcp", "127.0.2.2"), *relay.credentials("elsewhere")) as client:
            assert code(client.allocate()) == 0


def test_a_flood(relay: SluiceTurn, call: Call) -> None:
    """Beyond what one allocation may send, data is dropped: its own."""
    with relay.client("loud") as client, Peer(HOST) as peer:
        relayed(client.allocate())
        assert client.bind(0x4000, peer.address) == 0
        for _ in range(2000):
            client.send(0x4000, bytes(1200))
        call.goes_on()
        client.end()
