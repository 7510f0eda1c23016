"""What a backend's APIs check alike."""

from collections.abc import Mapping

import pytest

from api.administration import MAX_TIMEOUT, check_changes, check_room_settings, find_participant
from sfu.errors import NotFound, Rejected
from tests.api.recording import RecordedParticipant, RecordedRoom, WallClock

WHEN = WallClock().now()


def test_who_is_more_than_a_viewer_comes_first() -> None:
    people = [RecordedParticipant("a", kind, WHEN, id=f"PA_{kind}") for kind in ("viewer", "member")]
    room = RecordedRoom("room", WHEN, participants=people)
    assert find_participant(room, "a") is people[1]
    with pytest.raises(NotFound):
        find_participant(room, "b")


@pytest.mark.parametrize(
    ("name", "metadata", "attributes", "code"),
    [
        ("x" * 257, None, None, "name-too-long"),
        (None, "x" * 65_537, None, "metadata-too-large"),
        (None, None, {"b": "x" * 40_000}, "attributes-too-large"),
    ],
)
def test_changes_that_are_too_large(
    name: str | None, metadata: str | None, attributes: Mapping[str, str] | None, code: str
) -> None:
    alice = RecordedParticipant("alice", "member", WHEN, attributes={"a": "x" * 30_000})
    with pytest.raises(Rejected) as refusal:
        check_changes(alice, name=name, metadata=metadata, attributes=attributes)
    assert refusal.value.code == code


def test_what_is_removed_does_not_count() -> None:
    alice = RecordedParticipant("alice", "member", WHEN, attributes={"a": "x" * 30_000})
    check_changes(alice, name="", metadata=None, attributes={"a": "", "b": "x" * 40_000})


def test_settings_of_rooms() -> None:
    check_room_settings("x" * 65_536, MAX_TIMEOUT)
    for metadata, timeout in (("\u00e4" * 32_769, 0), ("", MAX_TIMEOUT + 1)):
        with pytest.raises(Rejected):
            check_room_settings(metadata, timeout)
