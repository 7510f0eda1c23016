"""The relay beside a real SFU: credentials, and what becomes of them."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aioice import stun
from aioice.turn import TurnTransport

from api.ice_servers import IceServer
from api.relaying import Relaying
from api.sfu_settings import sfu_settings
from bench.server import free_port
from sfu.server import Sfu
from tests.api.recording import settings_for_tests
from tests.api.turn_clients import Clients, Heard
from tests.sfu.offers import CHROME, offer
from tests.waiting import eventually


class Relayed:
    """An SFU on loopback with its relay."""

    def __init__(self, **chosen: Any) -> None:
        settings = settings_for_tests(**({"rtc": "127.0.0.1:0", "workers": 2} | chosen))
        self.sfu = Sfu(sfu_settings(settings))
        self.relaying = Relaying(settings, self.sfu)
        self.clients = Clients()

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.sfu.media_port

    def server(self, room: str, identity: str, transport: str = "udp") -> IceServer:
        servers = self.relaying.ice_servers(room, identity)
        return next(server for server in servers if server.url.endswith(f"transport={transport}"))

    async def allocate(self, server: IceServer) -> tuple[TurnTransport, Heard]:
        assert server.username is not None
        assert server.credential is not None
        return await self.clients.allocate(
            self.address, server.username, server.credential, server.url.rpartition("=")[2]
        )

    def relays(self) -> int:
        return len(self.sfu.datapath.relay_stats())

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Relayed"]:
        await self.sfu.start()
        self.relaying.start()
        yield self
        await self.clients.close()
        self.relaying.close()
        await self.sfu.close()


@pytest.fixture
async def relayed() -> AsyncIterator[Relayed]:
    async with Relayed().running() as relayed:
        yield relayed


async def refused(relayed: Relayed, server: IceServer) -> int:
    with pytest.raises(stun.TransactionFailed) as failure:
        await relayed.allocate(server)
    return int(failure.value.response.attributes["ERROR-CODE"][0])


async def test_servers_are_named_by_their_address_each_with_a_credential_of_its_own(relayed: Relayed) -> None:
    host, port = relayed.address
    servers = relayed.relaying.ice_servers("room", "alice")
    assert [server.url for server in servers] == [
        f"stun:{host}:{port}",
        f"turn:{host}:{port}?transport=udp",
        f"turn:{host}:{port}?transport=tcp",
    ]
    assert servers[0].username is None
    others = relayed.relaying.ice_servers("room", "alice")
    assert servers[1].username != others[1].username
    assert "alice" not in str(servers[1].username)
    assert "room" not in str(servers[1].username)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_the_relayed_address_is_ours_with_a_port_of_its_own(relayed: Relayed, transport: str) -> None:
    endpoint, _ = await relayed.allocate(relayed.server("room", "alice", transport))
    ip, port = endpoint.get_extra_info("sockname")
    assert ip == "127.0.0.1"
    assert port != relayed.sfu.media_port


async def test_who_leaves_takes_the_relay_along_and_the_credential_is_worth_nothing(relayed: Relayed) -> None:
    offered = relayed.server("room", "alice")
    session = await relayed.sfu.publish("room", "alice", offer(CHROME))
    await relayed.allocate(offered)
    other = relayed.server("room", "bob")
    await relayed.allocate(other)

    async def count(expected: int) -> bool:
        return relayed.relays() == expected

    await eventually(lambda: count(2), "both relays")
    await session.close()
    await eventually(lambda: count(1), "alice's relay is gone")
    assert await refused(relayed, offered) == 401
    # One made afterwards is as good as ever, and so is everybody else's.
    await relayed.allocate(relayed.server("room", "alice"))
    await relayed.allocate(other)


async def test_who_publishes_anew_keeps_the_relay(relayed: Relayed) -> None:
    await relayed.sfu.publish("room", "alice", offer(CHROME))
    offered = relayed.server("room", "alice")
    await relayed.allocate(offered)
    await relayed.sfu.publish("room", "alice", offer(CHROME))
    await relayed.allocate(offered)


async def test_a_removed_participant_is_cut_off(relayed: Relayed) -> None:
    await relayed.sfu.publish("room", "alice", offer(CHROME))
    offered = relayed.server("room", "alice")
    await relayed.allocate(offered)
    relayed.sfu.moderation.remove("room", "alice")
    assert await refused(relayed, offered) == 401


async def test_a_second_address_is_named_where_nat_discovery_has_one() -> None:
    port, other = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
    async with Relayed(rtc=f"127.0.0.1:{port},127.0.0.2:{port}", nat_discovery_port=other).running() as relayed:
        urls = [server.url for server in relayed.relaying.ice_servers("hall", "alice")]
    assert urls[:2] == [f"stun:127.0.0.1:{port}", f"stun:127.0.0.2:{other}"]
