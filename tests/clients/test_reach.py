"""The best relay that answers is chosen, and what does not answer costs little time."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import cast

import pytest

from clients import reach
from clients.reach import first_answering
from clients.turn import Transport, TurnServer

TLS = ssl.create_default_context()


class Answering(asyncio.DatagramProtocol):
    """Answers every STUN request, the first `deaf` excepted."""

    def __init__(self, deaf: int = 0) -> None:
        self._deaf = deaf

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(b"noise", addr)
        if self._deaf:
            self._deaf -= 1
            return
        self._transport.sendto(answer_to(data), addr)


def answer_to(request: bytes) -> bytes:
    """A Binding success response without attributes."""
    return b"\x01\x01\x00\x00" + request[4:20]


@contextlib.asynccontextmanager
async def udp(deaf: int = 0) -> AsyncIterator[TurnServer]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Answering(deaf), local_addr=("127.0.0.1", 0))
    try:
        yield server("udp", transport.get_extra_info("sockname")[1])
    finally:
        transport.close()


@contextlib.asynccontextmanager
async def tcp(answers: bool = True) -> AsyncIterator[TurnServer]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readexactly(20)
        writer.write(answer_to(request) if answers else b"")
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        yield server("tcp", listener.sockets[0].getsockname()[1])


def server(transport: Transport, port: int) -> TurnServer:
    return TurnServer("127.0.0.1", port, transport, "user", "password")


async def test_udp_comes_before_tcp_whatever_the_order() -> None:
    async with udp() as over_udp, tcp() as over_tcp:
        assert await first_answering([over_tcp, over_udp], TLS) == over_udp
        assert await first_answering([over_udp, over_tcp], TLS) == over_udp


async def test_a_lost_datagram_does_not_decide() -> None:
    async with udp(deaf=1) as over_udp, tcp() as over_tcp:
        assert await first_answering([over_udp, over_tcp], TLS) == over_udp


async def test_who_stays_silent_gives_way() -> None:
    async with udp(deaf=1_000) as silent, tcp() as over_tcp:
        started = asyncio.get_running_loop().time()
        assert await first_answering([silent, over_tcp], TLS) == over_tcp
        assert asyncio.get_running_loop().time() - started < reach.TIMEOUT


async def test_who_hangs_up_or_speaks_no_tls_or_is_not_there_does_not_count() -> None:
    async with tcp(answers=False) as rude, tcp() as plain, udp() as gone:
        pass
    async with tcp(answers=False) as rude, tcp() as plain:
        no_tls = TurnServer(plain.host, plain.port, "tls", "", "")
        assert await first_answering([gone, rude, no_tls], TLS) is None
        assert await first_answering([gone, rude, no_tls, plain], TLS) == plain


async def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "TIMEOUT", 0.3)
    async with udp(deaf=1_000) as silent:
        assert await first_answering([silent], TLS) is None
    assert await first_answering([], TLS) is None
