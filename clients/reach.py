"""Which of several TURN servers can be reached from here, found out by a STUN Binding request to each (RFC 8489)."""

import asyncio
import contextlib
import secrets
import ssl
import struct
from collections.abc import Sequence

from clients.turn import PREFERENCE, TurnServer

TIMEOUT = 8.0
"""Seconds until a server that has not answered counts as out of reach."""
HEAD_START = 0.5
"""Seconds that better servers still have once one has answered."""

_COOKIE = 0x2112A442
_HEADER_SIZE = 20
_RETRY_INTERVAL = 0.25
"""Seconds between two requests over UDP."""


async def first_answering(servers: Sequence[TurnServer], tls: ssl.SSLContext) -> TurnServer | None:
    """The best server that answers, UDP before TCP before TLS; all are asked at once. None: none answered."""
    ranked = sorted(servers, key=lambda server: PREFERENCE.index(server.transport))
    clock = asyncio.get_running_loop().time
    asked = [asyncio.ensure_future(_answers(server, tls)) for server in ranked]
    deadline, best = clock() + TIMEOUT, len(asked)
    try:
        while not all(task.done() for task in asked[:best]) and (left := deadline - clock()) > 0:
            unsettled = [task for task in asked if not task.done()]
            await asyncio.wait(unsettled, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            best = next((rank for rank, task in enumerate(asked) if task.done() and task.result()), best)
            if best < len(asked):
                deadline = min(deadline, clock() + HEAD_START)
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    return ranked[best] if best < len(ranked) else None


async def _answers(server: TurnServer, tls: ssl.SSLContext) -> bool:
    header = struct.pack("!HHI", 0x0001, 0, _COOKIE) + secrets.token_bytes(12)
    ask = _ask_by_datagram if server.transport == "udp" else _ask_by_stream
    try:
        return await ask(server, header, tls)
    except (OSError, asyncio.IncompleteReadError):
        return False


async def _ask_by_stream(server: TurnServer, request: bytes, tls: ssl.SSLContext) -> bool:
    context = tls if server.transport == "tls" else None
    reader, writer = await asyncio.open_connection(server.host, server.port, ssl=context)
    try:
        writer.write(request)
        return _is_answer(await reader.readexactly(_HEADER_SIZE), request)
    finally:
        writer.transport.abort()


async def _ask_by_datagram(server: TurnServer, request: bytes, tls: ssl.SSLContext) -> bool:
    answer = _Answer(request)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: answer, remote_addr=(server.host, server.port))
    try:
        while not answer.settled.done():
            transport.sendto(request)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(answer.settled), _RETRY_INTERVAL)
        return answer.settled.result()
    finally:
        transport.abort()


class _Answer(asyncio.DatagramProtocol):
    """Waits for the answer to one request: True when it comes, False when the network says that it will not."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.settled: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if _is_answer(data, self._request):
            self._settle(True)

    def error_received(self, exc: Exception) -> None:
        self._settle(False)

    def _settle(self, answered: bool) -> None:
        if not self.settled.done():
            self.settled.set_result(answered)


def _is_answer(data: bytes, request: bytes) -> bool:
    """A response of either class to this transaction: being refused is being reached."""
    return len(data) >= _HEADER_SIZE and data[0] == 0x01 and data[4:_HEADER_SIZE] == request[4:]
