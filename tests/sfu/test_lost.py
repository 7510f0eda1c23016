"""Who is remembered, and for how long."""

from datetime import UTC, datetime

from sfu.connection import Connection
from sfu.lost import MAX_LOST, MEMORY_SECONDS, LostParticipants
from sfu.participant import Participant, ParticipantKind

CONNECTION = Connection((), (), "connecting", "no check ever arrived")


def participant(number: int, identity: str = "alice") -> Participant:
    joined_at = datetime(2026, 11, 22, tzinfo=UTC)
    return Participant(id=f"pa_{number}", identity=identity, kind=ParticipantKind.VIEWER, joined_at=joined_at)


def test_the_one_lost_last_of_that_room_and_identity_is_found() -> None:
    lost = LostParticipants()
    people = [participant(1), participant(2), participant(3, "bob")]
    for room, who in zip(("hall", "hall", "hall"), people, strict=True):
        lost.note(1.0, room, who, CONNECTION)
    lost.note(1.0, "lobby", participant(4), CONNECTION)
    assert lost.find(2.0, "hall", "alice") is people[1]
    assert lost.find(2.0, "hall", "carol") is None
    assert lost.connection(2.0, people[0]) is CONNECTION
    assert lost.connection(2.0, participant(9)) is None


def test_it_is_forgotten_after_a_while() -> None:
    lost = LostParticipants()
    who = participant(1)
    lost.note(1.0, "hall", who, CONNECTION)
    assert lost.find(MEMORY_SECONDS, "hall", "alice") is who
    assert lost.find(1.0 + MEMORY_SECONDS, "hall", "alice") is None
    assert lost.connection(1.0 + MEMORY_SECONDS, who) is None


def test_of_very_many_the_first_are_forgotten() -> None:
    lost = LostParticipants()
    people = [participant(number) for number in range(MAX_LOST + 1)]
    for who in people:
        lost.note(1.0, "hall", who, CONNECTION)
    assert lost.connection(1.0, people[0]) is None
    assert lost.connection(1.0, people[1]) is CONNECTION
