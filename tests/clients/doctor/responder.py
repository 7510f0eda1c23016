"""The media port of a server, as far as STUN goes: answers checks by UDP and, framed, by TCP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import cast

from aioice import stun

from clients.doctor.scratch import Scratch
from clients.signalling import Session

KEY = b"k" * 24


class Responder(asyncio.DatagramProtocol):
    """key: None answers with no integrity at all, as a STUN server does."""

    def __init__(self, key: bytes | None = KEY, deaf: int = 0) -> None:
        self._key, self._deaf = key, deaf
        self.received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.received += 1
        self._transport.sendto(b"noise", addr)
        if self.received > self._deaf:
            self._transport.sendto(self.answer(data, addr), addr)

    def answer(self, data: bytes, addr: tuple[str, int]) -> bytes:
        request = stun.parse_message(data)
        answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=request.transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = addr[:2]
        if self._key is not None:
            answer.add_message_integrity(self._key)
        return bytes(answer)


@contextlib.asynccontextmanager
async def by_udp(responder: Responder) -> AsyncIterator[tuple[str, int]]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: responder, local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[:2]
    finally:
        transport.close()


@contextlib.asynccontextmanager
async def by_tcp(responder: Responder | None, *, framed: bool = True) -> AsyncIterator[tuple[str, int]]:
    """Without a responder, every connection is ended at once."""

    served: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(cast("asyncio.Task[None]", asyncio.current_task()))
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while responder is not None:
                head = await reader.readexactly(2) if framed else b""
                header = await reader.readexactly(20)
                data = header + await reader.readexactly(int.from_bytes(header[2:4]))
                assert not framed or int.from_bytes(head) == len(data)
                answer = responder.answer(data, writer.get_extra_info("peername"))
                writer.write(len(answer).to_bytes(2) + answer if framed else answer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        yield listener.sockets[0].getsockname()[:2]
        await asyncio.gather(*served)


def scratch(*, udp: list[tuple[str, int]] | None = None, tcp: list[tuple[str, int]] | None = None) -> Scratch:
    return Scratch(Session("http://127.0.0.1/session", "", None), "theirs:ours", KEY, udp or [], tcp or [])


def closed_port() -> tuple[str, int]:
    """Where nobody listens: port 9 of the loopback, which is reserved (discard)."""
    return ("127.0.0.1", 9)
