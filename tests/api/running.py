"""The server on a real socket of loopback, over the recording SFU."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass

from api.app import create_app
from api.listeners import open_listeners
from api.serving import serve
from api.settings import Settings
from tests.api.recording import RecordingSfu, WallClock


@dataclass
class Running:
    url: str
    port: int
    status: "asyncio.Task[int]"
    sfu: RecordingSfu

    async def exchange(self, data: bytes) -> bytes:
        """What the server says to these bytes until it closes the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(20):
                with contextlib.suppress(ConnectionError):
                    writer.write(data)
                    await writer.drain()
                    return await reader.read()
                return b""
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def request(self, line: str, headers: dict[str, str], body: str = "") -> int:
        """The status of the answer to a hand-written request."""
        sent = {"Host": "a", "Connection": "close"} | headers
        fields = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        reply = await self.exchange(f"{line} HTTP/1.1\r\n{fields}\r\n{body}".encode())
        return int(reply.split()[1])


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    wall = WallClock()
    sfu = RecordingSfu(wall.now)
    app = create_app(settings, sfu, now=wall.now)
    listeners = open_listeners(settings.http)
    port = listeners[0].getsockname()[1]
    ready = asyncio.Event()
    status = asyncio.create_task(serve(settings, app, listeners, lambda _: ready.set()))
    async with asyncio.timeout(20):
        await ready.wait()
    try:
        yield Running(f"http://127.0.0.1:{port}", port, status, sfu)
    finally:
        if not status.done():
            os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(20):
            await asyncio.wait({status})
