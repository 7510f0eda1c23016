"""Events on their way to one target: in order within a room, side by side between rooms, and not without end."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field

from sfu.deadlines import Deadlines

MAX_EVENTS = 4096
MAX_BYTES = 16 << 20


@dataclass(slots=True)
class Delivery:
    """One event for one target. number: they are counted as they come."""

    number: int
    room: str
    event_id: str
    body: bytes
    failures: int = 0


@dataclass(slots=True)
class _Line:
    """The events of one room; the first of them may be on its way, and is then not among those that wait."""

    waiting: deque[Delivery] = field(default_factory=deque)
    busy: bool = False


class EventQueue:
    """`now` is monotonic seconds. At the bound the oldest that waits is dropped: the newest say how things are."""

    def __init__(self, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._lines: dict[str, _Line] = {}
        self._waiting: OrderedDict[int, str] = OrderedDict()  # number to room, the oldest first
        self._bytes = 0
        self._due: Deadlines[str] = Deadlines()
        self._count = 0

    def __len__(self) -> int:
        """How many wait; those on their way are the caller's to bound."""
        return len(self._waiting)

    def push(self, room: str, event_id: str, body: bytes, now: float) -> int:
        """How many events were dropped: none, old ones to make room, or this one if it alone is too large."""
        if len(body) > self._max_bytes:
            return 1
        self._count += 1
        line = self._lines.setdefault(room, _Line())
        line.waiting.append(Delivery(self._count, room, event_id, body))
        self._waiting[self._count] = room
        self._bytes += len(body)
        if len(line.waiting) == 1 and not line.busy:
            self._due.set(room, now)
        return self._fit()

    def take(self, now: float) -> Delivery | None:
        """The next to be sent; its room waits until `done` or `retry` is called for it."""
        room = next(self._due.pop_due(now), None)
        if room is None:
            return None
        line = self._lines[room]
        line.busy = True
        return self._removed(line.waiting.popleft())

    def done(self, delivery: Delivery, now: float) -> None:
        """Delivered, or given up."""
        line = self._lines[delivery.room]
        line.busy = False
        if line.waiting:
            self._due.set(delivery.room, now)
        else:
            del self._lines[delivery.room]

    def retry(self, delivery: Delivery, due: float) -> int:
        """Again at `due`, before whatever is behind it in its room. How many events were dropped."""
        line = self._lines[delivery.room]
        line.busy = False
        line.waiting.appendleft(delivery)
        self._waiting[delivery.number] = delivery.room
        self._waiting.move_to_end(delivery.number, last=False)
        self._bytes += len(delivery.body)
        self._due.set(delivery.room, due)
        return self._fit()

    def hurry(self, now: float) -> None:
        """Whatever waits to be tried again may be taken now."""
        for room, line in self._lines.items():
            if line.waiting and not line.busy:
                self._due.set(room, now)

    def next_due(self) -> float | None:
        return self._due.next()

    def _fit(self) -> int:
        dropped = 0
        while len(self._waiting) > self._max_events or self._bytes > self._max_bytes:
            self._drop_oldest()
            dropped += 1
        return dropped

    def _drop_oldest(self) -> None:
        """It is the first of its room. What was behind it is due when it was: it is the target that is slow."""
        room = self._waiting[next(iter(self._waiting))]
        line = self._lines[room]
        self._removed(line.waiting.popleft())
        if not line.waiting and not line.busy:
            self._due.set(room, None)
            del self._lines[room]

    def _removed(self, delivery: Delivery) -> Delivery:
        del self._waiting[delivery.number]
        self._bytes -= len(delivery.body)
        return delivery
