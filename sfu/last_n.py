"""Whose camera everybody gets in a room that shows only the last N speakers."""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

# Every change costs each viewer a keyframe and each user a picture that moves: one at a time, this far apart.
SWAP_SECONDS = 1.0

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class _Publisher:
    """`joined`: a running number. `started`: when it began to speak, None if it does not; `spoke`: when it stopped;
    `muted`: there is no picture to show.
    """

    joined: int
    started: float | None = None
    spoke: float = -math.inf
    muted: bool = False


class LastN(Generic[K]):
    """The N last speakers of one room among those who publish a camera, by any key, e.g. participants.

    Who speaks goes before who spoke, and that before who never did; of those who speak, who has a place already, then
    who began earlier; of the others, who spoke later, then who came earlier. A newcomer takes the place of whom it
    replaces, and the others keep theirs: one such change in `SWAP_SECONDS`, and of nobody who still speaks. Who has a
    place does not watch itself and gets one more, the reserve, instead: thus a change replaces at most one picture for
    anybody. Holds one value per publisher.
    """

    def __init__(self, n: int) -> None:
        """`n` may be 0: then nobody has a place."""
        self.n = n
        self._publishers: dict[K, _Publisher] = {}
        self._places: list[K] = []
        self._reserve: K | None = None
        self._joined = 0
        self._swapped_at = -math.inf

    def passes(self, viewer: K, publisher: K, *, screen: bool = False, pinned: bool = False) -> bool:
        """Whether this viewer gets this publisher's video. Always: a screen share, and what it asked for by name."""
        return screen or pinned or publisher in self.shown_to(viewer)

    def shown_to(self, viewer: K) -> frozenset[K]:
        """Whose cameras this viewer gets, at most N."""
        shown = (self._reserve if key == viewer else key for key in self._places)
        return frozenset(key for key in shown if key is not None)

    @property
    def places(self) -> tuple[K, ...]:
        """Who has a place, each where it was before: what is shown to those who have none, in a stable order."""
        return tuple(self._places)

    def add(self, key: K, now: float) -> bool:
        """Somebody publishes a camera from now on; that it speaks must be said afterwards. True: `shown_to` changed."""
        if key in self._publishers:
            return False
        self._joined += 1
        self._publishers[key] = _Publisher(self._joined)
        return self._arrange(now)

    def remove(self, key: K, now: float) -> bool:
        """It does not any more. True: `shown_to` changed, for somebody."""
        return self._publishers.pop(key, None) is not None and self._vacate(key, now)

    def handle_mute(self, key: K, muted: bool, now: float) -> bool:
        """A camera is muted, and needs no place, or is not any more; when it spoke is remembered. True: `shown_to`
        changed, for somebody.
        """
        publisher = self._publishers.get(key)
        if publisher is None or muted == publisher.muted:
            return False
        publisher.muted = muted
        return self._vacate(key, now) if muted else self._arrange(now)

    def handle_speaking(self, key: K, speaking: bool, now: float) -> bool:
        """Somebody, known here or not, begins or ceases to speak (`sfu.speakers`). True: `shown_to` changed."""
        publisher = self._publishers.get(key)
        if publisher is None or speaking == (publisher.started is not None):
            return False
        if speaking:
            publisher.started = now
        else:
            publisher.started, publisher.spoke = None, now
        return self._arrange(now)

    def next_deadline(self) -> float | None:
        """When the next of those who wait may have its place."""
        return None if self._next_swap() is None else self._swapped_at + SWAP_SECONDS

    def handle_timeout(self, now: float) -> bool:
        """True: `shown_to` changed."""
        return self._arrange(now)

    def _vacate(self, key: K, now: float) -> bool:
        if key != self._reserve and key not in self._places:
            return False
        if key in self._places and self._reserve is not None:
            self._places[self._places.index(key)] = self._reserve
        elif key in self._places:
            self._places.remove(key)
        self._reserve = None
        self._fill()
        # That was a change for everybody; who waits for a place waits for as long as after any other.
        self._swapped_at = now
        return True

    def _arrange(self, now: float) -> bool:
        changed = self._fill()
        if (swap := self._next_swap()) is not None and now >= self._swapped_at + SWAP_SECONDS:
            self._swap(*swap)
            self._swapped_at = now
            changed = True
        return changed

    def _fill(self) -> bool:
        """Whoever there is takes the places that are free, at once: nobody loses a picture by that."""
        changed = False
        for key in self._ranking():
            if len(self._places) == self.n and (self._reserve is not None or not self.n):
                break
            if key in self._places or key == self._reserve:
                continue
            changed = True
            if len(self._places) < self.n:
                self._places.append(key)
            else:
                self._reserve = key
        return changed

    def _next_swap(self) -> tuple[K, K] | None:
        """Who is to come and who is to go, of the places or else the reserve."""
        ranking = self._ranking()
        out = [key for key in self._places if key not in ranking[: self.n]]
        if out:
            first = next(key for key in ranking if key not in self._places)
            return first, max(out, key=ranking.index)
        best = next((key for key in ranking if key not in self._places), None)
        if best is not None and self._reserve is not None and best != self._reserve and self.n:
            return best, self._reserve
        return None

    def _swap(self, coming: K, going: K) -> None:
        """Who loses its place becomes the reserve: it was a speaker more lately than the others without one."""
        if going in self._places:
            self._places[self._places.index(going)] = coming
            self._reserve = going
        else:
            self._reserve = coming

    def _ranking(self) -> list[K]:
        return sorted((key for key, known in self._publishers.items() if not known.muted), key=self._rank)

    def _rank(self, key: K) -> tuple[int, float, int]:
        publisher = self._publishers[key]
        if publisher.started is None:
            return 3, -publisher.spoke, publisher.joined
        place = 0 if key in self._places else 1 if key == self._reserve else 2
        return place, publisher.started, publisher.joined
