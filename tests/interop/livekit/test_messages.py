"""What LiveKit clients say to each other beside media: packets, streams and calls of procedures."""

import pytest

from bench.server import ServerProcess
from tests.interop.livekit.callers import call
from tests.interop.livekit.modes import both_modes

pytestmark = pytest.mark.interop


@both_modes
async def test_packets_reach_everybody_or_whom_they_are_for(server: ServerProcess, single: bool) -> None:
    async with call(server, f"packets-{single}", "alice", "bob", "carol", single=single) as (alice, bob, carol):
        await alice.ask("send", payload="to keep", topic="news")
        for caller in (bob, carol):
            packet = await caller.told("data")
            assert packet == {"event": "data", "from": "alice", "topic": "news", "text": "to keep", "reliable": True}
        for _ in range(20):  # any of them may be lost
            await alice.ask("send", payload="to lose", reliable=False, topic="news")
        for caller in (bob, carol):
            packet = await caller.told("data", lambda event: event["text"] == "to lose")
            assert (packet["from"], packet["topic"], packet["reliable"]) == ("alice", "news", False)
        await alice.ask("send", payload="for carol", to=["carol"])
        await carol.told("data", lambda event: event["text"] == "for carol")
        await alice.ask("send", payload="the last")
        await bob.told("data", lambda event: event["text"] == "the last")
        assert not [event for event in bob.events if event.get("text") == "for carol"]
        assert not [event for event in alice.events if event["event"] == "data"]


@both_modes
async def test_streams_of_text_and_bytes_arrive_whole(server: ServerProcess, single: bool) -> None:
    async with call(server, f"streams-{single}", "alice", "bob", single=single) as (alice, bob):
        await bob.ask("listen", topic="chat")
        long = "line of a long letter\n" * 4_000
        await alice.ask("send_text", text="short", topic="chat")
        heard = await bob.told("text")
        assert heard == {"event": "text", "from": "alice", "topic": "chat", "text": "short"}
        await alice.ask("send_text", text=long, topic="chat")
        await bob.told("text", lambda event: event["text"] == long)
        await alice.ask("send_bytes", size=300_000, topic="chat")
        got = await bob.told("bytes")
        assert (got["size"], got["right"]) == (300_000, True)


@both_modes
async def test_procedures_are_called(server: ServerProcess, single: bool) -> None:
    async with call(server, f"rpc-{single}", "alice", "bob", single=single) as (alice, bob):
        await bob.ask("serve", method="backwards")
        assert await alice.ask("call", to="bob", method="backwards", payload="stressed") == "alice: desserts"
        assert await alice.ask("call", to="bob", method="backwards", payload="x" * 12_000) == "alice: " + "x" * 12_000
        with pytest.raises(RuntimeError, match="not supported"):
            await alice.ask("call", to="bob", method="unknown", payload="")
