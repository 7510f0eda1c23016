"""Participants with an image in another room: it is like the original until either leaves."""

import pytest

from sfu.calls import forwarding
from sfu.errors import Conflict, Overloaded
from sfu.participant import ParticipantKind
from sfu.permissions import Permissions
from tests.sfu.calls.hall import Guest, Hall, sound

__all__ = ["sound"]
pytestmark = pytest.mark.usefixtures("sound")


class Twice:
    """Alice in the hall, her image in the garden, where Carol is."""

    def __init__(self, *, connect: bool = True) -> None:
        self.hall = Hall()
        self.alice: Guest = self.hall.join("alice", connect=connect)
        self.carol: Guest = self.hall.join("carol", "garden")
        self.carol.answer_all()

    def forward(self) -> None:
        self.image = self.hall.moderation.forward("hall", "alice", "garden")


def test_the_image_publishes_what_the_original_does() -> None:
    twice = Twice()
    first = twice.alice.publish()
    twice.forward()
    second = twice.alice.publish("audio")
    assert twice.image.kind is ParticipantKind.FORWARDED
    assert [one.handle for one in twice.image.tracks] == [first.handle, second.handle]
    assert not {one.id for one in twice.image.tracks} & {first.id, second.id}
    twice.carol.answer_all()
    assert set(twice.hall.datapath.sources.values()) == {first.handle, second.handle}
    twice.alice.member.set_muted(second.id, True)
    assert [one.muted for one in twice.image.tracks] == [False, True]
    twice.alice.unpublish(first)
    assert [one.handle for one in twice.image.tracks] == [second.handle]
    assert list(twice.carol.member.subscribed) == list(twice.image.tracks)


def test_the_image_is_called_and_permitted_what_the_original_is() -> None:
    twice = Twice()
    twice.alice.publish()
    twice.hall.moderation.update("hall", "alice", attributes={"a": "1", "b": "2"})
    twice.forward()
    assert len(twice.carol.member.subscribed) == 1
    twice.hall.moderation.update("hall", "alice", name="Alice", metadata="m", attributes={"a": ""})
    assert (twice.image.name, twice.image.metadata, twice.image.attributes) == ("Alice", "m", {"b": "2"})
    twice.hall.moderation.update("hall", "alice", permissions=Permissions(hidden=True))
    assert twice.image.hidden
    assert list(twice.carol.member.subscribed) == []


@pytest.mark.parametrize("leaves", ["original", "image", "moved"])
def test_either_leaves(leaves: str) -> None:
    twice = Twice()
    picture = twice.alice.publish()
    twice.forward()
    garden = twice.hall.room("garden")
    if leaves == "original":
        twice.alice.member.close()
    elif leaves == "image":
        twice.hall.moderation.remove("garden", "alice")
    else:
        twice.hall.moderation.move("hall", "alice", "attic")
    assert garden.named("alice") is None
    assert list(twice.carol.member.subscribed) == []
    if leaves == "image":
        assert picture.handle in twice.hall.datapath.tracks
        twice.alice.unpublish(picture)
        twice.alice.publish()
        assert list(twice.carol.member.subscribed) == []


def test_tracks_of_who_is_not_connected_come_with_that() -> None:
    twice = Twice(connect=False)
    gone, kept = twice.alice.publish(), twice.alice.publish()
    twice.forward()
    assert list(twice.image.tracks) == []
    twice.alice.unpublish(gone)
    twice.alice.connect()
    assert [one.handle for one in twice.image.tracks] == [kept.handle]


def test_an_image_is_forwarded_as_well_and_ends_with_it() -> None:
    twice = Twice()
    picture = twice.alice.publish()
    twice.forward()
    dave = twice.hall.join("dave", "attic")
    again = twice.hall.moderation.forward("garden", "alice", "attic")
    assert [one.handle for one in again.tracks] == [picture.handle]
    assert list(dave.member.subscribed) == list(again.tracks)
    with pytest.raises(Conflict):
        twice.hall.moderation.forward("attic", "alice", "hall")
    twice.alice.unpublish(picture)
    assert list(again.tracks) == []
    twice.alice.member.close()
    assert twice.hall.room("attic").named("alice") is None


def test_there_are_so_many_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "MAX_FORWARDED", 1)
    twice = Twice()
    twice.forward()
    with pytest.raises(Overloaded, match="too many"):
        twice.hall.moderation.forward("hall", "alice", "attic")
    assert twice.hall.room("attic").participants == ()
    twice.hall.moderation.remove("garden", "alice")
    twice.forward()
    assert twice.hall.room("garden").named("alice") is twice.image
