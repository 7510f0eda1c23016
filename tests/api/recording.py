"""An SFU that negotiates nothing and remembers what it was asked: for the HTTP layer's own rules.

What an answer says is tested against the real SFU, in test_whip_real.py and test_whep_real.py.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from api.ice_servers import IceServer
from api.settings import Settings
from api.tokens import VideoGrant, mint
from sfu._datapath import HttpAccepted
from sfu.calls.joining import Joining
from sfu.calls.member import Member
from sfu.connection import Connection
from sfu.errors import Conflict, Malformed, NotFound, Overloaded, SfuError
from sfu.events import Signal
from sfu.remote_candidates import CandidateCount
from sfu.stats import PathStats, TransportStats

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
        self.time = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

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


@dataclass
class RecordedTrack:
    id: str = "TR_1"
    kind: str = "video"
    codec: str = "vp8"
    source: str = "camera"
    muted: bool = False
    handle: int | None = 7


@dataclass
class RecordedParticipant:
    identity: str
    kind: str
    joined_at: datetime
    id: str = "PA_1"
    name: str = ""
    metadata: str = ""
    state: str = "active"
    tracks: list[RecordedTrack] = field(default_factory=list)


@dataclass
class RecordedRoom:
    name: str
    created_at: datetime
    id: str = "RM_1"
    metadata: str = ""
    max_participants: int = 0
    empty_timeout: float = 300.0
    departure_timeout: float = 20.0
    participants: list[RecordedParticipant] = field(default_factory=list)


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
        self, room: str, identity: str, offer: str, *, name: str = "", metadata: str = ""
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
    def moderation(self) -> "RecordingSfu":
        return self

    def remove(self, room: str, identity: str) -> None:
        participants = self.rooms.get(room).participants
        for participant in participants:
            if participant.identity == identity:
                participants.remove(participant)
                return
        raise NotFound("participant-not-found", "There is no such participant.")

    def participant_stats(self, participant: object) -> TransportStats | None:
        return self.stats()[0]

    def connection(self, participant: object) -> Connection | None:
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
