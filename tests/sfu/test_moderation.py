"""What a backend does to participants, and what it is told where that cannot be done."""

from collections.abc import Callable

import pytest

from sfu.errors import Conflict, NotFound, Overloaded, Rejected, SfuError
from sfu.moderation import Moderation
from sfu.permissions import Permissions
from tests.sfu.calls.hall import Hall, sound
from tests.sfu.rooms_of import publisher, viewer

__all__ = ["sound"]
pytestmark = pytest.mark.usefixtures("sound")


@pytest.fixture
def hall() -> Hall:
    """Alice is in the call, the studio publishes by WHIP, and two viewers share an identity."""
    hall = Hall()
    hall.join("alice")
    for participant in (publisher("studio"), viewer("bob"), viewer("bob")):
        hall.room().join(participant)
    return hall


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (lambda it: it.remove("nowhere", "alice"), "room-not-found"),
        (lambda it: it.remove("hall", "carol"), "participant-not-found"),
        (lambda it: it.update("hall", "bob", name="viewers have none"), "participant-not-found"),
        (lambda it: it.mute("hall", "studio", "TR_1", True), "not-a-member"),
        (lambda it: it.mute("hall", "alice", "TR_1", True), "track-not-found"),
        (lambda it: it.subscribe("hall", "studio", ["TR_1"], True), "not-a-member"),
        (lambda it: it.set_room_metadata("nowhere", ""), "room-not-found"),
        (lambda it: it.move("hall", "alice", "hall"), "same-room"),
        (lambda it: it.move("hall", "studio", "garden"), "not-a-member"),
        (lambda it: it.forward("hall", "carol", "garden"), "participant-not-found"),
        (lambda it: it.forward("hall", "studio", "hall"), "same-room"),
    ],
)
def test_what_cannot_be_done_is_said(hall: Hall, action: Callable[[Moderation], object], code: str) -> None:
    with pytest.raises(SfuError) as refused:
        action(hall.moderation)
    assert refused.value.code == code
    assert isinstance(refused.value, NotFound | Conflict)
    assert [room.name for room in hall.rooms.list()] == ["hall"]


def test_everybody_of_an_identity_is_removed(hall: Hall) -> None:
    hall.moderation.remove("hall", "bob")
    hall.moderation.remove("hall", "alice")
    assert [who.identity for who in hall.room().participants] == ["studio"]


def test_what_is_not_named_stays(hall: Hall) -> None:
    changed = hall.moderation.update("hall", "alice", name="Alice", attributes={"a": "1", "b": "2"})
    hall.moderation.update("hall", "alice", metadata="m", attributes={"a": ""}, permissions=Permissions(agent=True))
    assert (changed.name, changed.metadata, changed.attributes) == ("Alice", "m", {"b": "2"})
    assert changed.permissions.agent
    assert hall.moderation.set_room_metadata("hall", "of the room").metadata == "of the room"


def test_the_server_mutes_and_does_not_unmute() -> None:
    hall = Hall()
    alice = hall.join("alice")
    sent, announced = alice.publish("audio"), alice.announce("audio")
    for one in (sent, announced):
        assert hall.moderation.mute("hall", "alice", one.id, True).muted
        hall.moderation.mute("hall", "alice", one.id, True)
    assert alice.said("track_muted") == [(sent,), (announced,)]
    with pytest.raises(Rejected, match="turn on"):
        hall.moderation.mute("hall", "alice", sent.id, False)
    alice.member.set_muted(sent.id, False)
    hall.moderation.mute("hall", "alice", sent.id, False)
    assert len(alice.said("track_muted")) == 2


def test_it_subscribes_as_the_participant_would() -> None:
    hall = Hall()
    alice, bob = hall.join("alice"), hall.join("bob", auto_subscribe=False)
    picture = alice.publish()
    hall.moderation.subscribe("hall", "bob", [picture.id], True)
    assert list(bob.member.subscribed) == [picture]
    hall.moderation.subscribe("hall", "bob", [picture.id], False)
    assert list(bob.member.subscribed) == []


def test_nobody_is_twice_in_a_room() -> None:
    hall = Hall(max_participants=2)
    alice = hall.join("alice")
    image = hall.moderation.forward("hall", "alice", "garden")
    for action in (hall.moderation.move, hall.moderation.forward):
        with pytest.raises(Conflict) as refused:
            action("hall", "alice", "garden")
        assert refused.value.code == "identity-taken"
    hall.moderation.remove("garden", "alice")
    assert image not in hall.room("garden").participants
    assert hall.moderation.move("hall", "alice", "garden") is alice.member
    assert hall.room("garden").participants == (alice.member.participant,)
    hall.join("bob", "garden")
    hall.join("carol")
    for action in (hall.moderation.move, hall.moderation.forward):
        with pytest.raises(Overloaded):
            action("hall", "carol", "garden")
