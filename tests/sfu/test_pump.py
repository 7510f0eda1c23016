"""Events of real sockets on the loop."""

import asyncio
import socket

from sfu._datapath import Engine, IceConnected
from sfu.datapath import Event
from sfu.pump import BATCH, EventPump
from tests.net.ice import Checker
from tests.sfu.peers import eventually


def check(engine: Engine, client: socket.socket, ufrag: str) -> None:
    """Add a transport and send it a good check, which makes one event."""
    engine.add_transport(ufrag=ufrag, pwd="o" * 24, remote_ufrag="peer", extensions={})
    client.sendto(Checker("peer", ufrag, "o" * 24).request(), engine.local_addresses[0])


async def test_every_event_is_handled_in_batches_and_none_after_the_end() -> None:
    engine = Engine([("127.0.0.1", 0)], workers=1)
    clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3 * BATCH)]
    events: list[Event] = []
    turns = 0

    def handle(event: Event) -> None:
        events.append(event)
        if len(events) == 1:
            asyncio.get_running_loop().call_soon(count_a_turn)

    def count_a_turn() -> None:
        nonlocal turns
        turns = len(events)

    pump = EventPump(engine, handle)
    try:
        for number, client in enumerate(clients[1:]):
            check(engine, client, f"user{number}")
        pump.start()
        await eventually(lambda: len(events) == len(clients) - 1)
        assert all(isinstance(event, IceConnected) for event in events)
        assert turns <= BATCH
        pump.close()
        pump.close()
        check(engine, clients[0], "last")
        await asyncio.sleep(0)
        await eventually(lambda: len(engine.drain_events()) == 1)
        assert len(events) == len(clients) - 1
    finally:
        engine.close()
        for client in clients:
            client.close()
