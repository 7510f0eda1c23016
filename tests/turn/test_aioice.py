"""aioice as client: a TURN implementation that is not ours, over real sockets."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aioice.turn import TurnTransport, create_turn_endpoint

from sfu._datapath import Engine, Path, StunReceived
from tests.turn.world import SETTINGS
from tests.waiting import eventually
from turn.server import TurnServer


class Listener(asyncio.DatagramProtocol):
    """What has come, and from where."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, object]] = []

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.heard.append((data, addr))


@asynccontextmanager
async def running() -> AsyncIterator[tuple[TurnServer, Engine]]:
    """On loopback, as the shell does it."""
    engine = Engine([("127.0.0.1", 0)], workers=2)
    engine.set_own_addresses(engine.local_addresses)
    server = TurnServer(
        SETTINGS,
        engine,
        own_addresses=engine.local_addresses,
        udp_path=Path,
        random_bytes=secrets.token_bytes,
    )

    def pump() -> None:
        for event in engine.drain_events():
            if isinstance(event, StunReceived):
                server.handle_stun(event.path, event.data, time.monotonic(), time.time())

    asyncio.get_running_loop().add_reader(engine.event_fd, pump)
    try:
        yield server, engine
    finally:
        asyncio.get_running_loop().remove_reader(engine.event_fd)
        engine.close()


async def relayed(server: TurnServer, engine: Engine, user: str) -> tuple[TurnTransport, Listener]:
    username, password, _ = server.credentials(user, time.time())
    return await create_turn_endpoint(Listener, engine.local_addresses[0], username, password)


async def test_two_of_them_talk_through_us() -> None:
    async with running() as (server, engine):
        (alice, alices), (bob, bobs) = [await relayed(server, engine, user) for user in ("alice", "bob")]
        addresses = {name: each.get_extra_info("sockname") for name, each in (("alice", alice), ("bob", bob))}

        async def both_heard() -> bool:
            """They say it again until both have bound their channels."""
            alice.sendto(b"from alice", addresses["bob"])
            bob.sendto(b"from bob", addresses["alice"])
            return bool(alices.heard and bobs.heard)

        await eventually(both_heard, "each has heard the other")
        assert alices.heard[0] == (b"from bob", addresses["bob"])
        assert bobs.heard[0] == (b"from alice", addresses["alice"])
        assert server.counters().allocations == {"udp": 2}
        alice.close()
        bob.close()

        async def ended() -> bool:
            return not server.counters().allocations

        await eventually(ended, "both allocations are deleted")
        assert {code for _, code in server.counters().answers} <= {0, 401}
