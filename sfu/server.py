"""The SFU as its users see it: rooms, and sessions that publish into and watch them."""

import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from sfu._datapath import Engine, HttpAccepted, LayerChanged, Path
from sfu.answer import answer
from sfu.connection import Connection
from sfu.deadlines import Deadlines
from sfu.errors import Conflict, NotFound
from sfu.events import Signal
from sfu.ids import Ids, RandomBytes
from sfu.lost import LostParticipants
from sfu.media_endpoint import MediaEndpoint
from sfu.negotiation import Plan, plan
from sfu.participant import Participant, ParticipantKind
from sfu.publication import Publication
from sfu.room import Room
from sfu.rooms import Rooms
from sfu.sdp import SessionDescription
from sfu.session import MediaSession
from sfu.settings import SfuSettings
from sfu.stats import TransportStats
from sfu.timer import Timer
from sfu.transport import Transport
from sfu.viewing import Viewing, check_understood, sent_streams

__all__ = ["Sfu", "SfuSettings"]

_NOT_LIVE_RETRY = 2.0

log = logging.getLogger(__name__)


def utc_now() -> datetime:
    return datetime.now(UTC)


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
        self._publications: dict[int, Publication] = {}
        self._layer_deadlines = Deadlines[int]()
        self._endpoint: MediaEndpoint | None = None
        self._lost = LostParticipants()

    async def start(self) -> None:
        """Open the media sockets. OSError: one cannot be bound."""
        if self._endpoint is not None:
            raise RuntimeError("already started")
        self._endpoint = endpoint = MediaEndpoint(
            self._settings, clock=self._clock, now=self._now(), random_bytes=self._random_bytes
        )
        endpoint.transports.rescheduled.connect(self._timer.rearm)
        endpoint.transports.layer_changed.connect(self._handle_layer_changed)
        endpoint.stun_received.connect(self.stun_received.emit)
        endpoint.stream_closed.connect(self.stream_closed.emit)
        endpoint.http_accepted.connect(self.http_accepted.emit)
        self._timer.start()

    async def close(self) -> None:
        """End every session and close the sockets; idempotent."""
        if self._endpoint is None:
            return
        self._timer.close()
        self._endpoint.close()
        self._endpoint = None

    @property
    def rooms(self) -> Rooms:
        return self._rooms

    @property
    def media_port(self) -> int:
        """The one UDP port."""
        return self._require_running().port

    @property
    def media_addresses(self) -> Sequence[tuple[str, int]]:
        """(IP address, port) of every way in, as clients are told."""
        return self._require_running().announced

    @property
    def datapath(self) -> Engine:
        """What moves the packets, for the relay that shares its ports."""
        return self._require_running().engine

    def set_certificate(self, chain: bytes, key: bytes) -> None:
        """What TLS shows from now on, both PEM. ValueError: they cannot be used."""
        self._require_running().engine.set_certificate(chain, key)

    def is_present(self, room: str, identity: str) -> bool:
        """Whether somebody of this identity is in the room."""
        try:
            return bool(self._rooms.get(room).with_identity(identity))
        except NotFound:
            return False

    async def publish(
        self, room: str, identity: str, offer: str, *, name: str = "", metadata: str = ""
    ) -> MediaSession:
        """Bring the offer's audio and video into the room, which is created if need be. A session the same identity
        publishes there already is replaced.

        Malformed, Rejected: the offer (see `sfu.negotiation`). Overloaded: a limit is reached.
        """
        endpoint = self._require_running()
        planned = plan(SessionDescription.parse(offer), "publish")
        endpoint.transports.check_space()
        home = self._rooms.get_or_create(room)
        replaced = home.publisher(identity)
        home.check_space(leaving=1 if replaced else 0)
        transport = endpoint.transports.open(planned, self._ids.ice())
        publication = Publication(endpoint.engine, transport.id, planned, self._ids, self._now())
        for track in publication.tracks:
            self._publications[track.source] = publication
        participant = self._participant(ParticipantKind.PUBLISHER, identity, name, metadata)
        participant.tracks = publication.tracks
        text = answer(planned, endpoint.local(transport, self._ids), {})
        session = self._open(home, participant, transport, planned, text, publication, leaving=1 if replaced else 0)
        # Only now, so that the identity was in the room all the time.
        if replaced is not None:
            self._close_participant(replaced)
        return session

    async def watch(self, room: str, identity: str, offer: str, *, name: str = "", metadata: str = "") -> MediaSession:
        """Send the room's broadcast, whoever that is from now on, to a viewer.

        Conflict ("not-live"): nothing is published there now. Otherwise as `publish`.
        """
        endpoint = self._require_running()
        planned = plan(SessionDescription.parse(offer), "watch")
        home, broadcast = self._live_room(room)
        check_understood(planned, broadcast)
        home.check_space()
        transport = endpoint.transports.open(planned, self._ids.ice())
        streams = sent_streams(planned, self._ids, home.id)
        viewing = Viewing(endpoint.engine, transport.id, planned, streams)
        participant = self._participant(ParticipantKind.VIEWER, identity, name, metadata)
        text = answer(planned, endpoint.local(transport, self._ids), streams)
        session = self._open(home, participant, transport, planned, text, viewing)
        viewing.follow(broadcast)
        return session

    def session(self, session_id: str) -> MediaSession:
        """NotFound ("session-not-found")."""
        try:
            return self._sessions[session_id]
        except KeyError:
            raise NotFound("session-not-found", "there is no such session") from None

    def remove_participant(self, room: str, identity: str) -> None:
        """Close every session of this identity in the room. NotFound ("room-not-found", "participant-not-found")."""
        found = self._rooms.get(room).with_identity(identity)
        if not found:
            raise NotFound("participant-not-found", "there is no such participant in this room")
        for participant in found:
            self._close_participant(participant)

    def stats(self) -> list[TransportStats]:
        """One entry per transport, at most a second or so old."""
        return self._require_running().engine.stats()

    def counters(self) -> Mapping[str, int]:
        """What the data path counts, by stable name."""
        return self._require_running().engine.counters()

    def participant_stats(self, participant: Participant) -> TransportStats | None:
        """None for one who has left, or has only just come."""
        session = self._by_participant.get(participant.id)
        return self.datapath.transport_stats(session.transport.id) if session else None

    def connection(self, participant: Participant) -> Connection | None:
        """How a participant reaches us, or tried to; None for one who has left and was not lost of late."""
        session = self._by_participant.get(participant.id)
        return session.connection(self._clock()) if session else self._lost.connection(self._clock(), participant)

    def lost_participant(self, room: str, identity: str) -> Participant | None:
        """One who did not connect or fell silent in the last minutes."""
        return self._lost.find(self._clock(), room, identity)

    def _require_running(self) -> MediaEndpoint:
        if self._endpoint is None:
            raise RuntimeError("the SFU is not running")
        return self._endpoint

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
        media: Publication | Viewing,
        leaving: int = 0,
    ) -> MediaSession:
        session = MediaSession(
            session_id=self._ids.session_id(),
            home=home,
            participant=participant,
            transport=transport,
            plan=planned,
            answer=text,
            media=media,
            ids=self._ids,
            candidates=self._require_running().candidates,
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
        for track in session.participant.tracks:
            self._publications.pop(track.source, None)
            self._layer_deadlines.set(track.source, None)
        connection = session.connection(now := self._clock())
        if connection.problem is None:
            log.info("%s leaves: %s", session.participant.id, reason)
        else:
            log.info("%s is lost (%s): %s", session.participant.id, reason, connection.problem)
            self._lost.note(now, session.room, session.participant, connection)
        session.home.leave(session.participant, self._clock())

    def _close_participant(self, participant: Participant) -> None:
        session = self._by_participant.get(participant.id)
        if session is not None:
            session.transport.close()

    def _empty_room(self, room: Room) -> None:
        for participant in room.participants:
            self._close_participant(participant)

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
            if session is not None and isinstance(session.media, Viewing):
                session.media.follow(room.broadcast)

    def _handle_layer_changed(self, event: LayerChanged) -> None:
        publication = self._publications.get(event.track)
        if publication is not None:
            publication.handle_layer_changed(event.track, event.layer, event.active, self._clock())
            self._layer_deadlines.set(event.track, publication.next_deadline(event.track))
            self._timer.rearm()

    def _next_deadline(self) -> float | None:
        transports = self._endpoint.transports.next_deadline() if self._endpoint else None
        deadlines = (self._rooms.next_deadline(), self._layer_deadlines.next(), transports)
        return min((due for due in deadlines if due is not None), default=None)

    def _handle_timeout(self, now: float) -> None:
        self._rooms.handle_timeout(now)
        if self._endpoint is not None:
            self._endpoint.transports.handle_timeout(now)
        for source in list(self._layer_deadlines.pop_due(now)):
            publication = self._publications.get(source)
            if publication is not None:
                publication.handle_timeout(source, now)
                self._layer_deadlines.set(source, publication.next_deadline(source))
