"""TURN servers that a module's tests share, each user of theirs with a quota of its own."""

import socket
from collections.abc import Iterator

import pytest

from bench.relays import HOST, Site
from bench.server import free_port
from tests.interop.turn.calls import Call
from tests.interop.turn.peers import Peer
from tests.interop.turn.servers import (
    OPEN_TO_LOOPBACK,
    OPEN_TO_ONE,
    RELAYS_ON_LOOPBACK,
    UNHURRIED,
    SluiceTurn,
    indiscretions,
)

# turnutils_uclient draws its channel numbers from the range of before RFC 8656.
OLD_CHANNELS = "--old-channels"
EXTRAS = ("--tcp-allocations", "--mobility", OLD_CHANNELS)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site.create(tmp_path_factory.mktemp("turn"))


@pytest.fixture(scope="session")
def relay(site: Site) -> Iterator[SluiceTurn]:
    """All that can be switched on, and peers on the loopback."""
    yield from _served(SluiceTurn(site, *OPEN_TO_LOOPBACK, *RELAYS_ON_LOOPBACK, *UNHURRIED, *EXTRAS))


@pytest.fixture(scope="session")
def guarded(site: Site) -> Iterator[SluiceTurn]:
    """Open to the world, and to one address on the loopback."""
    yield from _served(SluiceTurn(site, *OPEN_TO_ONE, *RELAYS_ON_LOOPBACK, *UNHURRIED, "--tcp-allocations"))


@pytest.fixture(scope="session")
def closed(site: Site) -> Iterator[SluiceTurn]:
    """As it comes: peers are other clients."""
    yield from _served(SluiceTurn(site, OLD_CHANNELS))


@pytest.fixture(scope="session")
def discovery(site: Site) -> Iterator[SluiceTurn]:
    """Which tells about NATs (RFC 5780), from 127.0.0.2 and another port besides."""
    port = str(free_port(socket.SOCK_DGRAM))
    yield from _served(SluiceTurn(site, "--nat-discovery-port", port, hosts=(HOST, "127.0.0.2")))


@pytest.fixture
def call(relay: SluiceTurn) -> Iterator[Call]:
    """One that goes on before, while and after."""
    with relay.client("caller") as client, Peer(HOST) as peer:
        call = Call(client, peer)
        yield call
        call.goes_on()
        client.end()


def _served(server: SluiceTurn) -> Iterator[SluiceTurn]:
    """What it logs in all of that is quiet."""
    with server:
        yield server
    assert indiscretions(server.log) == []
