"""A TCP relay in front of a server, which can be cut and shut."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self


class Gate:
    """Use as an async context manager; `url` is its own."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = True
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        if self._server is not None:
            self._server.close()

    def cut(self) -> None:
        """All connections end, as if a cable were pulled somewhere."""
        for writer in list(self._writers):
            writer.transport.abort()

    def shut(self) -> None:
        """Nobody gets through, until `open`."""
        self._open = False
        self.cut()

    def open(self) -> None:
        self._open = True

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(OSError):
            if self._open:
                there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
                self._writers.add(there_writer)
                await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))
                self._writers.discard(there_writer)
        self._writers.discard(writer)
        writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()
