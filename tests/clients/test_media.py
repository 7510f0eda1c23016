"""Sources open or say why not; sinks count what they are given."""

from pathlib import Path

import pytest

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
