"""The relay of an SFU, as far as it is told to clients; what it relays is tested with real clients elsewhere."""

import socket
from typing import Any

from api.ice_servers import IceServer
from api.relaying import Relaying
from api.sfu_settings import sfu_settings
from bench.server import free_port
from sfu.server import Sfu
from tests.api.recording import settings_for_tests


async def told(**chosen: Any) -> list[IceServer]:
    settings = settings_for_tests(workers=1, **chosen)
    sfu = Sfu(sfu_settings(settings))
    relaying = Relaying(settings, sfu)
    await sfu.start()
    try:
        relaying.start()
        servers = list(relaying.ice_servers("hall", "alice"))
    finally:
        relaying.close()
        await sfu.close()
    assert relaying.ice_servers("hall", "alice") == ()
    return servers


async def test_every_client_has_a_credential_of_its_own() -> None:
    servers = await told(rtc=f"127.0.0.1:{(port := free_port(socket.SOCK_DGRAM))}")
    assert [server.url for server in servers] == [
        f"stun:127.0.0.1:{port}",
        f"turn:127.0.0.1:{port}?transport=udp",
        f"turn:127.0.0.1:{port}?transport=tcp",
    ]
    assert servers[0].credential is None
    assert servers[1].credential == servers[2].credential
    assert all("alice" not in (server.username or "") for server in servers)


async def test_a_second_address_is_told_where_nat_discovery_has_one() -> None:
    port, other = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
    servers = await told(rtc=f"127.0.0.1:{port},127.0.0.2:{port}", nat_discovery_port=other)
    assert [server.url for server in servers if server.url.startswith("stun:")] == [
        f"stun:127.0.0.1:{port}",
        f"stun:127.0.0.2:{other}",
    ]
