"""A web server on loopback that takes webhooks, or does not."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.waiting import eventually

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def answer(status: int, *fields: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status} X", "Content-Length: 0", *fields, "", "")).encode()


@dataclass(frozen=True)
class Received:
    line: str
    headers: dict[str, str]
    body: bytes


async def content(_: Received) -> bytes:
    return OK


async def never(_: Received) -> bytes:
    await asyncio.Event().wait()
    raise AssertionError("it has been waited for in vain")


Answer = Callable[[Received], Awaitable[bytes]]


@dataclass
class Receiver:
    """`answer` may be changed at any time."""

    port: int = 0
    answer: Answer = content
    received: list[Received] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def got(self, count: int) -> list[Received]:
        async def enough() -> bool:
            return len(self.received) >= count

        await eventually(enough, f"{count} requests")
        return self.received


@asynccontextmanager
async def receiver(
    answer: Answer = content, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    seen = Receiver(answer=answer)
    handlers: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                while True:
                    request = await _request(reader)
                    seen.received.append(request)
                    writer.write(await seen.answer(request))
                    await writer.drain()
        finally:
            handlers.discard(task)
            writer.close()
            with suppress(ConnectionError, ssl.SSLError, asyncio.CancelledError):
                await writer.wait_closed()

    server = await asyncio.start_server(handle, host, port, ssl=tls)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in set(handlers):
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> Received:
    line, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (text.partition(": ") for text in fields)}
    return Received(line, headers, await reader.readexactly(int(headers["content-length"])))
