"""Participants."""

from sfu.participant import ParticipantState
from tests.sfu.rooms_of import publisher, viewer


def test_only_an_active_publisher_with_tracks_is_live() -> None:
    alice, bob = publisher(), viewer()
    assert [alice.is_live, bob.is_live] == [False, False]
    alice.state = bob.state = ParticipantState.ACTIVE
    assert [alice.is_live, bob.is_live] == [True, False]
    assert (alice.kind, bob.kind, alice.state) == ("publisher", "viewer", "active")
