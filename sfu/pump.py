"""The data path's events, brought onto the event loop in batches that leave others their turn."""

import asyncio
from collections.abc import Callable

from sfu._datapath import Engine
from sfu.datapath import Event

# A DTLS flight costs some 0.3 ms, so a batch keeps HTTP waiting for about 10 ms.
BATCH = 32


class EventPump:
    """Hands each event to `handle` on the running loop, from `start` to `close`."""

    def __init__(self, engine: Engine, handle: Callable[[Event], None]) -> None:
        self._engine = engine
        self._handle = handle
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._engine.event_fd, self._drain)

    def close(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._engine.event_fd)
            self._loop = None

    def _drain(self) -> None:
        """What is left keeps the descriptor readable, and has its turn after everything else that is ready."""
        for event in self._engine.drain_events(BATCH):
            self._handle(event)
