"""The test picture and tone: moving, numbered, and made of plain bytes."""

import math
from array import array
from fractions import Fraction

from aiortc.mediastreams import MediaStreamTrack
from av import AudioFrame, VideoFrame

from clients import pattern
from clients.pacing import wait_for_turn

SAMPLE_RATE = 48_000
AUDIO_SAMPLES = SAMPLE_RATE // 50
"""Samples per audio frame: 20 ms."""


class TestPicture:
    """Paints the numbered test picture: colour bars, a moving bright bar, and the time code of `clients.pattern`."""

    __test__ = False

    def __init__(self, width: int = 640, height: int = 360) -> None:
        if width % 32 or height % 8:
            raise ValueError("width must be a multiple of 32 and height of 8")
        self.width, self.height = width, height
        self._luma = b"".join(self._luma_row(y) for y in range(height))
        self._u = self._bars((128, 84, 184, 100, 156, 90, 170, 128)) * (height // 2)
        self._v = self._bars((128, 140, 100, 84, 212, 200, 110, 128)) * (height // 2)

    def planes(self, number: int) -> tuple[bytes, bytes, bytes]:
        """Y, U and V planes (4:2:0, no padding) of one frame."""
        luma = bytearray(self._luma)
        bar_height = self.height // 16
        top = self.height // 8 + number * 2 % (self.height * 7 // 8 - bar_height)
        luma[top * self.width : (top + bar_height) * self.width] = b"\xd0" * (bar_height * self.width)
        pattern.write(luma, self.width, self.height, self.width, number)
        return bytes(luma), self._u, self._v

    def frame(self, number: int) -> VideoFrame:
        """The same as a decoder's frame."""
        frame = VideoFrame(self.width, self.height, "yuv420p")
        for plane, data in zip(frame.planes, self.planes(number), strict=True):
            plane.update(_padded(data, plane.width, plane.line_size))
        return frame

    def _luma_row(self, y: int) -> bytes:
        shade = 60 + 100 * y // self.height
        return bytes(shade + 40 * x // self.width for x in range(self.width))

    def _bars(self, levels: tuple[int, ...]) -> bytes:
        bar = self.width // 2 // len(levels)
        return b"".join(bytes([level]) * bar for level in levels)


class TestVideo(MediaStreamTrack):
    """The test picture as a live track. A late frame is not skipped: the number counts frames, not time."""

    __test__ = False
    kind = "video"

    def __init__(self, width: int = 640, height: int = 360, rate: int = 30) -> None:
        super().__init__()
        self._picture = TestPicture(width, height)
        self._rate = rate
        self._started: float | None = None
        self.frames = 0
        """Frames handed out so far: the next frame's number."""

    async def recv(self) -> VideoFrame:
        self._started = await wait_for_turn(self, self._started, self.frames / self._rate)
        frame = self._picture.frame(self.frames)
        frame.pts, frame.time_base = self.frames * 90_000 // self._rate, Fraction(1, 90_000)
        self.frames += 1
        return frame


class TestTone(MediaStreamTrack):
    """A 440 Hz tone as a live track, in frames of 20 ms."""

    __test__ = False
    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        second = (int(8000 * math.sin(2 * math.pi * 440 * n / SAMPLE_RATE)) for n in range(SAMPLE_RATE))
        self._second = array("h", second).tobytes()  # 440 whole periods: repeats without a click
        self._started: float | None = None
        self._frames = 0

    async def recv(self) -> AudioFrame:
        self._started = await wait_for_turn(self, self._started, self._frames * AUDIO_SAMPLES / SAMPLE_RATE)
        start = self._frames * AUDIO_SAMPLES * 2 % len(self._second)
        frame = AudioFrame(format="s16", layout="mono", samples=AUDIO_SAMPLES)
        frame.planes[0].update(self._second[start : start + AUDIO_SAMPLES * 2])
        frame.pts, frame.sample_rate = self._frames * AUDIO_SAMPLES, SAMPLE_RATE
        frame.time_base = Fraction(1, SAMPLE_RATE)
        self._frames += 1
        return frame


def _padded(data: bytes, width: int, stride: int) -> bytes:
    """Rows of `width` bytes, each filled up to `stride`."""
    if width == stride:
        return data
    gap = bytes(stride - width)
    return b"".join(data[start : start + width] + gap for start in range(0, len(data), width))
