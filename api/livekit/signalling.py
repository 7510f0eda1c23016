"""Everybody who is in a call by LiveKit's signalling: who may come in, and who is back."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from weakref import WeakKeyDictionary

from livekit.protocol import models, rtc
from prometheus_client import Counter, Gauge

from api.context import Context
from api.livekit import messages
from api.livekit.data import DataRouter
from api.livekit.ice import ice_servers
from api.livekit.join_request import Hello, grant_of, joining
from api.livekit.session import Services, Session, leave
from api.livekit.socket import SignalSocket
from api.tokens import MAX_TTL, AccessToken, mint
from sfu.calls.member import Member
from sfu.errors import NotFound, Overloaded
from sfu.participant import Participant
from sfu.room import DEFAULT_DEPARTURE_TIMEOUT, DEFAULT_EMPTY_TIMEOUT, Room

# In seconds, LiveKit's figures.
PING_INTERVAL = 5
PING_TIMEOUT = 15
# Counting the participants of a large room takes a while; numbers are for show.
ROOM_FRESHNESS = 0.1
FRESH_TOKEN_TTL = timedelta(minutes=10)
# How long clients may take to hear that the server ends.
FAREWELL_SECONDS = 3.0
_TOO_MANY_RETRY = 5.0


class Signalling:
    """One for the app. `data` also sends packets of the server's own."""

    def __init__(self, context: Context) -> None:
        self.data = DataRouter(self._members)
        self._context = context
        self._closing = False
        self._sessions: dict[str, Session] = {}
        self._tokens: dict[str, AccessToken] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._described = WeakKeyDictionary[Participant, tuple[int, models.ParticipantInfo]]()
        self._described_rooms = WeakKeyDictionary[Room, tuple[float, models.Room]]()
        self._counter = Counter(
            "sluice_signalling_messages",
            "Messages of call participants, by what became of them.",
            ["outcome"],
            registry=context.metrics.registry,
        )
        sockets = Gauge(
            "sluice_signalling_sockets", "WebSockets of call participants.", registry=context.metrics.registry
        )
        sockets.set_function(lambda: len(self._serving))
        self._services = Services(
            data=self.data,
            describe=self._describe,
            describe_room=self._describe_room,
            fresh_token=self._fresh_token,
            ice_servers=self._ice_servers,
            now=context.now,
            count=self._count,
        )

    def check_space(self) -> None:
        """Overloaded ("closing", "too-many-connections")."""
        if self._closing:
            raise Overloaded("closing", "the server is about to end", retry_after=_TOO_MANY_RETRY)
        if len(self._serving) >= self._context.settings.max_call_sockets:
            raise Overloaded("too-many-connections", "there are as many as may be", retry_after=_TOO_MANY_RETRY)

    def check_room(self, room: str, identity: str) -> None:
        """Whether somebody of this identity would find space. Overloaded ("room-full")."""
        try:
            found = self._context.sfu.rooms.get(room)
        except NotFound:
            return
        if len([other for other in found.participants if other.identity != identity]) >= found.max_participants:
            raise Overloaded("room-full", "the room is full", retry_after=_TOO_MANY_RETRY)

    def join(self, room: str, token: AccessToken, hello: Hello) -> Session:
        """Rejected, Overloaded."""
        arriving = joining(hello, token)
        self._create_room(room, token)
        member = self._context.sfu.join(room, arriving)
        participant = member.participant
        session = self._sessions[participant.id] = Session(member, self._services)
        self._tokens[participant.id] = token
        member.closed.connect(lambda _: self._forget(participant))
        session.start(hello, self._join_response(member))
        return session

    def back(self, room: str, identity: str, participant_id: str) -> Session | None:
        """The session a client wants to go on with, ready for it; None: there is none any more."""
        member = self._context.sfu.member(room, identity)
        session = self.session(member) if member is not None and member.participant.id == participant_id else None
        if session is not None:
            session.resume()
        return session

    def session(self, member: Member) -> Session | None:
        """Theirs, if they came by this door and are still here."""
        return self._sessions.get(member.participant.id)

    async def serve(self, session: Session | None, socket: SignalSocket) -> None:
        """Speak with a client until its WebSocket ends; None: it is to come anew."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is a coroutine
        self._serving.add(task)
        try:
            if session is None:
                mismatch = leave(models.DisconnectReason.STATE_MISMATCH, rtc.LeaveRequest.RECONNECT)
                await socket.send(mismatch.SerializeToString())
                await socket.close()
            else:
                await session.serve(socket)
        finally:
            self._serving.discard(task)

    async def close(self) -> None:
        """Tell everybody that the server ends, so that they look for it again; wait a while until they have heard."""
        self._closing = True
        for session in list(self._sessions.values()):
            session.member.close("server-shutdown")
        if self._serving:
            await asyncio.wait(self._serving, timeout=FAREWELL_SECONDS)

    def _create_room(self, room: str, token: AccessToken) -> None:
        """As the token says, if it says anything and there is no such room."""
        config = token.room_config
        if config is None:
            return
        try:
            self._context.sfu.rooms.get(room)
        except NotFound:
            self._context.sfu.rooms.create(
                room,
                empty_timeout=config.empty_timeout or DEFAULT_EMPTY_TIMEOUT,
                departure_timeout=config.departure_timeout or DEFAULT_DEPARTURE_TIMEOUT,
                max_participants=config.max_participants,
                metadata=config.metadata,
            )

    def _forget(self, participant: Participant) -> None:
        self._sessions.pop(participant.id, None)
        self._tokens.pop(participant.id, None)
        self.data.forget(participant)

    def _members(self, room: str) -> Sequence[Member]:
        try:
            return self._context.sfu.members(room)
        except NotFound:
            return ()

    def _join_response(self, member: Member) -> rtc.JoinResponse:
        return rtc.JoinResponse(
            room=messages.room_info(member.room),
            participant=self._describe(member.participant),
            server_version=messages.VERSION,
            server_info=messages.server_info(),
            ice_servers=self._ice_servers(member),
            # The connection whose state is the client's: with two that on which it receives, if it may.
            subscriber_primary=not member.single,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            enabled_publish_codecs=messages.enabled_codecs(),
        )

    def _describe(self, participant: Participant) -> models.ParticipantInfo:
        """Made once for everybody who is told."""
        known = self._described.get(participant)
        if known is None or known[0] != participant.version:
            known = self._described[participant] = participant.version, messages.participant_info(participant)
        return known[1]

    def _describe_room(self, room: Room) -> models.Room:
        """Made once for everybody who is told at about the same time."""
        now = self._context.clock()
        made, info = self._described_rooms.get(room, (float("-inf"), None))
        if info is None or now - made > ROOM_FRESHNESS or info.metadata != room.metadata:
            made, info = self._described_rooms[room] = now, messages.room_info(room)
        return info

    def _ice_servers(self, member: Member) -> list[rtc.ICEServer]:
        return ice_servers(self._context.ice_servers(member.room.name, member.participant.identity))

    def _fresh_token(self, member: Member) -> str:
        """To join again with, for at least a while: what was granted at first, as it has been changed since."""
        context, participant = self._context, member.participant
        token = self._tokens[participant.id]
        now = context.now()
        ttl = max(FRESH_TOKEN_TTL, timedelta(seconds=token.expires - now.timestamp()))
        make = partial(
            mint,
            token.key,
            context.secrets[token.key],
            grant_of(participant.permissions, token.video, member.room.name),
            now=now,
            identity=participant.identity,
            kind=token.kind,
            room_config=token.room_config,
            ttl=min(ttl, MAX_TTL),
        )
        try:
            return make(name=participant.name, metadata=participant.metadata, attributes=participant.attributes)
        except ValueError:  # what it says of itself may have grown beyond what a token can hold
            return make(name=token.name, metadata=token.metadata, attributes=token.attributes)

    def _count(self, outcome: str) -> None:
        self._counter.labels(outcome).inc()
