"""What feeds a viewer's egress."""

from sfu.participant import Participant
from sfu.slot import Slot
from tests.sfu.rooms_of import H264, OPUS, VP8, publisher, track


def source_of(slot: Slot, broadcast: Participant | None) -> object:
    return slot.source(broadcast)


def test_the_first_track_of_the_kind_that_can_be_decoded() -> None:
    modern, plain, sound = track("video", H264), track("video", VP8), track("audio", OPUS)
    broadcast = publisher("alice", modern, plain, sound)
    assert source_of(Slot("video", 1, VP8), broadcast) == (plain, {96: (96, 97)})
    assert source_of(Slot("video", 1, VP8 + H264), broadcast) == (modern, {102: (102, None)})
    assert source_of(Slot("audio", 2, OPUS), broadcast) == (sound, {111: (111, None)})


def test_nothing_when_nothing_is_there_or_nothing_is_understood() -> None:
    assert source_of(Slot("video", 1, H264), publisher("alice", track("video", VP8))) == (None, {})
    assert source_of(Slot("audio", 1, OPUS), publisher("alice", track("video", VP8))) == (None, {})
    assert source_of(Slot("video", 1, VP8), None) == (None, {})
