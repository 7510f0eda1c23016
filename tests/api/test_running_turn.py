"""The TURN server on the event loop."""

import asyncio

from api.running_turn import RunningTurn
from sfu._datapath import Engine, StreamClosed, StunReceived
from sfu.datapath import Event
from sfu.pump import EventPump
from tests.api.turn_clients import SECRET, allocate, credential
from tests.waiting import eventually
from turn.settings import TurnSettings


async def test_a_group_ends_at_once_and_an_allocation_with_its_connection() -> None:
    engine = Engine([("127.0.0.1", 0)], workers=1, tcp=True)
    settings = TurnSettings(realm="sluice", secrets=(SECRET,))
    turn = RunningTurn(
        settings,
        engine,
        own_addresses=engine.local_addresses,
        host_addresses=["127.0.0.1"],
    )

    def handle(event: Event) -> None:
        match event:
            case StunReceived():
                turn.handle_stun(event.path, event.data)
            case StreamClosed():
                turn.server.handle_stream_closed(event.stream)

    pump = EventPump(engine, handle)
    pump.start()
    turn.start()
    server = engine.local_addresses[0]

    async def count(expected: int) -> bool:
        return sum(turn.server.counters().allocations.values()) == expected

    endpoint, heard = await allocate(server, *turn.credentials("group/alice"))
    other, other_heard = await allocate(server, *credential("bob"), "tcp")
    assert await count(2)
    turn.revoke("group")
    assert await count(1)
    other.close()
    await eventually(lambda: count(0), "bob's connection is closed, and his allocation with it")
    endpoint.close()
    async with asyncio.timeout(20):
        await heard.closed.wait()
        await other_heard.closed.wait()
    turn.close()
    pump.close()
    engine.close()
