"""The members of one room, and which of its tracks each of them gets."""

from collections.abc import Callable, Mapping, Sequence

from sfu.calls.demands import Demands
from sfu.calls.member import Member
from sfu.calls.qualities import Qualities, Snapshot
from sfu.calls.speaking import Speaking
from sfu.calls.subscription import Subscription
from sfu.demand import Demand
from sfu.events import Signal
from sfu.participant import Participant, ParticipantKind, ParticipantState
from sfu.quality import ConnectionQuality
from sfu.room import Room
from sfu.track import Track


class Call:
    """It listens to the room and to its members, from the first member that `add` brings until `close`. last_n: how
    many cameras everybody gets, those of the last speakers; None: all.

    `rescheduled` says that `next_deadline` may have moved.
    """

    def __init__(
        self, room: Room, snapshot: Snapshot, *, clock: Callable[[], float], last_n: int | None = None
    ) -> None:
        self.room = room
        self.rescheduled = Signal[[]]()
        self._clock = clock
        self._speaking = Speaking(room, last_n, self._show_anew)
        self._demands = Demands(self._tell_demand)
        self._qualities = Qualities(snapshot, clock())
        self._members: dict[str, Member] = {}
        # Ids of tracks that somebody has had, and of members who were told that they may not have a track, by its id.
        self._wanted: set[str] = set()
        self._barred: dict[str, set[str]] = {}
        # By the data path's handle of the track, and the member's id.
        self._subscriptions: dict[int, dict[str, tuple[Member, Subscription]]] = {}
        self._audio: dict[int, tuple[Participant, Track]] = {}
        self._listening: dict[str, Sequence[Callable[[], None]]] = {}
        self._disconnect = (
            room.track_published.connect(self._published),
            room.track_unpublished.connect(self._unpublished),
            room.track_changed.connect(lambda publisher, _: self._speaking.mute(publisher, clock())),
            room.participant_changed.connect(self._participant_changed),
            room.participant_joined.connect(lambda _: self._count_audience()),
            room.participant_left.connect(lambda _: self._count_audience()),
            room.broadcast_changed.connect(lambda _: self._count_audience()),
        )
        for participant in room.participants:
            if participant.state is ParticipantState.ACTIVE:
                for track in participant.tracks:
                    self._published(participant, track)

    @property
    def members(self) -> Sequence[Member]:
        """In the order they came."""
        return tuple(self._members.values())

    def member(self, participant: Participant) -> Member | None:
        return self._members.get(participant.id)

    def add(self, member: Member) -> None:
        self._members[member.participant.id] = member
        self._listening[member.participant.id] = (
            member.wishes_changed.connect(lambda: self._reconsider(member)),
            member.subscription_permissions_changed.connect(lambda: self._allow_anew(member)),
            member.view_changed.connect(lambda subscription: self._viewed(member, subscription)),
            member.downstream.failed.connect(lambda subscription, _: self._refused(member, subscription.track)),
        )
        self._reconsider(member)

    def remove(self, member: Member) -> None:
        """It is no longer in this room; what it received from here ends."""
        if self._members.pop(member.participant.id, None) is None:
            return
        for disconnect in self._listening.pop(member.participant.id):
            disconnect()
        for track in list(member.subscribed):
            self._end(member, track)
        for barred in self._barred.values():
            barred.discard(member.participant.id)

    def close(self) -> None:
        for disconnect in self._disconnect:
            disconnect()
        self._speaking.close()

    def subscribers(self, handle: int) -> Sequence[tuple[Member, Subscription]]:
        """Of the track that the data path calls so."""
        return tuple(self._subscriptions.get(handle, {}).values())

    def layers_changed(self, handle: int) -> None:
        """Other layers of it flow than before."""
        for member, subscription in self.subscribers(handle):
            member.downstream.feed(subscription)

    def handle_levels(self, levels: Mapping[int, tuple[int, int]], now: float) -> None:
        """Of all rooms, by the data path's handles: how loud, and for how long. What is muted does not count here."""
        heard = []
        for handle in self._audio.keys() & levels.keys():
            publisher, track = self._audio[handle]
            if not track.muted:
                heard.append((publisher, *levels[handle]))
        if heard:
            self._speaking.handle_levels(heard, now)
            self.rescheduled.emit()

    def quality(self, participant: Participant) -> ConnectionQuality | None:
        """How good a member's connection is, once that was looked at."""
        return self._qualities.of(participant)

    def next_deadline(self) -> float:
        dues = (self._speaking.next_deadline(), self._demands.next_deadline(), self._qualities.next_deadline())
        return min(due for due in dues if due is not None)

    def handle_timeout(self, now: float) -> None:
        self._speaking.handle_timeout(now)
        self._demands.handle_timeout(now)
        if changes := self._qualities.handle_timeout(self.members, now):
            self.room.qualities.update((change[0].id, change) for change in changes)
            self.room.qualities_changed.emit(changes)

    def _published(self, publisher: Participant, track: Track) -> None:
        now = self._clock()
        if track.kind == "audio" and track.handle is not None:
            self._audio[track.handle] = (publisher, track)
        self._demands.add(publisher, track, now)
        self._speaking.add(publisher, track, now)
        for member in self.members:
            self._consider(member, publisher, track)
        self._count_audience()

    def _unpublished(self, publisher: Participant, track: Track) -> None:
        if track.handle is not None:
            self._audio.pop(track.handle, None)
        self._demands.remove(track)
        self._speaking.remove(publisher, track, self._clock())
        self._wanted.discard(track.id)
        self._barred.pop(track.id, None)
        for member in self.members:
            self._end(member, track)
            member.interest.forget(track.id)

    def _participant_changed(self, participant: Participant) -> None:
        """It may be allowed other things now, as a publisher or a subscriber."""
        member = self.member(participant)
        if member is not None:
            for track in list(member.published):
                if not participant.permissions.may_publish(track.source):
                    member.remove_track(track)
            self._reconsider(member)
        self._reconsider_tracks_of(participant)

    def _allow_anew(self, publisher: Member) -> None:
        """The publisher lets others have its tracks than before."""
        for track in publisher.participant.tracks:
            barred = self._barred.setdefault(track.id, set())
            for member in self.members:
                if member is publisher:
                    continue
                allowed = _allows(publisher, member, track)
                if allowed == (member.participant.id in barred):
                    barred ^= {member.participant.id}
                    member.subscription_allowed.emit(publisher.participant, track, allowed)
        self._reconsider_tracks_of(publisher.participant)

    def _reconsider_tracks_of(self, publisher: Participant) -> None:
        for track in publisher.tracks:
            for member in self.members:
                self._consider(member, publisher, track)

    def _reconsider(self, member: Member) -> None:
        for publisher in self.room.participants:
            for track in publisher.tracks:
                self._consider(member, publisher, track)

    def _consider(self, member: Member, publisher: Participant, track: Track) -> None:
        subscription = member.downstream.subscription(track.id)
        wanted = self._may_have(member, publisher, track) and member.interest.wants(track.id)
        if wanted and subscription is None:
            self._begin(member, Subscription(publisher, track, member.interest.view(track.id)))
        elif wanted and subscription is not None:
            self._show(member, subscription)
        elif subscription is not None:
            self._end(member, track)

    def _begin(self, member: Member, subscription: Subscription) -> None:
        publisher, track = subscription.publisher, subscription.track
        if track.handle is not None:
            self._subscriptions.setdefault(track.handle, {})[member.participant.id] = (member, subscription)
        subscription.paused = not self._shows(member, subscription)
        member.downstream.want(subscription)
        if member.downstream.subscription(track.id) is not subscription:
            return  # It was refused, or the member left over it.
        self._viewed(member, subscription)
        owner = self.member(publisher)
        if owner is not None and track.id not in self._wanted:
            self._wanted.add(track.id)
            owner.track_wanted.emit(track)

    def _end(self, member: Member, track: Track) -> None:
        if track.handle is not None and (subscribers := self._subscriptions.get(track.handle)) is not None:
            subscribers.pop(member.participant.id, None)
            if not subscribers:
                del self._subscriptions[track.handle]
        member.downstream.unwant(track)
        self._demands.unwant(member.participant.id, track, self._clock())
        self.rescheduled.emit()

    def _refused(self, member: Member, track: Track) -> None:
        """Its client cannot have it, and is not asked again until it asks itself."""
        member.interest.wish((track.id,), False)
        self._end(member, track)

    def _viewed(self, member: Member, subscription: Subscription) -> None:
        """It shows the track in another way."""
        self._demands.want(member.participant.id, subscription, self._clock())
        self.rescheduled.emit()

    def _shows(self, member: Member, subscription: Subscription) -> bool:
        publisher, track = subscription.publisher, subscription.track
        asked_for = member.interest.asked_for(track.id)
        return self._speaking.shows(member.participant, publisher, track, asked_for=asked_for)

    def _show(self, member: Member, subscription: Subscription) -> None:
        """Pause it, or go on with it, as who speaks and what it asked for has it now."""
        paused = not self._shows(member, subscription)
        if paused != subscription.paused:
            subscription.paused = paused
            member.downstream.feed(subscription)
            self._viewed(member, subscription)

    def _show_anew(self) -> None:
        """Others have spoken: everybody gets other cameras."""
        for member in self.members:
            for subscription in list(member.downstream.subscriptions):
                self._show(member, subscription)

    def _count_audience(self) -> None:
        watched = any(participant.kind is ParticipantKind.VIEWER for participant in self.room.participants)
        self._demands.set_audience(self.room.broadcast if watched else None, self._clock())
        self.rescheduled.emit()

    def _tell_demand(self, publisher: Participant, track: Track, demand: Demand[str]) -> None:
        owner = self.member(publisher)
        if owner is not None:
            owner.quality_demanded.emit(track, demand.enabled)

    def _may_have(self, member: Member, publisher: Participant, track: Track) -> bool:
        if self.member(member.participant) is not member:  # It left while the others were told.
            return False
        if publisher is member.participant or publisher.state is not ParticipantState.ACTIVE or publisher.hidden:
            return False
        if track.handle is None or not member.participant.permissions.can_subscribe:
            return False
        owner = self.member(publisher)
        return owner is None or _allows(owner, member, track)


def _allows(publisher: Member, member: Member, track: Track) -> bool:
    who = member.participant
    return publisher.subscription_permissions.allow(who.identity, who.id, track.id)
