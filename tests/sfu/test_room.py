"""Who is in a room, and who is its broadcast."""

import pytest

from sfu.errors import Overloaded
from sfu.participant import ParticipantState
from tests.sfu.rooms_of import publisher, room, viewer


def test_the_broadcast_is_the_newest_publisher_whose_media_flows() -> None:
    hall = room()
    changes: list[str | None] = []
    hall.broadcast_changed.connect(lambda here: changes.append(here.broadcast.identity if here.broadcast else None))
    alice, carol = publisher("alice"), publisher("carol")
    hall.join(alice)
    hall.join(carol)
    assert hall.broadcast is None
    hall.activate(alice)
    hall.activate(carol)
    hall.leave(carol, 1.0)
    hall.leave(alice, 2.0)
    assert changes == ["alice", "carol", "alice", None]


def test_viewers_are_never_the_broadcast() -> None:
    hall = room()
    bob = viewer()
    hall.join(bob)
    hall.activate(bob)
    assert hall.broadcast is None
    assert bob.hidden


def test_everything_that_happens_is_told_once() -> None:
    hall = room()
    seen: list[str] = []
    hall.participant_joined.connect(lambda who: seen.append(f"joined {who.identity}"))
    hall.participant_left.connect(lambda who: seen.append(f"left {who.identity}"))
    hall.track_published.connect(lambda _, track: seen.append(f"published {track.kind}"))
    hall.track_unpublished.connect(lambda _, track: seen.append(f"unpublished {track.kind}"))
    alice = publisher()
    hall.join(alice)
    hall.activate(alice)
    hall.activate(alice)
    hall.leave(alice, 1.0)
    hall.leave(alice, 1.0)
    hall.activate(alice)
    assert seen == [
        "joined alice",
        "published video",
        "published audio",
        "unpublished video",
        "unpublished audio",
        "left alice",
    ]
    assert alice.state is ParticipantState.DISCONNECTED


def test_a_room_has_a_limit() -> None:
    hall = room(max_participants=1)
    hall.join(publisher())
    hall.check_space(leaving=1)
    with pytest.raises(Overloaded) as caught:
        hall.join(viewer())
    assert caught.value.code == "room-full"
    assert len(hall.participants) == 1


def test_viewers_may_share_an_identity_and_others_are_found_by_theirs() -> None:
    hall = room()
    alice, *audience = publisher("x"), viewer("x"), viewer("x")
    for participant in (*audience, alice):
        hall.join(participant)
    assert hall.named("x") is alice
    assert hall.named("y") is None
    assert set(hall.with_identity("x")) == {alice, *audience}


def test_an_empty_room_expires_later_when_nobody_ever_came() -> None:
    hall, alice = room(), publisher()
    expiries = [hall.expires_at]
    hall.join(alice)
    expiries.append(hall.expires_at)
    hall.leave(alice, 50.0)
    expiries.append(hall.expires_at)
    assert expiries == [300.0, None, 70.0]
