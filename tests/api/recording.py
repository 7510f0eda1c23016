"""An SFU that negotiates nothing and remembers what it was asked: for the HTTP layer's own rules.

What an answer says is tested against the real SFU, in test_whip_real.py and test_whep_real.py.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from api.ice_servers import IceServer
from api.settings import Settings
from api.tokens import VideoGrant, mint
from sfu._datapath import HttpAccepted
from sfu.attributes import Codec
from sfu.calls.joining import Joining
from sfu.calls.member import Member
from sfu.codecs import CodecPair
from sfu.connection import Connection
from sfu.errors import Conflict, Malformed, NotFound, Overloaded, SfuError
from sfu.events import Signal
from sfu.negotiation import Kind
from sfu.participant import EVERYTHING, Participant, ParticipantKind, ParticipantState
from sfu.permissions import Permissions
from sfu.remote_candidates import CandidateCount
from sfu.room import Room
from sfu.stats import PathStats, TransportStats
from sfu.track import Track, TrackAnnouncement, TrackSource

BEGIN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY, SECRET = "key", "0123456789abcdef0123456789abcdef"
OFFER = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
ANSWER = "v=0\r\no=- 3 4 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=recvonly\r\n"
FRAGMENT = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef012345\r\n"
SDP = {"Content-Type": "application/sdp"}
SDPFRAG = {"Content-Type": "application/trickle-ice-sdpfrag"}


PATH = PathStats(
    local=("192.0.2.1", 3478),
    remote=("192.0.2.1", 50_000),
    protocol="relay",
    id=4,
    via="tls",
    client=("2001:db8::7", 4242),
    checks=9,
    refused={"bad-integrity": 1},
    nominations=8,
    validated=True,
    selected=True,
    dtls=6,
    media=100,
    media_dropped=1,
    age_ms=5000,
    idle_ms=20,
)
CONNECTION = Connection([PATH], [CandidateCount("relay", "udp", 1, 0)], "connected", None)


class WallClock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.time = BEGIN

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def settings_for_tests(**changes: Any) -> Settings:
    return Settings(**({"keys": {KEY: SECRET}} | changes))


def token(identity: str = "alice", *, now: datetime | None = None, **grants: Any) -> str:
    """A token of the test key; by default one to join the room `room`."""
    defaults: dict[str, Any] = {"room_join": True, "room": "room"}
    grant = VideoGrant(**(defaults | grants))
    return mint(KEY, SECRET, grant, identity=identity, now=now or WallClock().now())


def admin_token(**grants: Any) -> str:
    everything: dict[str, Any] = {
        "room_join": False,
        "room": "",
        "room_admin": True,
        "room_create": True,
        "room_list": True,
    }
    return token("root", **(everything | grants))


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


class RecordedTrack(Track):
    def __init__(
        self,
        id: str = "TR_1",  # noqa: A002 - as in Track
        kind: Kind = "video",
        codec: str = "vp8",
        source: str = "camera",
        muted: bool = False,
        handle: int | None = 7,
    ) -> None:
        said = TrackAnnouncement(f"cid-{id}", kind, TrackSource(source), muted=muted)
        codecs = (CodecPair(Codec(96, codec, 90_000, 1), None),) if codec else ()
        super().__init__(id, said, BEGIN, handle, codecs)


class RecordedParticipant(Participant):
    def __init__(
        self,
        identity: str,
        kind: str,
        joined_at: datetime,
        *,
        state: str = "active",
        tracks: Sequence[Track] = (),
        **values: Any,
    ) -> None:
        defaults = {"id": f"PA_{identity}"}
        super().__init__(
            identity=identity, kind=ParticipantKind(kind), joined_at=joined_at, tracks=tracks, **(defaults | values)
        )
        self.state = ParticipantState(state)


class RecordedRoom(Room):
    def __init__(
        self, name: str, created_at: datetime, *, participants: Sequence[Participant] = (), **values: Any
    ) -> None:
        defaults: dict[str, Any] = {"id": "RM_1", "now": 0.0, "max_participants": 10_000}
        super().__init__(name=name, created_at=created_at, **(defaults | values))
        for participant in participants:
            self.join(participant)


class RecordedSession:
    def __init__(self, session_id: str, kind: str, room: str, identity: str) -> None:
        self.id, self.kind, self.room, self.identity = session_id, kind, room, identity
        self.answer = ANSWER
        self.etag = "one"
        self.fragments: list[str] = []
        self.closed = False

    def trickle(self, sdpfrag: str) -> None:
        if "a=" not in sdpfrag:
            raise Malformed("malformed-sdpfrag", "The fragment cannot be read.")
        self.fragments.append(sdpfrag)

    def restart_ice(self, sdpfrag: str) -> str:
        if "a=ice-ufrag" not in sdpfrag:
            raise Malformed("malformed-sdpfrag", "The fragment has no credentials.")
        self.etag = "two"
        return "a=ice-ufrag:wxyz\r\na=ice-pwd:543210fedcba9876543210\r\n"

    async def close(self) -> None:
        self.closed = True


class RecordingRooms:
    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.opened = Signal[[Room]]()
        self.ended = Signal[[Room]]()
        self.rooms: dict[str, RecordedRoom] = {}

    def create(
        self, name: str, *, empty_timeout: float, departure_timeout: float, max_participants: int, metadata: str
    ) -> RecordedRoom:
        if name in self.rooms:
            raise Conflict("room-exists", "There is a room of this name.")
        self.rooms[name] = RecordedRoom(
            name,
            self._now(),
            metadata=metadata,
            max_participants=max_participants,
            empty_timeout=empty_timeout,
            departure_timeout=departure_timeout,
        )
        return self.rooms[name]

    def get(self, name: str) -> RecordedRoom:
        try:
            return self.rooms[name]
        except KeyError:
            raise NotFound("room-not-found", "There is no room of this name.") from None

    def list(self) -> Sequence[RecordedRoom]:
        return list(self.rooms.values())

    def delete(self, name: str) -> None:
        self.get(name)
        del self.rooms[name]


class RecordingModeration:
    """There is nobody here who has joined a call."""

    def __init__(self, rooms: RecordingRooms) -> None:
        self._rooms = rooms

    def remove(self, room: str, identity: str) -> None:
        self._rooms.get(room).leave(self._find(room, identity), 0.0)

    def update(
        self,
        room: str,
        identity: str,
        *,
        name: str | None = None,
        metadata: str | None = None,
        attributes: Mapping[str, str] | None = None,
        permissions: Permissions | None = None,
    ) -> Participant:
        participant = self._find(room, identity)
        participant.permissions = permissions or participant.permissions
        self._rooms.get(room).describe(participant, name=name, metadata=metadata, attributes=attributes)
        return participant

    def mute(self, room: str, identity: str, track_id: str, muted: bool) -> Track:
        raise self._refusal(room, identity)

    def subscribe(self, room: str, identity: str, track_ids: Collection[str], wanted: bool) -> None:
        raise self._refusal(room, identity)

    def set_room_metadata(self, room: str, metadata: str) -> Room:
        self._rooms.get(room).set_metadata(metadata)
        return self._rooms.get(room)

    def move(self, room: str, identity: str, destination: str) -> Member:
        raise self._refusal(room, identity)

    def forward(self, room: str, identity: str, destination: str) -> Participant:
        raise self._refusal(room, identity)

    def _refusal(self, room: str, identity: str) -> SfuError:
        self._find(room, identity)
        return Conflict("not-a-member", "The participant has not joined by a call's signalling.")

    def _find(self, room: str, identity: str) -> Participant:
        for participant in self._rooms.get(room).with_identity(identity):
            return participant
        raise NotFound("participant-not-found", "There is no such participant.")


class RecordingSfu:
    """`refusal` is raised by the next publish or watch."""

    media_port = 3478

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.http_accepted = Signal[[HttpAccepted]]()
        self.certificates: list[tuple[bytes, bytes]] = []
        self.rooms = RecordingRooms(now)
        self.sessions: dict[str, RecordedSession] = {}
        self.calls: list[tuple[str, str, str, str, str, str]] = []
        self.refusal: SfuError | None = None
        self.lost: dict[tuple[str, str], RecordedParticipant] = {}
        self.running = False

    async def start(self) -> None:
        self.running = True

    async def close(self) -> None:
        self.running = False

    def set_certificate(self, chain: bytes, key: bytes) -> None:
        if b"PRIVATE KEY" not in key:
            raise ValueError("no private key in it")
        self.certificates.append((chain, key))

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
    ) -> RecordedSession:
        return self._open("publish", room, identity, offer, name, metadata)

    async def watch(
        self, room: str, identity: str, offer: str, *, name: str = "", metadata: str = ""
    ) -> RecordedSession:
        return self._open("watch", room, identity, offer, name, metadata)

    def join(self, room: str, joining: Joining) -> Member:
        raise self.refusal or Overloaded("room-full", "The room is full.", retry_after=10.0)

    def member(self, room: str, identity: str) -> Member | None:
        return None

    def members(self, room: str) -> Sequence[Member]:
        self.rooms.get(room)
        return ()

    def session(self, session_id: str) -> RecordedSession:
        try:
            return self.sessions[session_id]
        except KeyError:
            raise NotFound("session-not-found", "There is no such session.") from None

    @property
    def moderation(self) -> RecordingModeration:
        return RecordingModeration(self.rooms)

    def participant_stats(self, participant: Participant) -> TransportStats | None:
        return self.stats()[0]

    def connection(self, participant: Participant) -> Connection | None:
        return CONNECTION

    def lost_participant(self, room: str, identity: str) -> RecordedParticipant | None:
        return self.lost.get((room, identity))

    def stats(self) -> list[TransportStats]:
        return [
            TransportStats(
                transport=1,
                connected=True,
                encrypted=True,
                remote=("192.0.2.1", 4242),
                idle_ms=3,
                rtt_ms=12.5,
                packets_received=10,
                bytes_received=1000,
                packets_sent=20,
                bytes_sent=2000,
                remb_bps=None,
                paths=[],
                tracks=[],
                egresses=[],
            )
        ]

    def counters(self) -> Mapping[str, int]:
        return {"packets_received": 10, "dropped_unauthenticated": 3}

    def _open(self, kind: str, room: str, identity: str, offer: str, name: str, metadata: str) -> RecordedSession:
        self.calls.append((kind, room, identity, offer, name, metadata))
        if self.refusal is not None:
            raise self.refusal
        if not offer.startswith("v=0"):
            raise Malformed("malformed-sdp", "The offer cannot be read.")
        session = RecordedSession(f"session-{len(self.sessions)}", kind, room, identity)
        self.sessions[session.id] = session
        return session


class RecordingRelay:
    """Gives everybody the same servers, and remembers for whom."""

    def __init__(self, *servers: IceServer) -> None:
        self.servers = servers
        self.asked: list[tuple[str, str]] = []
        self.running = False

    def start(self) -> None:
        self.running = True

    def close(self) -> None:
        self.running = False

    def ice_servers(self, room: str, identity: str) -> Sequence[IceServer]:
        self.asked.append((room, identity))
        return self.servers
