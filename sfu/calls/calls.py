"""All calls of this server: the members of its rooms, and when what they wait for is due."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from sfu.calls.call import Call
from sfu.calls.joining import Joining
from sfu.calls.member import Member
from sfu.deadlines import Deadlines
from sfu.events import Signal
from sfu.ids import Ids
from sfu.layering import Layering
from sfu.media_endpoint import MediaEndpoint
from sfu.participant import Participant, ParticipantKind, ParticipantState
from sfu.quality import ConnectionQuality
from sfu.room import Room


class Calls:
    """`rescheduled` says that `next_deadline` may have moved; `ended` is told each member that is in no call any more,
    and why.
    """

    def __init__(
        self,
        endpoint: MediaEndpoint,
        layering: Layering,
        ids: Ids,
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        last_n: int | None = None,
    ) -> None:
        self.rescheduled = Signal[[]]()
        self.ended = Signal[[Member, str]]()
        self._endpoint = endpoint
        self._ids = ids
        self._layering = layering
        layering.changed.connect(self.layers_changed)
        self._clock = clock
        self._now = now
        self._last_n = last_n
        self._calls: dict[str, Call] = {}
        self._members: dict[str, Member] = {}
        self._deadlines = Deadlines[str]()
        self._call_deadlines = Deadlines[str]()

    def join(self, room: Room, joining: Joining) -> Member:
        """Overloaded ("room-full")."""
        participant = Participant(
            id=self._ids.object_id("PA"),
            identity=joining.identity,
            kind=ParticipantKind.MEMBER,
            joined_at=self._now(),
            name=joining.name,
            metadata=joining.metadata,
            attributes=joining.attributes,
            permissions=joining.permissions,
            client_protocol=joining.client_protocol,
            capabilities=joining.capabilities,
            role=joining.role,
        )
        room.join(participant)
        member = Member(
            participant,
            room,
            joining,
            endpoint=self._endpoint,
            layering=self._layering,
            ids=self._ids,
            clock=self._clock,
            now=self._now,
        )
        self._members[participant.id] = member
        member.rescheduled.connect(lambda: self._reschedule(member))
        member.closed.connect(lambda reason: self._forget(member, reason))
        self._call(room).add(member)
        self._reschedule(member)
        return member

    def member(self, participant: Participant) -> Member | None:
        return self._members.get(participant.id)

    def members(self, room: Room) -> Sequence[Member]:
        """In the order they came."""
        call = self._calls.get(room.id)
        return call.members if call else ()

    def move(self, member: Member, destination: Room) -> None:
        """To another room, with everything it publishes; what it received from the old one ends.

        Overloaded ("room-full").
        """
        source, participant = member.room, member.participant
        destination.check_space()
        self._leave_call(member)
        state = participant.state
        source.leave(participant, self._clock())
        participant.state = ParticipantState.JOINING
        destination.join(participant)
        member.room = destination
        # Its client hears where it is before it hears of tracks there; whom it lets have its own tracks is known before
        # the others hear of those.
        member.moved.emit(destination)
        if member.ended is not None:
            return
        self._call(destination).add(member)
        if state is ParticipantState.ACTIVE:
            destination.activate(participant)

    def layers_changed(self, handle: int) -> None:
        """Other layers of the track that the data path calls so flow than before."""
        for call in self._calls.values():
            call.layers_changed(handle)

    def handle_levels(self, levels: Sequence[tuple[int, int, int]]) -> None:
        """Which tracks, by the data path's handles, were heard in the last 200 ms: how loud, and for how long."""
        now = self._clock()
        by_handle = {handle: (dbov, ms) for handle, dbov, ms in levels}
        for call in self._calls.values():
            call.handle_levels(by_handle, now)

    def quality(self, participant: Participant) -> ConnectionQuality | None:
        """How good a member's connection is, once that was looked at."""
        member = self.member(participant)
        call = self._calls.get(member.room.id) if member is not None else None
        return call.quality(participant) if call is not None else None

    def next_deadline(self) -> float | None:
        dues = (self._deadlines.next(), self._call_deadlines.next())
        return min((due for due in dues if due is not None), default=None)

    def handle_timeout(self, now: float) -> None:
        for participant_id in list(self._deadlines.pop_due(now)):
            member = self._members.get(participant_id)
            if member is not None:
                member.handle_timeout(now)
                self._reschedule(member)
        for room_id in list(self._call_deadlines.pop_due(now)):
            if (call := self._calls.get(room_id)) is not None:
                call.handle_timeout(now)
                self._reschedule_call(call)

    def _call(self, room: Room) -> Call:
        call = self._calls.get(room.id)
        if call is None:
            snapshot = self._endpoint.engine.transport_stats
            call = self._calls[room.id] = Call(room, snapshot, clock=self._clock, last_n=self._last_n)
            call.rescheduled.connect(partial(self._reschedule_call, call))
            self._reschedule_call(call)
        return call

    def _reschedule_call(self, call: Call) -> None:
        if self._calls.get(call.room.id) is call:
            self._call_deadlines.set(call.room.id, call.next_deadline())
            self.rescheduled.emit()

    def _reschedule(self, member: Member) -> None:
        if member.participant.id in self._members:
            self._deadlines.set(member.participant.id, member.next_deadline())
            self.rescheduled.emit()

    def _forget(self, member: Member, reason: str) -> None:
        self._members.pop(member.participant.id, None)
        self._deadlines.set(member.participant.id, None)
        self._leave_call(member)
        member.room.leave(member.participant, self._clock())
        self.ended.emit(member, reason)

    def _leave_call(self, member: Member) -> None:
        call = self._calls.get(member.room.id)
        if call is None:
            return
        call.remove(member)
        if not call.members:
            call.close()
            del self._calls[member.room.id]
            self._call_deadlines.set(member.room.id, None)
