"""A room: who is in it, and which of its publishers is the broadcast."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sfu.errors import Overloaded
from sfu.events import Signal
from sfu.participant import Participant, ParticipantKind, ParticipantState
from sfu.quality import Quality
from sfu.speakers import SpeakerChange
from sfu.track import Track

DEFAULT_EMPTY_TIMEOUT = 300.0
DEFAULT_DEPARTURE_TIMEOUT = 20.0
_ROOM_FULL_RETRY = 10.0


class Room:
    """Times are monotonic seconds. A room that nobody ever joined ends after `empty_timeout`, one that everybody left
    after `departure_timeout`.

    The broadcast is whom viewers follow: the newest WHIP publisher whose media can flow, else a member of the call who
    sends video, who then stays it, else the newest with media. `broadcast_changed` is told the room, also when the
    broadcast's tracks are others.

    `participant_changed` tells of everything visible but tracks; tracks are told of while their participant is active.
    `participant_activated` comes before its tracks. `active_speakers` has the loudest first, `speakers_changed` who
    speaks, no longer speaks, or is louder or quieter; `qualities_changed` whose connection is better or worse, with a
    score of 1 to 4.5; `qualities` has what was told last, by participant id. `ended`: why there is no such room any
    more, "deleted" or "empty".
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
        self.ended: str | None = None
        self.expires_at: float | None = now + empty_timeout
        self.participant_joined = Signal[[Participant]]()
        self.participant_activated = Signal[[Participant]]()
        self.participant_changed = Signal[[Participant]]()
        self.participant_left = Signal[[Participant]]()
        self.track_published = Signal[[Participant, Track]]()
        self.track_unpublished = Signal[[Participant, Track]]()
        self.track_changed = Signal[[Participant, Track]]()
        self.changed = Signal[[]]()
        self.speakers_changed = Signal[[Sequence[SpeakerChange[Participant]]]]()
        self.qualities_changed = Signal[[Sequence[tuple[Participant, Quality, float]]]]()
        self.broadcast_changed = Signal[["Room"]]()
        self.active_speakers: Sequence[SpeakerChange[Participant]] = ()
        self.qualities: dict[str, tuple[Participant, Quality, float]] = {}
        self._participants: dict[str, Participant] = {}

    @property
    def participants(self) -> Sequence[Participant]:
        """In the order they joined."""
        return tuple(self._participants.values())

    def with_identity(self, identity: str) -> Sequence[Participant]:
        """Several viewers may share an identity (one watch link for all); there is at most one other of it."""
        return tuple(participant for participant in self._participants.values() if participant.identity == identity)

    def named(self, identity: str) -> Participant | None:
        """The one of this identity who is not merely a viewer."""
        found = self.with_identity(identity)
        return next((participant for participant in found if participant.kind is not ParticipantKind.VIEWER), None)

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
        participant.version += 1
        self.participant_activated.emit(participant)
        for track in participant.tracks:
            self.track_published.emit(participant, track)
        self._choose_broadcast()

    def add_track(self, participant: Participant, track: Track) -> None:
        """They publish one more from now on."""
        participant.tracks = (*participant.tracks, track)
        participant.version += 1
        if participant.state is ParticipantState.ACTIVE:
            self.track_published.emit(participant, track)
            self._choose_broadcast(participant)

    def remove_track(self, participant: Participant, track: Track) -> None:
        if track not in participant.tracks:
            return
        participant.tracks = tuple(other for other in participant.tracks if other is not track)
        participant.version += 1
        if participant.state is ParticipantState.ACTIVE:
            self.track_unpublished.emit(participant, track)
            self._choose_broadcast(participant)

    def change_track(self, participant: Participant, track: Track) -> None:
        """Something visible of the track is different."""
        participant.version += 1
        if participant.state is ParticipantState.ACTIVE:
            self.track_changed.emit(participant, track)

    def change(self, participant: Participant) -> None:
        """Something visible of the participant is different."""
        participant.version += 1
        self.participant_changed.emit(participant)

    def describe(
        self,
        participant: Participant,
        *,
        name: str | None = None,
        metadata: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        """What others see of the participant; None stays as it is, and so do attributes not named. "" removes one."""
        if name is not None:
            participant.name = name
        if metadata is not None:
            participant.metadata = metadata
        merged = {**participant.attributes, **(attributes or {})}
        participant.attributes = {key: value for key, value in merged.items() if value}
        self.change(participant)

    def set_metadata(self, metadata: str) -> None:
        self.metadata = metadata
        self.changed.emit()

    def leave(self, participant: Participant, now: float) -> None:
        if self._participants.pop(participant.id, None) is None:
            return
        self.qualities.pop(participant.id, None)
        was_active = participant.state is ParticipantState.ACTIVE
        participant.state = ParticipantState.DISCONNECTED
        participant.version += 1
        if not self._participants:
            self.expires_at = now + self.departure_timeout
        for track in participant.tracks if was_active else ():
            self.track_unpublished.emit(participant, track)
        self.participant_left.emit(participant)
        self._choose_broadcast()

    def _choose_broadcast(self, changed: Participant | None = None) -> None:
        live = [participant for participant in reversed(self._participants.values()) if participant.is_live]
        chosen = max(live, key=self._claim, default=None)
        if chosen is not self.broadcast or (changed is not None and changed is chosen):
            self.broadcast = chosen
            self.broadcast_changed.emit(self)

    def _claim(self, participant: Participant) -> tuple[bool, bool, bool]:
        """How good a broadcast they are; of equals the newest is taken."""
        published = participant.kind is ParticipantKind.PUBLISHER
        video = participant.has("video")
        return published, video and not published, not published and participant is self.broadcast and video
