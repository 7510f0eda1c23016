"""One connection: which answers are understood, and when it can be used again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from api.webhooks.connection import Connection, NoAnswerError
from tests.api.webhooks.receiver import OK, Received, answer, receiver
from tests.waiting import eventually

HEADERS = [("Host", "hooks.example")]


@asynccontextmanager
async def connected(content: bytes) -> AsyncIterator[Connection]:
    async def answers(_: Received) -> bytes:
        return content

    async with receiver(answers) as seen:
        connection = await Connection.open("127.0.0.1", seen.port, None, "hooks.example")
        try:
            yield connection
        finally:
            connection.close()


@pytest.mark.parametrize(
    ("content", "status", "again"),
    [
        (OK, 200, True),
        (answer(204), 204, True),
        (b"HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n" + OK, 200, True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, True),
        (answer(200, "Connection: close"), 200, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 200, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000, 200, False),
        (OK + b"HTTP/1.1 500 Smuggled\r\nContent-Length: 0\r\n\r\n", 200, False),
    ],
)
async def test_answers(content: bytes, status: int, again: bool) -> None:
    async with connected(content) as connection:
        for _ in range(2 if again else 1):
            assert await connection.post("/hook", HEADERS, b"{}") == status
            await connection.finish()
            assert connection.usable is again


async def test_who_hangs_up_without_an_answer() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        connection = await Connection.open("127.0.0.1", server.sockets[0].getsockname()[1], None, "")
        with pytest.raises((NoAnswerError, ConnectionError)):
            await connection.post("/", HEADERS, b"{}" * 100_000)
        assert not connection.usable
        connection.close()


async def test_a_connection_closed_while_idle_is_not_used_again() -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(OK)
        writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    async with server:
        connection = await Connection.open("127.0.0.1", server.sockets[0].getsockname()[1], None, "")
        assert await connection.post("/", HEADERS, b"{}") == 200
        await connection.finish()

        async def noticed() -> bool:
            return not connection.usable

        await eventually(noticed, "the end of the connection")
        connection.close()


@pytest.mark.parametrize(
    "content", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\nA" + b"a" * 99_999, b"\x16\x03\x01" * 99]
)
async def test_what_is_no_http_is_no_answer(content: bytes) -> None:
    async with connected(content) as connection:
        with pytest.raises(NoAnswerError):
            await connection.post("/", HEADERS, b"{}")
