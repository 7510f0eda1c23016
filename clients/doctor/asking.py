"""STUN requests, timed: over UDP or within a relay, over TCP, over TLS."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import cast

from aioice import stun

TRIES = 6
TRY_SECONDS = 0.5
"""Over UDP a request is repeated, with an id of its own so that its answer can be timed."""
STREAM_SECONDS = 5.0
"""TCP repeats by itself."""
REPETITIONS = 3
"""The best of so many is the round trip time."""

_HEADER = 20
_MAX_MESSAGE = 2048

NewRequest = Callable[[], stun.Message]
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """source: whence it came."""

    message: stun.Message
    source: Address
    round_trip_ms: float


class Asker(asyncio.DatagramProtocol):
    """The protocol of a UDP endpoint, or of one within a relay."""

    def __init__(self) -> None:
        self.transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[bytes, asyncio.Future[Answer]] = {}
        self._sent: dict[bytes, float] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        arrived = time.perf_counter()
        try:
            message = stun.parse_message(data)
        except ValueError:
            return
        waiting = self._waiting.get(message.transaction_id)
        if waiting is not None and not waiting.done() and message.message_class is not stun.Class.REQUEST:
            elapsed = arrived - self._sent[message.transaction_id]
            waiting.set_result(Answer(message, (str(addr[0]), addr[1]), elapsed * 1e3))

    def error_received(self, exc: Exception) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(exc)

    async def ask(self, new_request: NewRequest, to: Address | None = None, tries: int = TRIES) -> Answer:
        """The first answer. to: None where the socket is connected. TimeoutError: none came. OSError: none will."""
        if self.transport is None:
            raise OSError("not open")
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        try:
            for _ in range(tries):
                request = new_request()
                self._waiting[request.transaction_id] = answered
                self._sent[request.transaction_id] = time.perf_counter()
                self.transport.sendto(bytes(request), to)
                with contextlib.suppress(TimeoutError):
                    return await asyncio.wait_for(asyncio.shield(answered), TRY_SECONDS)
            raise TimeoutError
        finally:
            for transaction in [key for key, waiting in self._waiting.items() if waiting is answered]:
                del self._waiting[transaction], self._sent[transaction]

    async def ask_again(self, new_request: NewRequest, to: Address | None = None) -> Answer:
        """As `ask`, with the best round trip time of a few."""
        answers = [await self.ask(new_request, to) for _ in range(REPETITIONS)]
        return min(answers, key=lambda answer: answer.round_trip_ms)


@contextlib.asynccontextmanager
async def udp(remote: Address | None = None, local: Address | None = None) -> AsyncIterator[Asker]:
    """A UDP socket, connected to `remote` or bound to `local`, one of which is given. OSError."""
    loop = asyncio.get_running_loop()
    transport, asker = await loop.create_datagram_endpoint(Asker, remote_addr=remote, local_addr=local)
    try:
        yield asker
    finally:
        transport.abort()


async def ask_by_stream(
    to: Address, new_request: NewRequest, *, tls: ssl.SSLContext | None = None, framed: bool = False
) -> tuple[Answer, float]:
    """The answer that took least of a few over one connection, and the milliseconds until that was there.

    framed: as RFC 4571 has it, for ICE; else STUN's own length is the frame (RFC 8489, 6.2.2). OSError (TimeoutError,
    ssl.SSLError among them), ValueError: what came is no STUN message.
    """
    began = time.perf_counter()
    async with asyncio.timeout(STREAM_SECONDS):
        reader, writer = await asyncio.open_connection(*to, ssl=tls)
        setup_ms = (time.perf_counter() - began) * 1e3
        try:
            answers = [await _exchange(reader, writer, bytes(new_request()), to, framed) for _ in range(REPETITIONS)]
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("ended before an answer") from error
        finally:
            writer.transport.abort()
    return min(answers, key=lambda answer: answer.round_trip_ms), setup_ms


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, source: Address, framed: bool
) -> Answer:
    sent = time.perf_counter()
    writer.write(len(request).to_bytes(2) + request if framed else request)
    if framed:
        data = await reader.readexactly(min(int.from_bytes(await reader.readexactly(2)), _MAX_MESSAGE))
    else:
        header = await reader.readexactly(_HEADER)
        data = header + await reader.readexactly(min(int.from_bytes(header[2:4]), _MAX_MESSAGE))
    return Answer(stun.parse_message(data), source, (time.perf_counter() - sent) * 1e3)
