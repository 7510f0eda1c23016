"""A media file as live tracks, played over and over with timestamps that never go back."""

import asyncio
from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

import av
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame, AudioResampler, VideoFrame

from clients.pacing import wait_for_turn
from clients.testsrc import AUDIO_SAMPLES, SAMPLE_RATE

VIDEO_CLOCK = 90_000


class FilmTrack(MediaStreamTrack):
    """The first video or audio stream of a file, at the pace it was recorded at.

    Each track reads the file for itself. All begin their next pass after the length of the whole film, so that they
    stay together however often it is played.
    """

    def __init__(self, path: str, kind: Literal["audio", "video"]) -> None:
        super().__init__()
        self.kind = kind
        self._frames: Iterator[VideoFrame | AudioFrame] = _pictures(path) if kind == "video" else _sounds(path)
        self._started: float | None = None

    async def recv(self) -> VideoFrame | AudioFrame:
        frame = await asyncio.to_thread(next, self._frames, None) if self.readyState == "live" else None
        if frame is None:
            self.stop()
            raise MediaStreamError
        self._started = await wait_for_turn(self, self._started, float(frame.time or 0.0))
        return frame


def film_tracks(path: str) -> list[MediaStreamTrack]:
    """A track for each kind of media in the file. OSError, FFmpegError: it cannot be read."""
    with av.open(path) as container:
        kinds: list[Literal["audio", "video"]] = []
        if container.streams.video:
            kinds.append("video")
        if container.streams.audio:
            kinds.append("audio")
    return [FilmTrack(path, kind) for kind in kinds]


def _pictures(path: str) -> Iterator[VideoFrame]:
    passed = 0.0
    while True:
        length = 0.0
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for frame in container.decode(stream):
                if frame.pts is None:
                    continue
                at = frame.time - _beginning(container)
                length = at + 1 / float(stream.average_rate or 30)
                frame.pts, frame.time_base = round((passed + at) * VIDEO_CLOCK), Fraction(1, VIDEO_CLOCK)
                yield frame.reformat(format="yuv420p")
            length = _length(container) or length
        if not length:
            return
        passed += length


def _sounds(path: str) -> Iterator[AudioFrame]:
    """Opus wants 48 kHz in frames of 20 ms; what is left over at the end of a pass is not played."""
    passed = 0.0
    while True:
        samples = 0
        resampler = AudioResampler(format="s16", layout="stereo", rate=SAMPLE_RATE, frame_size=AUDIO_SAMPLES)
        with av.open(path) as container:
            length = _length(container)
            for decoded in container.decode(container.streams.audio[0]):
                for frame in resampler.resample(decoded):
                    if length and samples + frame.samples > length * SAMPLE_RATE:
                        break
                    frame.pts, frame.time_base = round(passed * SAMPLE_RATE) + samples, Fraction(1, SAMPLE_RATE)
                    samples += frame.samples
                    yield frame
        if not samples:
            return
        passed += length or samples / SAMPLE_RATE


def _beginning(container: av.container.InputContainer) -> float:
    """Seconds. Recordings of broadcasts rarely begin at 0."""
    return (container.start_time or 0) / av.time_base


def _length(container: av.container.InputContainer) -> float:
    """Seconds; 0 where the file does not say."""
    return (container.duration or 0) / av.time_base
