"""One timer of the event loop for many deadlines."""

import asyncio
from collections.abc import Callable


class Timer:
    """Calls `expire(now)` whenever `next_deadline()` (seconds on `clock`) has come. After a change, call `rearm`."""

    def __init__(
        self,
        clock: Callable[[], float],
        next_deadline: Callable[[], float | None],
        expire: Callable[[float], None],
    ) -> None:
        self._clock = clock
        self._next_deadline = next_deadline
        self._expire = expire
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._armed_for: float | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.rearm()

    def close(self) -> None:
        self._loop = None
        self._disarm()

    def rearm(self) -> None:
        deadline = self._next_deadline()
        if self._loop is None or deadline == self._armed_for:
            return
        self._disarm()
        if deadline is not None:
            self._armed_for = deadline
            self._handle = self._loop.call_later(max(deadline - self._clock(), 0.0), self._fire)

    def _fire(self) -> None:
        self._armed_for = self._handle = None
        self._expire(self._clock())
        self.rearm()

    def _disarm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._armed_for = self._handle = None
