"""The time code survives what happens to pictures on their way, and damage does not pass for a number."""

from fractions import Fraction

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients import pattern
from clients.media import frame_number
from clients.testsrc import TestPicture


@given(st.integers(0, 2**22 - 1))
def test_a_number_is_read_back_from_its_cells(number: int) -> None:
    levels = [235.0 if white else 16.0 for white in pattern.cells(number)]
    assert pattern.number(levels) == number


@given(st.integers(0, 2**22 - 1), st.integers(2, 31))
def test_one_wrong_cell_is_noticed(number: int, at: int) -> None:
    cells = pattern.cells(number)
    cells[at] = not cells[at]
    assert pattern.number([235.0 if white else 16.0 for white in cells]) is None


@given(st.lists(st.floats(0, 255), max_size=40))
def test_any_levels_are_read_without_error(levels: list[float]) -> None:
    number = pattern.number(levels)
    assert number is None or 0 <= number < 2**22


@settings(max_examples=20)
@given(st.integers(0, 2**22 - 1), st.sampled_from([(320, 180), (640, 360), (854, 480), (1281, 721)]))
def test_a_number_is_read_back_from_a_plane_of_any_size(number: int, size: tuple[int, int]) -> None:
    width, height = size
    stride = width + 7
    luma = bytearray(b"\x80" * (stride * height))
    pattern.write(luma, width, height, stride, number)
    assert pattern.read(luma, width, height, stride) == number


def test_a_plain_picture_has_no_number() -> None:
    assert pattern.read(b"\x80" * (320 * 180), 320, 180, 320) is None


@pytest.mark.parametrize(("encoder", "decoder"), [("libvpx", "vp8"), ("libx264", "h264")])
def test_the_number_survives_lossy_coding_and_scaling(encoder: str, decoder: str) -> None:
    picture = TestPicture(640, 360)
    coder = av.CodecContext.create(encoder, "w")
    assert isinstance(coder, av.VideoCodecContext)
    coder.width, coder.height, coder.pix_fmt, coder.bit_rate = 640, 360, "yuv420p", 150_000
    coder.time_base, coder.framerate = Fraction(1, 30), Fraction(30)
    reader = av.CodecContext.create(decoder, "r")
    assert isinstance(reader, av.VideoCodecContext)
    packets = []
    for number in range(1000, 1012):
        frame = picture.frame(number)
        frame.pts, frame.time_base = number, Fraction(1, 30)
        packets += coder.encode(frame)
    packets += coder.encode(None)
    frames = [frame for packet in [*packets, None] for frame in reader.decode(packet)]
    assert [frame_number(frame) for frame in frames] == list(range(1000, 1012))
    small = [frame.reformat(width=320, height=180) for frame in frames]
    assert [frame_number(frame) for frame in small] == list(range(1000, 1012))
