"""Media at the speed of life."""

import asyncio
import time

from aiortc.mediastreams import MediaStreamError, MediaStreamTrack


async def wait_for_turn(track: MediaStreamTrack, started: float | None, offset: float) -> float:
    """Sleep until `offset` seconds after the track's first frame; when that was. MediaStreamError: it has ended."""
    if track.readyState != "live":
        raise MediaStreamError
    if started is None:
        return time.monotonic() - offset
    await asyncio.sleep(max(0.0, started + offset - time.monotonic()))
    return started
