"""`sluice serve` in a namespace."""

import contextlib
import json
import secrets
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from api.tokens import VideoGrant, mint
from tests.nat.certificates import Certificates
from tests.net.natlab.running import output_of, probe, python, running
from tests.net.natlab.world import World
from tests.waiting import eventually

HTTP_PORT, TLS_PORT = 7880, 443
KEY = "nat"
SLUICE = (sys.executable, "-c", "from api.cli import main; main()")
"""The `sluice` command."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server as its clients know it, and where it runs."""

    world: World
    name: str
    address: str
    secret: str
    authority: Path

    @property
    def http(self) -> str:
        return f"http://{self._host}:{HTTP_PORT}"

    @property
    def https(self) -> str:
        return f"https://{self._host}"

    def token(self, identity: str, room: str, *, publish: bool = False, watch: bool = False) -> str:
        grant = VideoGrant(room=room, room_join=True, can_publish=publish, can_subscribe=watch)
        return mint(KEY, self.secret, grant, identity=identity, now=datetime.now(UTC))

    def at(self, address: str) -> "Server":
        """The same server by another of its addresses."""
        return replace(self, address=address)

    async def way_of(self, identity: str, room: str) -> str:
        """The way that a participant's media takes as the server sees it, named as `clients.ice` does."""

        async def look() -> str:
            path = (await self._connection(identity, room))["path"]
            return "" if path is None else f"{'relay' if path['relayed'] else 'direct'} {path['protocol']}"

        return await eventually(look, f"the server knows the way of {identity}")

    async def until_reached_from(self, address: str, identity: str, room: str) -> None:
        """Wait until a participant's media goes to this address of theirs."""

        async def look() -> bool:
            tried = (await self._connection(identity, room))["tried"]
            return any(path["selected"] and path["remote"].startswith(f"{address}:") for path in tried)

        await eventually(look, f"{identity} is at {address}", within=60)

    async def _connection(self, identity: str, room: str) -> dict[str, Any]:
        """`connection` of GET /v1/rooms/{room}/participants/{identity}."""
        grant = VideoGrant(room=room, room_admin=True)
        token = mint(KEY, self.secret, grant, identity="administrator", now=datetime.now(UTC))
        url = f"http://127.0.0.1:{HTTP_PORT}/v1/rooms/{quote(room)}/participants/{identity}"
        response = await output_of(self.world, self.name, *python("tests.nat.ask", url, token))
        status, _, body = response.partition("\n")
        assert status == "200", body
        connection: dict[str, Any] = json.loads(body)["connection"]
        return connection

    @property
    def _host(self) -> str:
        return f"[{self.address}]" if ":" in self.address else self.address


@contextlib.asynccontextmanager
async def serving(
    world: World, name: str, address: str, certificates: Certificates, log: Path, *options: str
) -> AsyncIterator[Server]:
    """A server with media on port 3478, HTTP on 7880, and HTTPS and TURN over TLS on 443.

    address: where clients find it.
    """
    server = Server(world, name, address, secrets.token_urlsafe(36), certificates.authority)
    tls = ("--tls", f":{TLS_PORT}", "--cert", str(certificates.chain), "--key", str(certificates.key))
    arguments = (*SLUICE, "serve", "--http", f":{HTTP_PORT}", *tls, *options)
    environment = {"SLUICE_KEYS": f"{KEY}:{server.secret}"}
    async with running(world, name, *arguments, log=log, environment=environment) as process:

        async def ready() -> bool:
            assert process.returncode is None, f"the server ended, see {log}"
            return await probe(world, name, "connect", "127.0.0.1", HTTP_PORT) == "connected"

        await eventually(ready, "the server listens", within=40)
        yield server
