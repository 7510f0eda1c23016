"""A room: who is in it, and which of its publishers is the broadcast."""

from collections.abc import Sequence
from datetime import datetime

from sfu.errors import Overloaded
from sfu.events import Signal
from sfu.participant import Participant, ParticipantKind, ParticipantState
from sfu.track import Track

DEFAULT_EMPTY_TIMEOUT = 300.0
DEFAULT_DEPARTURE_TIMEOUT = 20.0
_ROOM_FULL_RETRY = 10.0


class Room:
    """Times are monotonic seconds. A room that nobody ever joined ends after `empty_timeout`, one that everybody left
    after `departure_timeout`.

    The broadcast is the newest publisher whose media can flow; `broadcast_changed` is told the room.
    """

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 - what it is called everywhere else
        name: str,
        created_at: datetime,
        now: float,
        max_participants: int,
        empty_timeout: float = DEFAULT_EMPTY_TIMEOUT,
        departure_timeout: float = DEFAULT_DEPARTURE_TIMEOUT,
        metadata: str = "",
    ) -> None:
        self.id = id
        self.name = name
        self.created_at = created_at
        self.max_participants = max_participants
        self.empty_timeout = empty_timeout
        self.departure_timeout = departure_timeout
        self.metadata = metadata
        self.broadcast: Participant | None = None
        self.expires_at: float | None = now + empty_timeout
        self.participant_joined = Signal[[Participant]]()
        self.participant_left = Signal[[Participant]]()
        self.track_published = Signal[[Participant, Track]]()
        self.track_unpublished = Signal[[Participant, Track]]()
        self.broadcast_changed = Signal[["Room"]]()
        self._participants: dict[str, Participant] = {}

    @property
    def participants(self) -> Sequence[Participant]:
        """In the order they joined."""
        return tuple(self._participants.values())

    def with_identity(self, identity: str) -> Sequence[Participant]:
        """Several viewers may share an identity (one watch link for all); there is at most one such publisher."""
        return tuple(participant for participant in self._participants.values() if participant.identity == identity)

    def publisher(self, identity: str) -> Participant | None:
        found = self.with_identity(identity)
        return next((participant for participant in found if participant.kind is ParticipantKind.PUBLISHER), None)

    def check_space(self, leaving: int = 0) -> None:
        """Overloaded ("room-full"): no one else fits in, even once `leaving` have left."""
        if len(self._participants) - leaving >= self.max_participants:
            raise Overloaded("room-full", "the room is full", retry_after=_ROOM_FULL_RETRY)

    def join(self, participant: Participant, leaving: int = 0) -> None:
        """Overloaded ("room-full"), as `check_space`."""
        self.check_space(leaving)
        self._participants[participant.id] = participant
        self.expires_at = None
        self.participant_joined.emit(participant)

    def activate(self, participant: Participant) -> None:
        """Their transport is connected."""
        if participant.id not in self._participants or participant.state is not ParticipantState.JOINING:
            return
        participant.state = ParticipantState.ACTIVE
        for track in participant.tracks:
            self.track_published.emit(participant, track)
        self._choose_broadcast()

    def leave(self, participant: Participant, now: float) -> None:
        if self._participants.pop(participant.id, None) is None:
            return
        was_active = participant.state is ParticipantState.ACTIVE
        participant.state = ParticipantState.DISCONNECTED
        if not self._participants:
            self.expires_at = now + self.departure_timeout
        for track in participant.tracks if was_active else ():
            self.track_unpublished.emit(participant, track)
        self.participant_left.emit(participant)
        self._choose_broadcast()

    def _choose_broadcast(self) -> None:
        newest_first = reversed(self._participants.values())
        newest = next((participant for participant in newest_first if participant.is_live), None)
        if newest is not self.broadcast:
            self.broadcast = newest
            self.broadcast_changed.emit(self)
