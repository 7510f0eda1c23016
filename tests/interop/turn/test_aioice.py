"""aioice as a client of `sluice turn`, over UDP, TCP and TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest
from aioice import stun
from aioice.turn import TurnClientTcpProtocol, TurnClientUdpProtocol, create_turn_endpoint

from bench.relays import HOST
from tests.interop.turn.peers import Peer
from tests.interop.turn.servers import SluiceTurn

pytestmark = pytest.mark.interop
WITHIN = 10.0


class Received(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.queue = asyncio.Queue[tuple[bytes, tuple[str, int]]]()
        self.closed = asyncio.Event()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.queue.put_nowait((data, addr))

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()


@pytest.mark.parametrize("protocol", ["udp", "tcp", "tls"])
async def test_data_goes_there_and_back(protocol: str, relay: SluiceTurn) -> None:
    username, password = relay.credentials(f"aioice-{protocol}")
    transport, received = await create_turn_endpoint(
        Received,
        server_addr=relay.tls_address if protocol == "tls" else relay.address,
        username=username,
        password=password,
        transport="udp" if protocol == "udp" else "tcp",
        ssl=_trusting() if protocol == "tls" else None,
    )
    with Peer(HOST) as peer:
        for size in (1, 2, 3, 1200):
            transport.sendto(bytes(size), peer.address)
            assert await asyncio.to_thread(peer.echo) == bytes(size)
            assert await asyncio.wait_for(received.queue.get(), WITHIN) == (bytes(size), peer.address)
    transport.close()
    await asyncio.wait_for(received.closed.wait(), WITHIN)


@pytest.fixture(params=["udp", "tcp", "tls"])
async def client(
    request: pytest.FixtureRequest, relay: SluiceTurn
) -> AsyncIterator[TurnClientUdpProtocol | TurnClientTcpProtocol]:
    """aioice's client at work, with an allocation."""
    server = relay.tls_address if request.param == "tls" else relay.address
    username, password = relay.credentials(f"aioice-inner-{request.param}")
    loop = asyncio.get_running_loop()
    client: TurnClientUdpProtocol | TurnClientTcpProtocol
    if request.param == "udp":
        _, client = await loop.create_datagram_endpoint(
            lambda: TurnClientUdpProtocol(server, username, password, 600, 500), remote_addr=server
        )
    else:
        context = _trusting() if request.param == "tls" else None
        _, client = await loop.create_connection(
            lambda: TurnClientTcpProtocol(server, username, password, 600, 500), *server, ssl=context
        )
    await client.connect()
    client.receiver = received = Received()
    yield client
    await client.delete()
    await asyncio.wait_for(received.closed.wait(), WITHIN)


async def test_an_allocation_is_refreshed(client: TurnClientUdpProtocol | TurnClientTcpProtocol) -> None:
    """aioice does not take an answer whose integrity is wrong."""
    request = stun.Message(stun.Method.REFRESH, stun.Class.REQUEST)
    request.attributes["LIFETIME"] = 900
    response, _ = await client.request_with_retry(request)
    assert response.attributes["LIFETIME"] == 900


async def test_a_nonce_that_is_not_good_any_more_is_replaced(
    client: TurnClientUdpProtocol | TurnClientTcpProtocol,
) -> None:
    assert client.nonce is not None
    client.nonce = before = client.nonce[:-8] + b"AAAAAAAA"
    request = stun.Message(stun.Method.REFRESH, stun.Class.REQUEST)
    request.attributes["LIFETIME"] = 600
    await client.request_with_retry(request)
    assert client.nonce != before


async def test_a_binding_request(client: TurnClientUdpProtocol | TurnClientTcpProtocol) -> None:
    client.integrity_key = None
    response, _ = await client.request(stun.Message(stun.Method.BINDING, stun.Class.REQUEST))
    assert response.attributes["XOR-MAPPED-ADDRESS"] == client.mapped_address


def _trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
