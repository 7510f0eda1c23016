"""Calls of a participant's methods that do not come to an answer; those that do are in test_room_service.py."""

import asyncio

import pytest

from api.livekit import server_rpc
from api.livekit.server_rpc import SEND_FAILED, Invocation, RpcError, ServerRpc
from sfu.errors import Overloaded
from tests.api.livekit.backend import joined
from tests.api.livekit.calling import Server, calling

HELLO = Invocation("greet", "hi")


async def test_where_nothing_more_can_wait_for_the_data_channel_there_is_no_call(server: Server) -> None:
    async with joined(server, "alice"):
        member = server.sfu.member("room", "alice")
        assert member is not None
        for size in (16_384, 16):
            while member.send_message(True, bytes(size)):
                pass
        with pytest.raises(RpcError) as failure:
            await ServerRpc(lambda: "id").call(member, HELLO)
        assert failure.value.code == SEND_FAILED


async def test_so_many_calls_wait_at_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_rpc, "MAX_CALLS", 1)
    calls = ServerRpc(lambda: "id")
    async with calling(server, "alice") as alice:
        member = server.sfu.member("room", "alice")
        assert member is not None
        waiting = asyncio.create_task(calls.call(member, HELLO))
        await alice.heard.get()
        with pytest.raises(Overloaded):
            await calls.call(member, HELLO)
        waiting.cancel()
        await asyncio.wait({waiting})
        again = asyncio.create_task(calls.call(member, HELLO))
        await alice.heard.get()
        member.close()
        with pytest.raises(RpcError):
            await again
