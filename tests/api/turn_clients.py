"""Clients of a relay, as aioice makes them."""

import asyncio
import base64
import hmac
import time

from aioice.turn import TurnTransport, create_turn_endpoint

SECRET = "0123456789abcdef0123456789abcdef"


class Heard(asyncio.DatagramProtocol):
    """What came through the relay, with the sender's address."""

    def __init__(self) -> None:
        self.datagrams: list[tuple[bytes, tuple[str, int]]] = []
        self.closed = asyncio.Event()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.datagrams.append((data, addr))

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()


def credential(user: str, secret: str = SECRET, ttl: int = 300) -> tuple[str, str]:
    """As a backend makes them for `sluice turn`."""
    username = f"{int(time.time()) + ttl}:{user}"
    return username, base64.b64encode(hmac.digest(secret.encode(), username.encode(), "sha1")).decode()


class Clients:
    """All that were made; `close` ends those that are left."""

    def __init__(self) -> None:
        self._made: list[tuple[TurnTransport, Heard]] = []

    async def allocate(
        self, server: tuple[str, int], username: str, password: str, transport: str = "udp"
    ) -> tuple[TurnTransport, Heard]:
        """stun.TransactionFailed: refused."""
        made = await allocate(server, username, password, transport)
        self._made.append(made)
        return made

    async def close(self) -> None:
        for endpoint, _ in self._made:
            endpoint.close()
        async with asyncio.timeout(30):
            for _, heard in self._made:
                await heard.closed.wait()


async def allocate(
    server: tuple[str, int], username: str, password: str, transport: str = "udp"
) -> tuple[TurnTransport, Heard]:
    """One that the caller closes."""
    async with asyncio.timeout(20):
        endpoint, heard = await create_turn_endpoint(
            Heard, server_addr=server, username=username, password=password, transport=transport
        )
    return endpoint, heard
