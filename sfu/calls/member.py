"""One participant of a call: what it publishes, what it receives, and what its client and we have agreed on."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from sfu.attributes import Candidate
from sfu.calls.answering import AnsweringDownstream
from sfu.calls.downstream import Downstream
from sfu.calls.interest import Interest
from sfu.calls.joining import Joining, MemberAnswer, ServerOffer, SubscriptionPermissions
from sfu.calls.link import Link
from sfu.calls.offering import OfferingDownstream
from sfu.calls.peer_answer import write_answer
from sfu.calls.peer_offer import read_offer
from sfu.calls.subscription import Subscription
from sfu.calls.upstream import Upstream
from sfu.connection import Connection
from sfu.errors import NotFound, Rejected
from sfu.events import Signal
from sfu.ids import Ids
from sfu.layering import Layering
from sfu.media_endpoint import MediaEndpoint
from sfu.participant import Participant, ParticipantState
from sfu.room import Room
from sfu.track import Track, TrackAnnouncement
from sfu.transport import Transport
from sfu.view_settings import VideoQuality, ViewSettings

RELIABLE, LOSSY = "_reliable", "_lossy"
# Without a connection by then, somebody who joined is gone again (LiveKit's figure).
JOIN_SECONDS = 60.0
# An offer of ours that is not answered by then never will be.
ANSWER_SECONDS = 15.0

# Why it ends when a connection of its does: clients that leave close theirs first.
_REASONS = {"peer-closed": "left", "data-failed": "failed"}


class Member:
    """Signals, in the order things happen: `offered` and `sections_wanted` are how the client is asked to renegotiate,
    by an offer or for one. `message_received` has whether the message came reliably. `track_wanted`: the first one
    subscribes to a track of ours. `subscription_allowed` has the publisher, and whether it lets us have the track.
    `subscription_failed` has the track's id and a code. `quality_demanded` says which qualities of a track of ours
    anybody wants. `track_muted` and `track_removed` are done to tracks of ours by others. `moved`: to another room.
    `closed` has the reason and is the last.
    """

    def __init__(
        self,
        participant: Participant,
        room: Room,
        joining: Joining,
        *,
        endpoint: MediaEndpoint,
        layering: Layering,
        ids: Ids,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self.offered = Signal[[ServerOffer]]()
        self.sections_wanted = Signal[[int, int]]()
        self.message_received = Signal[[bool, bytes]]()
        self.track_wanted = Signal[[Track]]()
        self.subscription_allowed = Signal[[Participant, Track, bool]]()
        self.subscription_failed = Signal[[str, str]]()
        self.quality_demanded = Signal[[Track, Mapping[VideoQuality, bool]]]()
        self.track_muted = Signal[[Track]]()
        self.track_removed = Signal[[Track]]()
        self.moved = Signal[[Room]]()
        self.connected = Signal[[]]()
        self.closed = Signal[[str]]()
        # What concerns the others in the call, which arranges it.
        self.wishes_changed = Signal[[]]()
        self.view_changed = Signal[[Subscription]]()
        self.subscription_permissions_changed = Signal[[]]()
        self.rescheduled = Signal[[]]()

        self.participant = participant
        self.room = room
        self.single = joining.single
        self.interest = Interest(automatic=joining.auto_subscribe)
        self.subscription_permissions = SubscriptionPermissions()
        self.is_connected = False
        self.ended: str | None = None
        self._clock = clock
        self._now = now
        self._answers = 0
        self._join_due: float | None = clock() + JOIN_SECONDS
        self._answer_due: float | None = None
        engine = endpoint.engine
        self.upstream = Upstream(engine, layering, ids)
        self.upstream.published.connect(self._published)
        self.upstream.unpublished.connect(self._unpublished)
        self._publishing = Link(endpoint, ids)
        self.downstream: Downstream
        if joining.single:
            self._receiving = self._publishing
            self._answering: AnsweringDownstream | None = AnsweringDownstream(engine, layering, ids)
            self._answering.sections_wanted.connect(self.sections_wanted.emit)
            self._offering: OfferingDownstream | None = None
            self.downstream = self._answering
        else:
            self._receiving = Link(endpoint, ids)
            self._receiving.open_channels((RELIABLE, None), (LOSSY, 0))
            self._answering = None
            self._offering = OfferingDownstream(engine, layering, ids, self._receiving.local)
            self._offering.offered.connect(self._offer_made)
            self.downstream = self._offering
        self.downstream.failed.connect(lambda failed, code: self.subscription_failed.emit(failed.track.id, code))
        for link in self.links:
            link.message.connect(self._take_message)
            link.closed.connect(self._link_closed)
        self._receiving.connected.connect(self._connect)

    @property
    def links(self) -> Collection[Link]:
        """Its one or two peer connections; the one that decides whether it is connected is the last."""
        return (self._publishing,) if self.single else (self._publishing, self._receiving)

    @property
    def transports(self) -> Sequence[Transport]:
        return [link.transport for link in self.links if link.transport is not None]

    def connection(self, now: float) -> Connection | None:
        """How its client reaches us, or tried to; None before we know. now: monotonic seconds."""
        return self._receiving.connection(now) or self._publishing.connection(now)

    @property
    def published(self) -> Collection[Track]:
        """Its tracks, those that have no media yet included."""
        return self.upstream.tracks

    @property
    def subscribed(self) -> Collection[Track]:
        return [subscription.track for subscription in self.downstream.subscriptions]

    @property
    def sent_tracks(self) -> Mapping[str, str]:
        """Which track we send in which m-section, by mid."""
        return self.downstream.tracks()

    def start(self) -> None:
        """The client knows that it has joined: it may be asked for things."""
        self.downstream.start()

    def add_track(self, announcement: TrackAnnouncement) -> Track:
        """Rejected ("not-permitted"), Overloaded ("too-many-tracks")."""
        if not self.participant.permissions.may_publish(announcement.source):
            raise Rejected("not-permitted", f"publishing from {announcement.source} is not permitted")
        return self.upstream.announce(announcement, self._now())

    def offer(self, sdp: str) -> MemberAnswer:
        """The client's offer on the connection it publishes on. Malformed, Rejected, Overloaded: nothing is changed."""
        offered = read_offer(sdp)
        link = self._publishing
        transport = link.follow(offered.remote, offered.extensions)
        link.candidates.add_all(offered.description)
        receiving = self.upstream.place(offered.sections)
        sending = self._answering.place(offered.sections) if self._answering is not None else {}
        self._answers += 1
        text = write_answer(offered, link.local, receiving=receiving, sending=sending, version=self._answers)
        link.carry_data(offered.data)
        self.upstream.accept(offered.sections, transport.id)
        answer = MemberAnswer(text, self.sent_tracks if self.single else {})
        if self._answering is not None:
            self._answering.accept(transport.id)
        return answer

    def answer(self, sdp: str, offer_id: int) -> None:
        """The client's answer to our offer of this id (0: to the last). Malformed, Rejected, Overloaded."""
        if self._offering is None:
            raise Rejected("unexpected-answer", "there was no offer")
        answered = self._offering.read(sdp, offer_id)
        if answered is None:
            return
        transport = self._receiving.follow(answered.remote, answered.extensions)
        self._receiving.carry_data(answered.data)
        self._answer_due = None
        self._offering.accept(answered, transport.id)
        self.rescheduled.emit()

    def trickle(self, candidate: str, *, publishing: bool) -> None:
        """Noted, and not needed: checks come to us, and tell where from. Malformed."""
        link = self._publishing if publishing else self._receiving
        link.candidates.add([Candidate.parse(candidate.removeprefix("candidate:"))])

    def set_muted(self, track_id: str, muted: bool) -> None:
        """By the client. NotFound ("track-not-found")."""
        track = self._track(track_id)
        if track.muted != muted:
            track.muted = muted
            self.room.change_track(self.participant, track)

    def update_track(self, track_id: str, announcement: TrackAnnouncement) -> None:
        """The client says something else of it. NotFound ("track-not-found")."""
        track = self._track(track_id)
        track.announcement = announcement
        self.room.change_track(self.participant, track)

    def subscribe(self, track_ids: Collection[str], wanted: bool) -> None:
        """Tracks that are not there (yet) are remembered."""
        self.interest.wish(track_ids, wanted)
        self.wishes_changed.emit()

    def set_view(self, track_ids: Collection[str], view: ViewSettings) -> None:
        """How the client shows these tracks; of those it does not have (yet) it is remembered."""
        self.interest.show(track_ids, view)
        for track_id in track_ids:
            subscription = self.downstream.subscription(track_id)
            if subscription is not None and subscription.view != view:
                subscription.view = view
                self.downstream.feed(subscription)
                self.view_changed.emit(subscription)

    def set_subscription_permissions(self, permissions: SubscriptionPermissions) -> None:
        self.subscription_permissions = permissions
        self.subscription_permissions_changed.emit()

    def update_self(
        self, *, name: str | None = None, metadata: str | None = None, attributes: Mapping[str, str] | None = None
    ) -> None:
        """Attributes of "" are removed, those not mentioned stay. Rejected ("not-permitted")."""
        if not self.participant.permissions.can_update_metadata:
            raise Rejected("not-permitted", "changing one's own name, metadata or attributes is not permitted")
        self.room.describe(self.participant, name=name, metadata=metadata, attributes=attributes)

    def send_message(self, reliable: bool, payload: bytes) -> bool:
        """False: it is dropped; the channel is full, or not open yet for what may be lost."""
        return self._receiving.send(RELIABLE if reliable else LOSSY, payload, keep=reliable)

    def resume(self) -> None:
        """The client has a new signalling connection and starts ICE again; what was in flight may be lost."""
        if self._offering is not None:
            self._receiving.new_credentials()
            self._offering.restart(self._receiving.local)
        elif self._answering is not None:
            self._answering.resume()

    def close(self, reason: str = "left") -> None:
        """End it, and leave the room; idempotent."""
        if self.ended is not None:
            return
        self.ended = self.participant.departure = reason
        self._join_due = self._answer_due = None
        self.downstream.end()
        for link in self.links:
            link.close()
        self.closed.emit(reason)
        # Not before the others have let go of its tracks, which they know by the data path's handles.
        self.upstream.end()

    def remove_track(self, track: Track) -> None:
        """Not the client's doing."""
        self.upstream.remove(track)
        self.track_removed.emit(track)

    def next_deadline(self) -> float | None:
        return min((due for due in (self._join_due, self._answer_due) if due is not None), default=None)

    def handle_timeout(self, now: float) -> None:
        if self._join_due is not None and now >= self._join_due:
            self.close("never-connected")
        elif self._answer_due is not None and now >= self._answer_due:
            self.close("state-mismatch")

    def _track(self, track_id: str) -> Track:
        track = self.upstream.find(track_id)
        if track is None:
            raise NotFound("track-not-found", "there is no such track of this participant")
        return track

    def _published(self, track: Track) -> None:
        self.room.add_track(self.participant, track)

    def _unpublished(self, track: Track) -> None:
        self.room.remove_track(self.participant, track)

    def _offer_made(self, offer: ServerOffer) -> None:
        self._answer_due = self._clock() + ANSWER_SECONDS
        self.rescheduled.emit()
        self.offered.emit(offer)

    def _take_message(self, label: str, message: bytes) -> None:
        if label in (RELIABLE, LOSSY):
            self.message_received.emit(label == RELIABLE, message)

    def _connect(self) -> None:
        self._join_due = None
        self.is_connected = True
        self.rescheduled.emit()
        if self.participant.state is ParticipantState.JOINING:
            self.room.activate(self.participant)
        self.connected.emit()

    def _link_closed(self, reason: str) -> None:
        self.close(_REASONS.get(reason, "connection-lost"))
