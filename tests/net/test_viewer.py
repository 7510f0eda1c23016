"""The reference receiver is not blind: every way of rewriting wrongly that it exists to notice, it notices."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from sfu._datapath import SrtpSession
from tests.net.ice import Checker
from tests.net.rtp import Rtp
from tests.net.story import KEY_BYTES, PROFILE
from tests.net.viewer import EgressIds, Viewer
from tests.net.vp8 import Vp8Packet

Stream = list[tuple[Rtp, Vp8Packet]]
PARTS = 3


def stream(frames: int = 4, publisher: int = 1) -> Stream:
    """A faultless stream; the first frame is a keyframe."""
    packets = []
    for number in range(frames * PARTS):
        frame, part = divmod(number, PARTS)
        truth = Vp8Packet(100 + frame, frame, 1, publisher, frame, 0, part, PARTS, keyframe=frame == 0)
        packets.append((Rtp(101, 65_530 + number, 3_000 * frame, 7, bytes(truth), part == PARTS - 1), truth))
    return packets


def feed(packets: Stream) -> Viewer:
    """A viewer that got these packets, 1 ms apart. They are put on the wire and read back."""
    srtp = SrtpSession(PROFILE, bytes(KEY_BYTES), bytes(KEY_BYTES))
    viewer = Viewer(("192.0.2.9", 9), Checker("a", "b", "c"), srtp, EgressIds(101, 7, 102, 8))
    for at_ms, (packet, truth) in enumerate(packets):
        wire = bytes(replace(packet, payload=bytes(truth)))
        viewer.on_rtp(at_ms * 1_000, Rtp.parse(wire), wire)
    return viewer


def test_a_faultless_stream_is_decoded() -> None:
    viewer = feed(stream())
    assert [each.truth.frame for each in viewer.decoded] == [0, 1, 2, 3]
    assert not viewer.stream.holes


def test_packets_in_another_order_are_decoded_all_the_same() -> None:
    packets = stream()
    packets[4], packets[8] = packets[8], packets[4]
    assert [each.truth.frame for each in feed(packets).decoded] == [0, 1, 2, 3]


def test_a_hole_is_noted_and_waited_for() -> None:
    packets = stream()
    del packets[4]
    viewer = feed(packets)
    assert [each.truth.frame for each in viewer.decoded] == [0]
    assert list(viewer.stream.holes) == [65_534]


def change(at: int, **changes: object) -> Callable[[Stream], None]:
    def apply(packets: Stream) -> None:
        packet, truth = packets[at]
        rtp = {name: value for name, value in changes.items() if hasattr(packet, name)}
        rest = {name: value for name, value in changes.items() if not hasattr(packet, name)}
        packets[at] = (replace(packet, **rtp), replace(truth, **rest))  # type: ignore[arg-type]

    return apply


def frame_changed(frame: int, **changes: object) -> Callable[[Stream], None]:
    def apply(packets: Stream) -> None:
        for part in range(PARTS):
            change(frame * PARTS + part, **changes)(packets)

    return apply


@pytest.mark.parametrize(
    ("fault", "objection"),
    [
        (change(3, ssrc=9), "nobody announced"),
        (change(3, payload_type=96), "payload type"),
        (change(4, sequence=65_531), "used twice"),
        (change(4, timestamp=3_001), "two timestamps"),
        (frame_changed(2, timestamp=3_000), "time ran backwards"),
        (frame_changed(2, timestamp=2_999), "time ran backwards"),
        (change(4, marker=True), "marker"),
        (change(5, marker=False), "marker"),
        (change(4, picture_id=99), "two picture ids"),
        (frame_changed(2, picture_id=104), "picture id moved by 3"),
        (frame_changed(2, picture_id=101), "picture id moved by 0"),
        (frame_changed(2, tl0_pic_idx=9), "TL0PICIDX"),
        (frame_changed(2, publisher=2), "mid-GOP"),
    ],
)
def test_wrong_rewriting_is_objected_to(fault: Callable[[Stream], None], objection: str) -> None:
    packets = stream()
    fault(packets)
    with pytest.raises(AssertionError, match=objection):
        feed(packets)


def test_nothing_is_decoded_without_a_keyframe() -> None:
    packets = stream()
    frame_changed(0, keyframe=False)(packets)
    assert feed(packets).decoded == []


def test_a_damaged_payload_is_objected_to() -> None:
    packet, truth = stream()[0]
    payload = bytearray(bytes(truth))
    payload[-1] ^= 1
    viewer = feed([])
    with pytest.raises(ValueError, match="damaged"):
        viewer.on_rtp(0, replace(packet, payload=bytes(payload)), b"")
