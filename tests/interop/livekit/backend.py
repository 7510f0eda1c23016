"""A backend of calls under test, by LiveKit's own server SDK."""

import contextlib
from collections.abc import AsyncIterator

from livekit.api import LiveKitAPI

from api.settings import DEV_KEY, DEV_SECRET
from bench.server import ServerProcess


@contextlib.asynccontextmanager
async def backend(server: ServerProcess) -> AsyncIterator[LiveKitAPI]:
    async with LiveKitAPI(server.url, DEV_KEY, DEV_SECRET) as livekit:
        yield livekit
