"""The test picture moves and is numbered, the tone sounds, both at their pace."""

import time
from array import array
from itertools import pairwise

import pytest
from aiortc.mediastreams import MediaStreamError

from clients.media import frame_number
from clients.testsrc import TestPicture, TestTone, TestVideo


def test_planes_have_the_sizes_of_yuv_420() -> None:
    luma, u, v = TestPicture(640, 360).planes(5)
    assert (len(luma), len(u), len(v)) == (640 * 360, 320 * 180, 320 * 180)


def test_two_frames_differ_below_the_number_too() -> None:
    picture = TestPicture(320, 184)
    assert picture.planes(1)[0][320 * 23 :] != picture.planes(40)[0][320 * 23 :]


def test_sizes_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple"):
        TestPicture(100, 100)


async def test_frames_are_numbered_and_come_at_their_rate() -> None:
    video = TestVideo(320, 184, rate=50)
    started = time.monotonic()
    frames = [await video.recv() for _ in range(11)]
    assert time.monotonic() - started >= 0.199
    assert [frame_number(frame) for frame in frames] == list(range(11))
    assert [frame.pts for frame in frames] == [number * 1800 for number in range(11)]
    video.stop()
    with pytest.raises(MediaStreamError):
        await video.recv()


async def test_the_tone_is_a_tone_without_gaps() -> None:
    tone = TestTone()
    frames = [await tone.recv() for _ in range(5)]
    assert [frame.pts for frame in frames] == [0, 960, 1920, 2880, 3840]
    samples = array("h", b"".join(bytes(frame.planes[0])[:1920] for frame in frames))
    assert max(samples) > 7_900
    steps = [abs(after - before) for before, after in pairwise(samples)]
    assert max(steps) < 500
