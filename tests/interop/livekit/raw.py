"""WebSockets by hand, for what no client library would send."""

import asyncio
import base64
import contextlib
import struct
from collections.abc import AsyncIterator

from livekit.protocol import rtc

from bench.server import ServerProcess

TEXT, BINARY, CLOSE, PING = 0x1, 0x2, 0x8, 0x9
_KEY = base64.b64encode(bytes(16)).decode()


def frame(payload: bytes, opcode: int = BINARY, *, fin: bool = True) -> bytes:
    """One frame of RFC 6455, 5.2, masked by zeros."""
    if len(payload) < 126:
        length = bytes([0x80 | len(payload)])
    elif len(payload) < 0x10000:
        length = struct.pack("!BH", 0x80 | 126, len(payload))
    else:
        length = struct.pack("!BQ", 0x80 | 127, len(payload))
    return bytes([opcode | (0x80 if fin else 0)]) + length + bytes(4) + payload


def request(**content: object) -> bytes:
    """A SignalRequest as a frame."""
    return frame(rtc.SignalRequest(**content).SerializeToString())  # type: ignore[arg-type]


class Wire:
    """A connection after its upgrade was asked for; `status` is what was said to that."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.status = 0

    async def open(self, server: ServerProcess, target: str, token: str) -> None:
        self._writer.write(
            f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{server.http_port}\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {_KEY}\r\n"
            f"Authorization: Bearer {token}\r\n\r\n".encode()
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        self.status = int(head.split()[1])

    async def send(self, data: bytes) -> bool:
        """False: the connection has ended. Waits while the server does not read."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError:
            return False
        return not self._writer.is_closing()

    async def receive(self) -> rtc.SignalResponse | None:
        """The next message; None: the connection has ended, in order or not."""
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                opcode, payload = await self._frame()
                if opcode == CLOSE:
                    return None
                if opcode == BINARY:
                    return rtc.SignalResponse.FromString(payload)
        return None

    async def received(self, kind: str) -> rtc.SignalResponse | None:
        """The next message of this kind; None: the connection ended before it came."""
        while (message := await self.receive()) is not None:
            if message.WhichOneof("message") == kind:
                return message
        return None

    async def ends(self) -> list[str]:
        """The kinds of all messages until the connection ends."""
        kinds = []
        while (message := await self.receive()) is not None:
            kinds.append(message.WhichOneof("message") or "")
        return kinds

    async def _frame(self) -> tuple[int, bytes]:
        first, length = await self._reader.readexactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self._reader.readexactly(8))
        return first & 0x0F, await self._reader.readexactly(length)


@contextlib.asynccontextmanager
async def wire(server: ServerProcess, token: str, target: str = "/rtc") -> AsyncIterator[Wire]:
    """A WebSocket to LiveKit's door, open or refused."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
    opened = Wire(reader, writer)
    try:
        await opened.open(server, target, token)
        yield opened
    finally:
        writer.transport.abort()
