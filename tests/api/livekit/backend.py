"""A backend that uses /v1, and participants who have joined by LiveKit's signalling."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx

from tests.api.livekit.calling import Client, Server, access
from tests.api.recording import admin_token, bearer


@contextlib.asynccontextmanager
async def backend(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    headers = bearer(admin_token(now=datetime.now(UTC)))
    async with httpx.AsyncClient(base_url=server.http_url, headers=headers) as http:
        yield http


@contextlib.asynccontextmanager
async def joined(server: Server, identity: str, room: str = "room") -> AsyncIterator[Client]:
    """Somebody who has joined; without media."""
    client = Client(server, access(identity, room))
    try:
        await client.join()
        yield client
    finally:
        await client.close()


def told(response: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem."""
    return response.status_code, response.json()["code"]
