"""What waits to be sent to one client, in order, with what can be told together told together."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from livekit.protocol import models, rtc

from sfu.participant import Participant

# What changes within this time (seconds) of the last such message is told in one. The first change is told at once.
GATHERING = 0.05
# In a large room longer, for so long for each who is in it: when two hundred join, everybody is told of everybody.
GATHERING_EACH, GATHERING_MAX = 0.002, 0.5
# Numbers of participants are for show.
ROOM_GATHERING = 5.0
# Of messages that wait for a client to read them. A client that does not is cut off.
MAX_WAITING_BYTES = 8 << 20
# Of those who left, the last ones are told again to a client that has been away: it may not have heard of them.
MAX_DEPARTED = 512

# What says nothing to a client that has been away: it is told anew how things stand, and asked again.
_STALE = frozenset(
    {
        "join",
        "reconnect",
        "offer",
        "answer",
        "pong",
        "pong_resp",
        "update",
        "room_update",
        "speakers_changed",
        "connection_quality",
        "media_sections_requirement",
        "refresh_token",
    }
)
# What no change can be of importance to.
_UNRELATED = frozenset({"pong", "pong_resp"})


@dataclass(frozen=True, slots=True)
class _Message:
    data: bytes
    kind: str


class Outbox:
    """Changes come before any message that was put in after them, since it may be about them.

    `describe` and `describe_room` are asked when it is told, so that it is always the latest. `wake` is called when
    there is more to take, now or later. All times are seconds of one clock. Once `overflowed`, it takes nothing more.
    """

    def __init__(
        self,
        describe: Callable[[Participant], models.ParticipantInfo],
        describe_room: Callable[[], models.Room],
        wake: Callable[[], None],
    ) -> None:
        self.overflowed = False
        self._describe = describe
        self._describe_room = describe_room
        self._wake = wake
        self._messages: deque[_Message] = deque()
        self._waiting_bytes = 0
        self._changed: dict[str, Participant | models.ParticipantInfo] = {}
        self._known: dict[str, Participant] = {}
        self._departed: dict[str, models.ParticipantInfo] = {}
        self._away = False
        self._finished = False
        self._speakers: dict[str, models.SpeakerInfo] = {}
        self._qualities: dict[str, rtc.ConnectionQualityInfo] = {}
        self._due: float | None = None
        self._told = float("-inf")
        self._room_due: float | None = None
        self._room_told = float("-inf")

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to be sent now."""
        return not self._messages

    def put(self, message: rtc.SignalResponse) -> None:
        if message.WhichOneof("message") not in _UNRELATED:
            self._flush()
        self._append(message)

    def put_join(self, message: rtc.SignalResponse, others: Iterable[Participant]) -> None:
        """The first message of all, of whatever size the room makes it."""
        self._known.update((participant.id, participant) for participant in others)
        self._append(message, counted=False)

    def note(self, participant: Participant, now: float) -> None:
        """They have come, or something about them is different."""
        self._known[participant.id] = participant
        self._change(participant.id, participant, now)

    def note_left(self, participant: Participant, now: float) -> None:
        """They have left, or hide; of no interest to a client that never heard of them."""
        if self._known.pop(participant.id, None) is None:
            return
        info = self._departed[participant.id] = models.ParticipantInfo()
        info.CopyFrom(self._describe(participant))
        info.state = models.ParticipantInfo.DISCONNECTED
        if len(self._departed) > MAX_DEPARTED:
            del self._departed[next(iter(self._departed))]
        self._change(participant.id, info, now)

    def note_speakers(self, speakers: Iterable[models.SpeakerInfo], now: float) -> None:
        if not self._away:
            self._speakers.update((speaker.sid, speaker) for speaker in speakers)
            self._schedule(now)

    def note_qualities(self, qualities: Iterable[rtc.ConnectionQualityInfo], now: float) -> None:
        if not self._away:
            self._qualities.update((quality.participant_sid, quality) for quality in qualities)
            self._schedule(now)

    def note_room(self, now: float, *, at_once: bool) -> None:
        """Something of the room is different; `at_once`: more than how many are in it."""
        if self._away or self._finished:
            return
        due = now if at_once else max(now, self._room_told + ROOM_GATHERING)
        self._room_due = due if self._room_due is None else min(due, self._room_due)
        self._wake()

    def next_deadline(self) -> float | None:
        """When there will be something to take; what was put in can be taken at once."""
        return min((due for due in (self._due, self._room_due) if due is not None), default=None)

    def take(self, now: float) -> list[bytes]:
        """Everything that is to be sent now."""
        if self._due is not None and now >= self._due:
            self._told = now
            self._flush()
        if self._room_due is not None and now >= self._room_due:
            self._room_due, self._room_told = None, now
            self.put(rtc.SignalResponse(room_update=rtc.RoomUpdate(room=self._describe_room())))
        taken = [message.data for message in self._messages]
        self._messages.clear()
        self._waiting_bytes = 0
        return taken

    def move(self, message: rtc.SignalResponse, others: Iterable[Participant]) -> None:
        """To another room, which the message says, with these others in it. Nobody of the old one is of interest."""
        self._forget_changes()
        self._known.clear()
        self._departed.clear()
        self.put_join(message, others)

    def suspend(self) -> None:
        """The client is away. How things stand it is told when it is back; what it is asked or answered waits."""
        self._away = True
        self._messages = deque(message for message in self._messages if message.kind not in _STALE)
        self._waiting_bytes = sum(len(message.data) for message in self._messages)
        self._forget_changes()

    def resume(self, first: rtc.SignalResponse, present: Iterable[Participant]) -> None:
        """The client is back: `first` comes first, then everybody who is `present` and those who have left, then the
        room, then what waited."""
        waited, self._messages = self._messages, deque()
        self._away = False
        here = list(present)
        self._known = {participant.id: participant for participant in here}
        identities = {participant.identity for participant in here}
        gone = [info for info in self._departed.values() if info.identity not in identities]
        everybody = [*gone, *(self._describe(participant) for participant in here)]
        # However large the room is, as much as ever can wait beside its description.
        self._append(first)
        update = rtc.ParticipantUpdate(participants=everybody)
        self._append(rtc.SignalResponse(update=update), counted=False)
        self._append(rtc.SignalResponse(room_update=rtc.RoomUpdate(room=self._describe_room())))
        self._messages.extend(waited)

    def finish(self, last: rtc.SignalResponse | None) -> None:
        """Take nothing more, after this."""
        if last is not None:
            self.put(last)
        self._forget_changes()
        self._finished = True
        self._wake()

    def _change(self, participant_id: str, change: Participant | models.ParticipantInfo, now: float) -> None:
        if not self._away:
            self._changed[participant_id] = change
            self._schedule(now)

    def _append(self, response: rtc.SignalResponse, *, counted: bool = True) -> None:
        message = _Message(response.SerializeToString(), response.WhichOneof("message") or "")
        if self.overflowed or self._finished or (self._away and message.kind in _STALE):
            return
        self._messages.append(message)
        self._waiting_bytes += len(message.data) if counted else 0
        if self._waiting_bytes > MAX_WAITING_BYTES:
            self.overflowed = True
            self._messages.clear()
        self._wake()

    def _flush(self) -> None:
        changed, speakers, qualities = self._changed, self._speakers, self._qualities
        self._changed, self._speakers, self._qualities = {}, {}, {}
        self._due = None
        if changed:
            infos = [
                self._describe(change) if isinstance(change, Participant) else change for change in changed.values()
            ]
            self._append(rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=infos)))
        if speakers:
            changes = rtc.SpeakersChanged(speakers=speakers.values())
            self._append(rtc.SignalResponse(speakers_changed=changes))
        if qualities:
            update = rtc.ConnectionQualityUpdate(updates=qualities.values())
            self._append(rtc.SignalResponse(connection_quality=update))

    def _forget_changes(self) -> None:
        self._changed, self._speakers, self._qualities = {}, {}, {}
        self._due = self._room_due = None

    def _schedule(self, now: float) -> None:
        if self._due is None and not self._finished:
            gathering = min(max(GATHERING, GATHERING_EACH * len(self._known)), GATHERING_MAX)
            self._due = max(now, self._told + gathering)
            self._wake()
