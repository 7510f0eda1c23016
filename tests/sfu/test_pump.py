"""Events of real sockets on the loop."""

import asyncio
import socket
from collections.abc import Callable, Sequence

from sfu._datapath import Engine, IceConnected
from sfu.datapath import Event
from sfu.pump import BATCH, EventPump
from tests.net.ice import Checker
from tests.sfu.peers import eventually


def add(engine: Engine, client: socket.socket, ufrag: str) -> Callable[[], None]:
    """A transport, and how to send it a good check, which makes one event however often it is repeated. As from a real
    client it must be, for the first may come before the worker knows of the transport."""
    engine.add_transport(ufrag=ufrag, pwd="o" * 24, remote_ufrag="peer", extensions={})
    checker, address = Checker("peer", ufrag, "o" * 24), engine.local_addresses[0]

    def check() -> None:
        client.sendto(checker.request(), address)

    return check


def repeat_until(checks: Sequence[Callable[[], None]], condition: Callable[[], bool]) -> Callable[[], bool]:
    """The condition; where it does not hold yet, the checks are sent once more."""

    def look() -> bool:
        if condition():
            return True
        for check in checks:
            check()
        return False

    return look


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
        checks = [add(engine, client, f"user{number}") for number, client in enumerate(clients[1:])]
        for check in checks:
            check()
        pump.start()
        await eventually(repeat_until(checks, lambda: len(events) == len(clients) - 1))
        assert all(isinstance(event, IceConnected) for event in events)
        assert turns <= BATCH
        pump.close()
        pump.close()
        last = add(engine, clients[0], "last")
        await eventually(repeat_until([last], lambda: len(engine.drain_events()) == 1))
        assert len(events) == len(clients) - 1
    finally:
        engine.close()
        for client in clients:
            client.close()
