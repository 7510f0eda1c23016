"""The one timer, on a real loop."""

import asyncio
import time

from sfu.timer import Timer


async def test_it_fires_for_the_earliest_deadline_and_again_for_the_next() -> None:
    deadlines = [time.monotonic(), time.monotonic() + 0.01]
    fired: list[float] = []
    done = asyncio.Event()

    def expire(now: float) -> None:
        fired.append(now)
        while deadlines and deadlines[0] <= now:
            deadlines.pop(0)
        if not deadlines:
            done.set()

    timer = Timer(time.monotonic, lambda: deadlines[0] if deadlines else None, expire)
    timer.rearm()
    timer.start()
    timer.rearm()
    await asyncio.wait_for(done.wait(), 5)
    timer.close()
    assert 1 <= len(fired) <= 2


async def test_after_close_it_never_fires() -> None:
    fired: list[float] = []
    timer = Timer(time.monotonic, time.monotonic, fired.append)
    timer.start()
    timer.close()
    for _ in range(3):
        await asyncio.sleep(0)
    assert fired == []
