"""The rooms of a server, in virtual time."""

import pytest

from sfu.errors import Conflict, NotFound, Overloaded
from sfu.ids import Ids
from sfu.rooms import Rooms
from tests.sfu.rooms_of import NOW, publisher


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def rooms(clock: Clock, *, max_rooms: int = 3) -> Rooms:
    ids = Ids(lambda size: bytes(size))
    return Rooms(ids, clock=clock, now=lambda: NOW, max_rooms=max_rooms, max_participants=5)


def test_rooms_are_created_found_listed_and_deleted() -> None:
    all_rooms = rooms(Clock())
    hall = all_rooms.create("hall", metadata="x", max_participants=2)
    assert (hall.name, hall.metadata, hall.max_participants) == ("hall", "x", 2)
    assert all_rooms.get("hall") is all_rooms.get_or_create("hall") is hall
    lobby = all_rooms.get_or_create("lobby")
    assert lobby.max_participants == 5
    assert list(all_rooms.list()) == [hall, lobby]
    all_rooms.delete("hall")
    with pytest.raises(NotFound):
        all_rooms.get("hall")
    with pytest.raises(NotFound):
        all_rooms.delete("hall")


def test_a_name_is_taken_once_and_rooms_are_limited() -> None:
    all_rooms = rooms(Clock(), max_rooms=1)
    assert all_rooms.create("hall", max_participants=1000).max_participants == 5
    with pytest.raises(Conflict):
        all_rooms.create("hall")
    with pytest.raises(Overloaded):
        all_rooms.create("lobby")


def test_rooms_end_when_they_stood_empty_for_long_enough() -> None:
    clock = Clock()
    all_rooms = rooms(clock)
    ended: list[str] = []
    rescheduled: list[float | None] = []
    all_rooms.ended.connect(lambda room: ended.append(room.name))
    all_rooms.rescheduled.connect(lambda: rescheduled.append(all_rooms.next_deadline()))
    hall = all_rooms.create("hall", empty_timeout=10, departure_timeout=3)
    all_rooms.create("lobby", empty_timeout=20)
    assert all_rooms.next_deadline() == 110.0

    alice = publisher()
    hall.join(alice)
    assert all_rooms.next_deadline() == 120.0
    clock.now = 115.0
    hall.leave(alice, clock.now)
    assert all_rooms.next_deadline() == 118.0
    all_rooms.handle_timeout(117.9)
    assert ended == []
    all_rooms.handle_timeout(118.0)
    assert ended == ["hall"]
    all_rooms.handle_timeout(1000.0)
    assert ended == ["hall", "lobby"]
    assert all_rooms.next_deadline() is None
    assert rescheduled[-1] == 118.0


def test_leaving_a_deleted_room_does_not_bring_its_deadline_back() -> None:
    clock = Clock()
    all_rooms = rooms(clock)
    hall = all_rooms.create("hall")
    alice = publisher()
    hall.join(alice)
    all_rooms.delete("hall")
    hall.leave(alice, clock.now)
    assert all_rooms.next_deadline() is None
