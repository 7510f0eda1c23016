"""Where published media comes from and what becomes of received media."""

import math
import time
from array import array
from collections import deque
from collections.abc import Callable

from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame, VideoFrame
from av.error import FFmpegError

from clients import pattern
from clients.film import film_tracks
from clients.testsrc import TestTone, TestVideo

TEST_SOURCE = "testsrc"
SILENCE_DB = -100.0
RATE_WINDOW = 2.0
"""Seconds over which a frame rate is measured."""


class SourceError(Exception):
    """The source cannot be read."""


def open_source(source: str) -> list[MediaStreamTrack]:
    """Tracks of "testsrc" or of a media file, which is played in a loop. Raises SourceError."""
    if source == TEST_SOURCE:
        return [TestVideo(), TestTone()]
    try:
        tracks = film_tracks(source)
    except (OSError, FFmpegError) as error:
        raise SourceError(f"cannot play {source}: {error}") from error
    if not tracks:
        raise SourceError(f"{source} has neither video nor audio")
    return tracks


class VideoSink:
    """Counts and inspects decoded pictures."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._recent: deque[float] = deque(maxlen=1024)
        self.frames = 0
        self.size: tuple[int, int] | None = None
        self.first_at: float | None = None
        self.last: VideoFrame | None = None

    def take(self, frame: VideoFrame) -> None:
        now = self._clock()
        self.first_at = now if self.first_at is None else self.first_at
        self._recent.append(now)
        self.frames += 1
        self.size = (frame.width, frame.height)
        self.last = frame

    def rate(self) -> float:
        """Pictures per second over the last two seconds."""
        if self.first_at is None:
            return 0.0
        now = self._clock()
        while self._recent and self._recent[0] <= now - RATE_WINDOW:
            self._recent.popleft()
        return len(self._recent) / max(0.5, min(RATE_WINDOW, now - self.first_at))

    def number(self) -> int | None:
        """The time code in the newest picture, if it carries one."""
        return None if self.last is None else frame_number(self.last)


class AudioSink:
    """Measures the level of decoded audio."""

    def __init__(self) -> None:
        self.frames = 0
        self.level_db = SILENCE_DB
        """Of the newest frame, in dB relative to full scale."""

    def take(self, frame: AudioFrame) -> None:
        self.frames += 1
        if frame.format.name != "s16":
            return
        samples = array("h", bytes(frame.planes[0])[: frame.samples * len(frame.layout.channels) * 2])[::8]
        power = sum(sample * sample for sample in samples) / max(1, len(samples))
        self.level_db = 10 * math.log10(power / 32768**2) if power else SILENCE_DB


async def drain(track: MediaStreamTrack, video: VideoSink, audio: AudioSink) -> None:
    """Take every frame of a track until it ends (an unread track would pile up its frames)."""
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        if isinstance(frame, VideoFrame):
            video.take(frame)
        elif isinstance(frame, AudioFrame):
            audio.take(frame)


def frame_number(frame: VideoFrame) -> int | None:
    """The time code of `clients.pattern` in a planar YUV picture, or None."""
    luma = frame.planes[0]
    return pattern.read(memoryview(luma), frame.width, frame.height, luma.line_size)
