"""Which qualities of a call's video tracks anybody wants, so that publishers need not encode the others."""

from collections.abc import Callable

from sfu.calls.subscription import Subscription
from sfu.deadlines import Deadlines
from sfu.demand import Demand
from sfu.participant import Participant
from sfu.track import Track
from sfu.view_settings import wanted_quality

# The key of all who watch the room's broadcast, who get the best there is.
AUDIENCE = "audience"


class Demands:
    """`tell` is called with a track and the demand for it, when that changes."""

    def __init__(self, tell: Callable[[Participant, Track, Demand[str]], None]) -> None:
        self._tell = tell
        self._demands: dict[str, tuple[Participant, Track, Demand[str]]] = {}
        self._deadlines = Deadlines[str]()

    def add(self, publisher: Participant, track: Track, now: float) -> None:
        """It is published from now on. Only video of several layers is worth the words."""
        if track.kind == "video" and len(track.video_layers) > 1:
            self._demands[track.id] = (publisher, track, Demand[str](now))
            self._deadlines.set(track.id, self._demands[track.id][2].next_deadline())

    def remove(self, track: Track) -> None:
        self._demands.pop(track.id, None)
        self._deadlines.set(track.id, None)

    def want(self, viewer: str, subscription: Subscription, now: float) -> None:
        """What this viewer, by any name, wants of the track now."""
        known = self._demands.get(subscription.track.id)
        if known is not None:
            paused = subscription.paused
            quality = None if paused else wanted_quality(subscription.view, subscription.track.video_layers)
            self._settle(known, known[2].want(viewer, quality, now))

    def unwant(self, viewer: str, track: Track, now: float) -> None:
        known = self._demands.get(track.id)
        if known is not None:
            self._settle(known, known[2].want(viewer, None, now))

    def set_audience(self, broadcast: Participant | None, now: float) -> None:
        """All of the broadcast is wanted by those who watch it; None: nobody does."""
        for known in list(self._demands.values()):
            wanted = broadcast is not None and known[0] is broadcast
            self._settle(known, known[2].want(AUDIENCE, "high" if wanted else None, now))

    def next_deadline(self) -> float | None:
        return self._deadlines.next()

    def handle_timeout(self, now: float) -> None:
        for track_id in list(self._deadlines.pop_due(now)):
            # Who is told may leave, and its other tracks with it.
            if (known := self._demands.get(track_id)) is not None:
                self._settle(known, known[2].handle_timeout(now))

    def _settle(self, known: tuple[Participant, Track, Demand[str]], changed: bool) -> None:
        publisher, track, demand = known
        self._deadlines.set(track.id, demand.next_deadline())
        if changed:
            self._tell(publisher, track, demand)
