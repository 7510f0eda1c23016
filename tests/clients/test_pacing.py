"""Frames come when their time has come, and not after the end."""

import asyncio
import time

import pytest
from aiortc.mediastreams import MediaStreamError

from clients.pacing import wait_for_turn
from clients.testsrc import TestTone


async def test_a_later_frame_waits_for_its_offset_and_a_late_one_does_not() -> None:
    track = TestTone()
    started = await wait_for_turn(track, None, 5.0)
    assert await wait_for_turn(track, started, 5.05) == started
    assert time.monotonic() >= started + 5.05
    async with asyncio.timeout(1):
        await wait_for_turn(track, started, -60.0)


async def test_an_ended_track_has_no_next_frame() -> None:
    track = TestTone()
    track.stop()
    with pytest.raises(MediaStreamError):
        await wait_for_turn(track, None, 0.0)
