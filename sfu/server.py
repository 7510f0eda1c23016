"""The SFU as its users see it: rooms, and sessions that publish into and watch them."""

import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sfu._datapath import Engine, HttpAccepted, LayerChanged, Path
from sfu.answer import LocalTransport, answer
from sfu.calls.calls import Calls
from sfu.calls.forwarding import Forwardings
from sfu.calls.joining import Joining
from sfu.calls.member import Member
from sfu.combined_stats import combined
from sfu.connection import Connection
from sfu.errors import Conflict, NotFound
from sfu.events import Signal
from sfu.ids import Ids, RandomBytes
from sfu.layering import Layering
from sfu.lost import LostParticipants
from sfu.media_endpoint import MediaEndpoint
from sfu.moderation import Moderation
from sfu.negotiation import Plan, plan
from sfu.participant import EVERYTHING, Participant, ParticipantKind
from sfu.permissions import Permissions
from sfu.publication import check_permitted, publish_plan
from sfu.quality import ConnectionQuality
from sfu.room import Room
from sfu.rooms import Rooms
from sfu.sdp import SessionDescription
from sfu.session import MediaSession
from sfu.settings import SfuSettings
from sfu.stats import TransportStats
from sfu.timer import Timer
from sfu.transport import Transport
from sfu.transports import Transports
from sfu.viewing import Viewing, check_understood, sent_streams

__all__ = ["Sfu", "SfuSettings"]

_NOT_LIVE_RETRY = 2.0

log = logging.getLogger(__name__)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Running:
    """What there is from `start` to `close`."""

    endpoint: MediaEndpoint
    layering: Layering
    calls: Calls
    moderation: Moderation

    @property
    def timed(self) -> tuple[Transports, Layering, Calls]:
        """What has deadlines."""
        return self.endpoint.transports, self.layering, self.calls


class Sfu:
    """All methods belong to the event loop that ran `start`.

    `stun_received`, `stream_closed` and `http_accepted` pass on what reaches the media ports and is not media;
    `departed` tells the room's name and the identity of which nobody is left in it.
    """

    def __init__(
        self,
        settings: SfuSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
        random_bytes: RandomBytes = secrets.token_bytes,
    ) -> None:
        self.stun_received = Signal[[Path, bytes]]()
        self.stream_closed = Signal[[int]]()
        self.http_accepted = Signal[[HttpAccepted]]()
        self.departed = Signal[[str, str]]()
        self._settings = settings
        self._clock = clock
        self._now = now
        self._random_bytes = random_bytes
        self._ids = Ids(random_bytes)
        self._rooms = Rooms(
            self._ids,
            clock=clock,
            now=now,
            max_rooms=settings.max_rooms,
            max_participants=settings.max_participants_per_room,
        )
        self._rooms.opened.connect(self._watch_room)
        self._rooms.ended.connect(self._empty_room)
        self._timer = Timer(clock, self._next_deadline, self._handle_timeout)
        self._rooms.rescheduled.connect(self._timer.rearm)
        self._sessions: dict[str, MediaSession] = {}
        self._by_participant: dict[str, MediaSession] = {}
        self._running: _Running | None = None
        self._lost = LostParticipants()

    async def start(self) -> None:
        """Open the media sockets. OSError: one cannot be bound."""
        if self._running is not None:
            raise RuntimeError("already started")
        endpoint = MediaEndpoint(self._settings, clock=self._clock, now=self._now(), random_bytes=self._random_bytes)
        layering = Layering(endpoint.engine)
        calls = Calls(endpoint, layering, self._ids, clock=self._clock, now=self._now, last_n=self._settings.last_n)
        moderation = Moderation(
            self._rooms,
            calls,
            Forwardings(self._ids, self._clock),
            close=self._close_participant,
            may_unmute=self._settings.may_unmute,
        )
        self._running = _Running(endpoint, layering, calls, moderation)
        calls.rescheduled.connect(self._timer.rearm)
        calls.ended.connect(self._member_ended)
        endpoint.transports.rescheduled.connect(self._timer.rearm)
        endpoint.transports.layer_changed.connect(self._handle_layer_changed)
        endpoint.stun_received.connect(self.stun_received.emit)
        endpoint.stream_closed.connect(self.stream_closed.emit)
        endpoint.http_accepted.connect(self.http_accepted.emit)
        endpoint.audio_levels.connect(lambda event: calls.handle_levels(event.levels))
        self._timer.start()

    async def close(self) -> None:
        """End every session and close the sockets; idempotent."""
        if self._running is None:
            return
        self._timer.close()
        self._running.endpoint.close()
        self._running = None

    @property
    def rooms(self) -> Rooms:
        return self._rooms

    @property
    def media_port(self) -> int:
        """The one UDP port."""
        return self._require_running().endpoint.port

    @property
    def media_addresses(self) -> Sequence[tuple[str, int]]:
        """(IP address, port) of every way in, as clients are told."""
        return self._require_running().endpoint.announced

    @property
    def datapath(self) -> Engine:
        """What moves the packets, for the relay that shares its ports."""
        return self._require_running().endpoint.engine

    def set_certificate(self, chain: bytes, key: bytes) -> None:
        """What TLS shows from now on, both PEM. ValueError: they cannot be used."""
        self._require_running().endpoint.engine.set_certificate(chain, key)

    def is_present(self, room: str, identity: str) -> bool:
        """Whether somebody of this identity is in the room."""
        try:
            return bool(self._rooms.get(room).with_identity(identity))
        except NotFound:
            return False

    async def publish(
        self,
        room: str,
        identity: str,
        offer: str,
        *,
        name: str = "",
        metadata: str = "",
        attributes: Mapping[str, str] | None = None,
        permissions: Permissions = EVERYTHING,
    ) -> MediaSession:
        """Bring the offer's audio and video into the room, which is created if need be. A session the same identity
        publishes there already is replaced.

        Malformed, Rejected: the offer (see `sfu.negotiation`), or what it sends is not permitted. Overloaded: a limit
        is reached.
        """
        running = self._require_running()
        endpoint = running.endpoint
        planned = plan(SessionDescription.parse(offer), "publish")
        check_permitted(planned, permissions)
        endpoint.transports.check_space()
        home = self._rooms.get_or_create(room)
        replaced = home.named(identity)
        home.check_space(leaving=1 if replaced else 0)
        transport = self._open_transport(planned)
        participant = self._participant(ParticipantKind.PUBLISHER, identity, name, metadata)
        participant.attributes, participant.permissions = dict(attributes or {}), permissions
        participant.tracks = publish_plan(
            endpoint.engine, running.layering, transport.id, planned, self._ids, self._now()
        )
        text = answer(planned, self._local(transport), {})
        session = self._open(home, participant, transport, planned, text, None, leaving=1 if replaced else 0)
        # Only now, so that the identity was in the room all the time.
        if replaced is not None:
            self._close_participant(home, replaced, "duplicate-identity")
        return session

    async def watch(self, room: str, identity: str, offer: str, *, name: str = "", metadata: str = "") -> MediaSession:
        """Send the room's broadcast, whoever that is from now on, to a viewer.

        Conflict ("not-live"): nothing is published there now. Otherwise as `publish`.
        """
        endpoint = self._require_running().endpoint
        planned = plan(SessionDescription.parse(offer), "watch")
        home, broadcast = self._live_room(room)
        check_understood(planned, broadcast)
        home.check_space()
        transport = self._open_transport(planned)
        streams = sent_streams(planned, self._ids, home.id)
        viewing = Viewing(endpoint.engine, transport.id, planned, streams)
        participant = self._participant(ParticipantKind.VIEWER, identity, name, metadata)
        text = answer(planned, self._local(transport), streams)
        session = self._open(home, participant, transport, planned, text, viewing)
        viewing.follow(broadcast)
        return session

    def join(self, room: str, joining: Joining) -> Member:
        """Somebody joins the call in this room, which is created if need be. Whoever published there under the same
        identity is closed ("duplicate-identity").

        Overloaded: a limit is reached.
        """
        running = self._require_running()
        running.endpoint.transports.check_space()
        home = self._rooms.get_or_create(room)
        replaced = home.named(joining.identity)
        home.check_space(leaving=1 if replaced else 0)
        if replaced is not None:
            self._close_participant(home, replaced, "duplicate-identity")
        member = running.calls.join(home, joining)
        log.info("%s %s joins %s", member.participant.kind, member.participant.id, home.id)
        return member

    def member(self, room: str, identity: str) -> Member | None:
        """The one of this identity who joined the call there."""
        try:
            participant = self._rooms.get(room).named(identity)
        except NotFound:
            return None
        return self._require_running().calls.member(participant) if participant else None

    def members(self, room: str) -> Sequence[Member]:
        """All who joined the call there, in the order they came. NotFound ("room-not-found")."""
        return self._require_running().calls.members(self._rooms.get(room))

    @property
    def moderation(self) -> Moderation:
        """What a backend does to participants."""
        return self._require_running().moderation

    def quality(self, participant: Participant) -> ConnectionQuality | None:
        """How good a member's connection is, once that was looked at."""
        return self._require_running().calls.quality(participant)

    def session(self, session_id: str) -> MediaSession:
        """NotFound ("session-not-found")."""
        try:
            return self._sessions[session_id]
        except KeyError:
            raise NotFound("session-not-found", "there is no such session") from None

    def stats(self) -> list[TransportStats]:
        """One entry per transport, at most a second or so old."""
        return self._require_running().endpoint.engine.stats()

    def counters(self) -> Mapping[str, int]:
        """What the data path counts, by stable name."""
        return self._require_running().endpoint.engine.counters()

    def participant_stats(self, participant: Participant) -> TransportStats | None:
        """None for one who has left, or has only just come. One with two transports is shown as if they were one."""
        engine = self._require_running().endpoint.engine
        found = [engine.transport_stats(transport.id) for transport in self._transports_of(participant)]
        return combined([stats for stats in found if stats is not None])

    def connection(self, participant: Participant) -> Connection | None:
        """How a participant reaches us, or tried to; None for one who has left and was not lost of late."""
        session = self._by_participant.get(participant.id)
        if session is not None:
            return session.connection(self._clock())
        member = self._require_running().calls.member(participant)
        if member is not None:
            return member.connection(self._clock())
        return self._lost.connection(self._clock(), participant)

    def lost_participant(self, room: str, identity: str) -> Participant | None:
        """One who did not connect or fell silent in the last minutes."""
        return self._lost.find(self._clock(), room, identity)

    def _require_running(self) -> _Running:
        if self._running is None:
            raise RuntimeError("the SFU is not running")
        return self._running

    def _open_transport(self, planned: Plan) -> Transport:
        return self._require_running().endpoint.transports.open(
            planned.remote, planned.extensions, self._ids.ice(), keep_listening=planned.purpose == "publish"
        )

    def _local(self, transport: Transport) -> LocalTransport:
        return self._require_running().endpoint.local(transport.ice, self._ids.number(63))

    def _transports_of(self, participant: Participant) -> Sequence[Transport]:
        session = self._by_participant.get(participant.id)
        if session is not None:
            return (session.transport,)
        member = self._require_running().calls.member(participant)
        return member.transports if member is not None else ()

    def _participant(self, kind: ParticipantKind, identity: str, name: str, metadata: str) -> Participant:
        return Participant(
            id=self._ids.object_id("PA"),
            identity=identity,
            kind=kind,
            joined_at=self._now(),
            name=name,
            metadata=metadata,
        )

    def _live_room(self, name: str) -> tuple[Room, Participant]:
        try:
            room = self._rooms.get(name)
        except NotFound:
            room = None
        if room is None or room.broadcast is None:
            raise Conflict("not-live", "nothing is published in this room now", retry_after=_NOT_LIVE_RETRY)
        return room, room.broadcast

    def _open(
        self,
        home: Room,
        participant: Participant,
        transport: Transport,
        planned: Plan,
        text: str,
        viewing: Viewing | None,
        leaving: int = 0,
    ) -> MediaSession:
        session = MediaSession(
            session_id=self._ids.session_id(),
            home=home,
            participant=participant,
            transport=transport,
            plan=planned,
            answer=text,
            viewing=viewing,
            ids=self._ids,
            candidates=self._require_running().endpoint.candidates,
        )
        self._sessions[session.id] = session
        self._by_participant[participant.id] = session
        transport.connected.connect(lambda: self._connected(session))
        transport.closed.connect(lambda reason: self._closed(session, reason))
        home.join(participant, leaving)
        log.info("%s %s joins %s as %s", participant.kind, participant.id, home.id, session.kind)
        return session

    def _connected(self, session: MediaSession) -> None:
        log.info("%s is connected", session.participant.id)
        session.home.activate(session.participant)

    def _closed(self, session: MediaSession, reason: str) -> None:
        self._sessions.pop(session.id, None)
        self._by_participant.pop(session.participant.id, None)
        layering = self._require_running().layering
        for track in session.participant.tracks:
            if track.handle is not None:
                layering.forget(track.handle)
        self._note_end(session.home, session.participant, session.connection(self._clock()), reason)
        session.home.leave(session.participant, self._clock())

    def _member_ended(self, member: Member, reason: str) -> None:
        self._note_end(member.room, member.participant, member.connection(self._clock()), reason)

    def _note_end(self, home: Room, participant: Participant, connection: Connection | None, reason: str) -> None:
        if connection is None or connection.problem is None:
            log.info("%s leaves: %s", participant.id, reason)
        else:
            log.info("%s is lost (%s): %s", participant.id, reason, connection.problem)
            self._lost.note(self._clock(), home.name, participant, connection)

    def _close_participant(self, home: Room, participant: Participant, reason: str) -> None:
        session = self._by_participant.get(participant.id)
        if session is not None:
            participant.departure = reason
            session.transport.close()
        elif (member := self._require_running().calls.member(participant)) is not None:
            member.close(reason)
        else:
            home.leave(participant, self._clock())

    def _empty_room(self, room: Room) -> None:
        for participant in room.participants:
            self._close_participant(room, participant, "room-deleted")

    def _watch_room(self, room: Room) -> None:
        room.broadcast_changed.connect(self._resource_viewers)
        room.participant_left.connect(lambda participant: self._note_left(room, participant.identity))

    def _note_left(self, room: Room, identity: str) -> None:
        if not room.with_identity(identity):
            self.departed.emit(room.name, identity)

    def _resource_viewers(self, room: Room) -> None:
        """The broadcast is another one: everybody follows, on the transports they have."""
        for participant in room.participants:
            session = self._by_participant.get(participant.id)
            if session is not None and session.viewing is not None:
                session.viewing.follow(room.broadcast)

    def _handle_layer_changed(self, event: LayerChanged) -> None:
        layering = self._require_running().layering
        layering.handle_layer_changed(event.track, event.layer, event.active, self._clock())
        self._timer.rearm()

    def _next_deadline(self) -> float | None:
        deadlines = [self._rooms.next_deadline()]
        if self._running is not None:
            deadlines += [part.next_deadline() for part in self._running.timed]
        return min((due for due in deadlines if due is not None), default=None)

    def _handle_timeout(self, now: float) -> None:
        self._rooms.handle_timeout(now)
        for part in self._running.timed if self._running is not None else ():
            part.handle_timeout(now)
