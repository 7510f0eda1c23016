"""The bounds of the WebSocket protocol, and what it does not log; calls use it, see tests/api/livekit."""

import asyncio
import logging
from collections.abc import Iterator

import httpx
import pytest
from websockets import http11
from websockets.asyncio.client import connect
from websockets.frames import CloseCode

from api.http_protocol import MAX_HEAD
from api.websocket_protocol import CONTROL_BURST, BoundedWebSocketProtocol
from tests.api.livekit.calling import Client, access, serving


@pytest.fixture
def everything_is_logged() -> Iterator[None]:
    """As with log_level=debug."""
    loggers = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "uvicorn.access")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.mark.usefixtures("everything_is_logged")
async def test_tokens_are_not_logged_even_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    bearer, asked = access("alice"), access("bob")
    with caplog.at_level(logging.DEBUG):
        async with serving(log_level="debug") as server:
            async with connect(f"ws://127.0.0.1:{server.port}/rtc?access_token={bearer}"):
                pass
            async with httpx.AsyncClient(base_url=server.http_url) as http:
                await http.get(f"/rtc/validate?access_token={asked}")
            client = Client(server, access("carol"))
            await client.join()
            await client.close()
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore", "websockets"))]
    assert any("/rtc" in record.getMessage() for record in ours)
    for secret in (bearer, asked, client.bearer):
        assert [record.getMessage() for record in ours if secret in record.getMessage()] == []


async def test_a_client_that_does_not_answer_pings_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.serving.PING_INTERVAL", 0.05)
    monkeypatch.setattr("api.serving.PING_TIMEOUT", 0.05)
    async with serving() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = f"GET /rtc?access_token={access()} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        writer.write(f"{head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode())
        async with asyncio.timeout(20):
            assert b"101 Switching" in await reader.readuntil(b"\r\n\r\n")
            await reader.read()  # until the end, and no pong
        writer.close()
        metrics = server.app.state.context.metrics.registry
        assert metrics.get_sample_value("sluice_rooms") == 1  # its participant has time to come back


async def test_a_request_in_the_middle_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /rtc HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        async with asyncio.timeout(20):
            status = (await reader.read()).split(b" ", 2)[1]
        assert status == b"400"
        writer.close()


def test_heads_are_bounded_once() -> None:
    assert BoundedWebSocketProtocol.__module__ == "api.websocket_protocol"  # which has changed that of the library
    assert http11.MAX_LINE_LENGTH == MAX_HEAD


@pytest.mark.parametrize("opcode", [0x9, 0xA], ids=["pings", "pongs"])
async def test_who_sends_pings_and_pongs_only_is_let_go(opcode: int) -> None:
    async with serving() as server, connect(f"ws://127.0.0.1:{server.port}/rtc?access_token={access()}") as socket:
        masked = bytes([0x80 | opcode, 0x80, 0, 0, 0, 0])
        socket.transport.write(masked * int(CONTROL_BURST * 2))
        async with asyncio.timeout(20):
            await socket.wait_closed()
        assert socket.close_code == CloseCode.POLICY_VIOLATION
