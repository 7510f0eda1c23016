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
    session = server.signalling.session(server.sfu.members("room")[0])
    assert session is not None

    async def stuck() -> bool:
        """Whether what was to be sent a while ago still is: the system keeps a lot for one who does not read."""
        if session.outbox.next_deadline() is not None:
            return True
        for _ in range(50):
            server.sfu.moderation.set_room_metadata("room", "x" * 60_000)
            await asyncio.sleep(0)
        return False

    await eventually(stuck, "no more is sent")
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
