"""Sources open or say why not; sinks count what they are given."""

from fractions import Fraction
from pathlib import Path

import av
import pytest
from aiortc.mediastreams import MediaStreamTrack

from clients.media import AudioSink, SourceError, VideoSink, open_source
from clients.testsrc import TestPicture, TestTone


def test_the_test_source_has_video_and_audio() -> None:
    assert [track.kind for track in open_source("testsrc")] == ["video", "audio"]


@pytest.mark.parametrize("content", [None, b"", b"not a film"])
def test_what_is_no_media_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "film.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match="cannot play"):
        open_source(str(path))


async def test_a_file_is_played_in_a_loop(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    picture = TestPicture(320, 184)
    with av.open(path, "w") as output:
        stream = output.add_stream("libx264", rate=50, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 184, "yuv420p"
        for number in range(10):
            frame = picture.frame(number)
            frame.pts, frame.time_base = number, Fraction(1, 50)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    (track,) = open_source(str(path))
    sink = VideoSink()
    numbers = []
    for _ in range(25):
        sink.take(await _video(track))
        numbers.append(sink.number())
    track.stop()
    assert numbers[:10] == list(range(10))
    assert numbers.count(0) >= 2


def test_the_frame_rate_is_that_of_the_last_two_seconds() -> None:
    now = 100.0
    sink = VideoSink(lambda: now)
    assert sink.rate() == 0.0
    frame = TestPicture(320, 184).frame(7)
    for number in range(300):
        now = 100.0 + number / 30
        sink.take(frame)
    assert sink.rate() == pytest.approx(30, abs=0.6)
    assert (sink.frames, sink.size, sink.number()) == (300, (320, 184), 7)
    now += 10.0
    assert sink.rate() == 0.0


async def test_the_level_of_the_tone_and_of_silence() -> None:
    sink = AudioSink()
    tone = await TestTone().recv()
    sink.take(tone)
    assert sink.level_db == pytest.approx(-15.3, abs=0.5)  # amplitude 8000 of 32768
    tone.planes[0].update(bytes(tone.planes[0].buffer_size))
    sink.take(tone)
    assert sink.level_db == -100.0
    assert sink.frames == 2


async def _video(track: MediaStreamTrack) -> av.VideoFrame:
    frame = await track.recv()
    assert isinstance(frame, av.VideoFrame)
    return frame
