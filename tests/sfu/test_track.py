"""Tracks."""

from tests.sfu.rooms_of import H264, VP8, track


def test_the_codec_is_the_preferred_one() -> None:
    assert track("video", H264 + VP8).codec == "h264"
