"""All rooms of this server by name, and when those that stand empty end."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sfu.deadlines import Deadlines
from sfu.errors import Conflict, NotFound, Overloaded
from sfu.events import Signal
from sfu.ids import Ids
from sfu.room import DEFAULT_DEPARTURE_TIMEOUT, DEFAULT_EMPTY_TIMEOUT, Room

_TOO_MANY_ROOMS_RETRY = 30.0


class Rooms:
    """`opened` and `ended` are told the room; it is not listed any more when it has ended."""

    def __init__(
        self,
        ids: Ids,
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        max_rooms: int,
        max_participants: int,
    ) -> None:
        self.opened = Signal[[Room]]()
        self.ended = Signal[[Room]]()
        self.rescheduled = Signal[[]]()
        self._ids = ids
        self._clock = clock
        self._now = now
        self._max_rooms = max_rooms
        self._max_participants = max_participants
        self._rooms: dict[str, Room] = {}
        self._deadlines = Deadlines[str]()

    def create(
        self,
        name: str,
        *,
        empty_timeout: float = DEFAULT_EMPTY_TIMEOUT,
        departure_timeout: float = DEFAULT_DEPARTURE_TIMEOUT,
        max_participants: int = 0,
        metadata: str = "",
    ) -> Room:
        """Timeouts are in seconds; max_participants 0 means the server's limit, which it cannot exceed.

        Conflict ("room-exists"), Overloaded ("too-many-rooms").
        """
        if name in self._rooms:
            raise Conflict("room-exists", "there is a room of this name")
        if len(self._rooms) >= self._max_rooms:
            raise Overloaded(
                "too-many-rooms", "the server has as many rooms as it may", retry_after=_TOO_MANY_ROOMS_RETRY
            )
        room = Room(
            id=self._ids.object_id("RM"),
            name=name,
            created_at=self._now(),
            now=self._clock(),
            max_participants=min(max_participants or self._max_participants, self._max_participants),
            empty_timeout=empty_timeout,
            departure_timeout=departure_timeout,
            metadata=metadata,
        )
        self._rooms[name] = room
        room.participant_joined.connect(lambda _: self._reschedule(room))
        room.participant_left.connect(lambda _: self._reschedule(room))
        self._reschedule(room)
        self.opened.emit(room)
        return room

    def get(self, name: str) -> Room:
        """NotFound ("room-not-found")."""
        try:
            return self._rooms[name]
        except KeyError:
            raise NotFound("room-not-found", "there is no room of this name") from None

    def get_or_create(self, name: str) -> Room:
        return self._rooms.get(name) or self.create(name)

    def list(self) -> Sequence[Room]:
        """In the order they were created."""
        return tuple(self._rooms.values())

    def delete(self, name: str, reason: str = "deleted") -> None:
        """End the room for everyone in it. NotFound ("room-not-found")."""
        room = self.get(name)
        room.ended = reason
        del self._rooms[name]
        self._deadlines.set(name, None)
        self.ended.emit(room)

    def next_deadline(self) -> float | None:
        return self._deadlines.next()

    def handle_timeout(self, now: float) -> None:
        """End every room that stood empty for long enough."""
        for name in list(self._deadlines.pop_due(now)):
            self.delete(name, "empty")

    def _reschedule(self, room: Room) -> None:
        if self._rooms.get(room.name) is room:
            self._deadlines.set(room.name, room.expires_at)
            self.rescheduled.emit()
