"""One WebSocket, and how it ends."""

import asyncio

import pytest

from api.livekit import socket
from tests.api.livekit.calling import Client, Server, access
from tests.waiting import eventually


def sockets(server: Server) -> float | None:
    value: float | None = server.app.state.context.metrics.registry.get_sample_value("sluice_signalling_sockets")
    return value


async def test_last_words_are_waited_for_and_not_for_ever(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "CLOSING_SECONDS", 0.05)
    client = Client(server, access())
    await client.join()
    assert client.socket is not None
    assert sockets(server) == 1
    client.socket.transport.pause_reading()
    for _ in range(300):  # more than the system keeps for one who does not read
        server.sfu.moderation.set_room_metadata("room", "x" * 60_000)
        await asyncio.sleep(0)
    server.sfu.moderation.remove("room", "alice")

    async def ended() -> bool:
        return sockets(server) == 0

    await eventually(ended, "the connection is given up")
    await client.cut()


async def test_last_words_arrive(server: Server) -> None:
    client = Client(server, access())
    await client.join()
    server.sfu.moderation.remove("room", "alice")
    assert (await client.expect_end())[-1] == "leave"
    assert client.socket is not None
    assert client.socket.close_code == 1000
    assert sockets(server) == 0
