"""A film goes on for ever, at its own pace, and its timestamps only rise."""

import asyncio
import itertools
from fractions import Fraction
from pathlib import Path

import av
import pytest
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from clients.film import film_tracks
from clients.media import frame_number
from clients.testsrc import AUDIO_SAMPLES, SAMPLE_RATE, TestPicture, TestTone

RATE = 50
PICTURES = 10


async def make_film(path: Path, *, sound: bool) -> None:
    """A fifth of a second of numbered pictures, and perhaps a tone."""
    picture, tone = TestPicture(320, 184), TestTone()
    with av.open(path, "w") as output:
        video = output.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 320, 184, "yuv420p"
        audio = output.add_stream("libopus", rate=SAMPLE_RATE, layout="mono") if sound else None
        for number in range(PICTURES):
            frame = picture.frame(number)
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            output.mux(video.encode(frame))
            if audio is not None:
                output.mux(audio.encode(await tone.recv()))
        output.mux(video.encode(None))
        if audio is not None:
            output.mux(audio.encode(None))


async def test_the_pictures_repeat_and_their_time_goes_on(tmp_path: Path) -> None:
    await make_film(tmp_path / "film.mkv", sound=False)
    (track,) = film_tracks(str(tmp_path / "film.mkv"))
    loop = asyncio.get_running_loop()
    began = loop.time()
    numbers, times = [], []
    for _ in range(3 * PICTURES):
        frame = await track.recv()
        assert isinstance(frame, av.VideoFrame)
        numbers.append(frame_number(frame))
        times.append(frame.time)
    assert numbers == list(range(PICTURES)) * 3
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert steps == [pytest.approx(1 / RATE, abs=0.002)] * len(steps)
    # Pacing may be late on a busy machine, but never early.
    assert loop.time() - began >= (len(times) - 1) / RATE - 0.01
    track.stop()
    with pytest.raises(MediaStreamError):
        await track.recv()


async def test_sound_stays_with_the_picture_from_pass_to_pass(tmp_path: Path) -> None:
    await make_film(tmp_path / "film.mkv", sound=True)
    pictures, sounds = film_tracks(str(tmp_path / "film.mkv"))
    first_again = await _time_of_second_pass(pictures)
    times: list[float] = []
    while not times or times[-1] < first_again:
        frame = await sounds.recv()
        assert isinstance(frame, av.AudioFrame)
        assert (frame.samples, frame.sample_rate) == (AUDIO_SAMPLES, SAMPLE_RATE)
        times.append(frame.time or 0.0)
    assert times == sorted(set(times))
    assert first_again == pytest.approx(times[-1], abs=0.02)


async def _time_of_second_pass(track: MediaStreamTrack) -> float:
    await track.recv()
    while True:
        frame = await track.recv()
        assert isinstance(frame, av.VideoFrame)
        if frame_number(frame) == 0:
            return frame.time or 0.0


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"not a film")
    with pytest.raises(av.error.FFmpegError):
        film_tracks(str(tmp_path / "film.mp4"))
