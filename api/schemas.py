"""The JSON of the REST API. Times are RFC 3339 in UTC, durations are seconds."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Base64Bytes, BaseModel, ConfigDict, Field, StrictBool, model_validator

from api.durations import parse_duration
from api.limits import MAX_DESTINATIONS, MAX_PAYLOAD, MAX_TOPIC
from api.livekit.requests import MAX_METADATA, MAX_NAME, MAX_TRACK_IDS
from api.names import checked_identity, checked_room
from api.room_config import RoomConfig
from api.tokens import DEFAULT_TTL, MAX_TTL, STANDARD, Kind, VideoGrant
from sfu.stats import TransportStats
from sfu.track import TrackSource

MAX_ATTRIBUTES = 64
MAX_TIMEOUT = 7 * 86400

RoomField = Annotated[str, AfterValidator(checked_room)]
IdentityField = Annotated[str, AfterValidator(checked_identity)]
Seconds = Annotated[float, Field(strict=True, ge=0, le=MAX_TIMEOUT, allow_inf_nan=False)]
Metadata = Annotated[str, Field(max_length=MAX_METADATA)]


class Body(BaseModel):
    """A request body: what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RoomCreate(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "lobby", "max_participants": 100}]})

    name: RoomField
    empty_timeout: Seconds = Field(default=300, description="How long the room lives with nobody in it at first.")
    departure_timeout: Seconds = Field(default=20, description="How long it lives after the last one has left.")
    max_participants: int = Field(default=0, ge=0, le=1_000_000, description="0: the server's own limit.")
    metadata: Metadata = ""


class RoomUpdate(Body):
    """What is not given stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"metadata": "in session"}]})

    metadata: Metadata | None = None


class PermissionsUpdate(Body):
    """What is not given stays as it is."""

    can_publish: StrictBool | None = None
    can_subscribe: StrictBool | None = None
    can_publish_data: StrictBool | None = None
    can_update_metadata: StrictBool | None = Field(default=None, description="Its own name, metadata and attributes.")
    can_subscribe_metrics: StrictBool | None = None
    hidden: StrictBool | None = None
    recorder: StrictBool | None = None
    agent: StrictBool | None = None
    sources: list[TrackSource] | None = Field(
        default=None, max_length=len(TrackSource), description="What may be published; empty: everything."
    )


class ParticipantUpdate(Body):
    """What is not given stays as it is (RFC 7396)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"attributes": {"hand": "raised", "seat": None}, "permissions": {"can_publish": False}},
                {"name": "Alice", "metadata": "speaker"},
            ]
        }
    )

    name: str | None = Field(default=None, max_length=MAX_NAME)
    metadata: Metadata | None = None
    attributes: dict[str, str | None] | None = Field(
        default=None, max_length=MAX_ATTRIBUTES, description='null or "" removes one.'
    )
    permissions: PermissionsUpdate | None = Field(
        default=None, description="Counts at once: tracks that may no longer be published or received end."
    )


class Transfer(Body):
    """Somebody is to be in another room as well, or instead."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"identity": "alice", "destination_room": "breakout"}]})

    identity: IdentityField
    destination_room: RoomField


class TrackUpdate(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"muted": True}]})

    muted: StrictBool


TrackIds = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=MAX_TRACK_IDS)]


class SubscriptionsUpdate(Body):
    """Tracks that are not named stay as they are; those that are not there yet are remembered."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"subscribe": ["TR_q9dXzY0fAbcD"], "unsubscribe": ["TR_Kx3mP0aQwErT"]}]}
    )

    subscribe: TrackIds = []
    unsubscribe: TrackIds = []


class DataSend(Body):
    """`text`, or any bytes as `payload`: one of the two."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"text": "the meeting ends in five minutes", "topic": "notice"},
                {"payload": "AAEC", "reliable": False, "identities": ["alice"]},
            ]
        }
    )

    payload: Base64Bytes | None = Field(default=None, max_length=MAX_PAYLOAD, description="base64 (RFC 4648, 4).")
    text: str | None = Field(default=None, max_length=MAX_PAYLOAD)
    topic: str = Field(default="", max_length=MAX_TOPIC)
    reliable: StrictBool = Field(default=True, description="Repeated until it arrives, in order; otherwise sent once.")
    identities: list[str] = Field(default=[], max_length=MAX_DESTINATIONS, description="To whom; empty: everybody.")

    @model_validator(mode="after")
    def _one_of_two(self) -> "DataSend":
        if (self.payload is None) == (self.text is None):
            raise ValueError("give either payload or text")
        return self

    @property
    def content(self) -> bytes:
        return (self.text or "").encode() if self.payload is None else self.payload


class IceServerEntry(BaseModel):
    """W3C's RTCIceServer."""

    urls: list[str]
    username: str | None = None
    credential: str | None = Field(default=None, repr=False)


class IceServers(BaseModel):
    """`iceServers` is what an RTCConfiguration takes."""

    ice_servers: list[IceServerEntry] = Field(serialization_alias="iceServers")
    ttl: int = Field(description="Seconds within which the credential must be used; what runs by then goes on.")


class TokenCreate(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"identity": "alice", "ttl": "1h", "video": {"roomJoin": True, "room": "lobby", "canPublish": True}}
            ]
        }
    )

    identity: IdentityField
    name: str = Field(default="", max_length=256)
    metadata: Metadata = ""
    attributes: dict[str, str] = Field(default={}, max_length=MAX_ATTRIBUTES)
    kind: Kind = STANDARD
    room_config: RoomConfig | None = Field(
        default=None, description="For the room, if joining with this token creates it."
    )
    ttl: str = Field(
        default=f"{int(DEFAULT_TTL.total_seconds() // 3600)}h",
        max_length=32,
        description=f"90s, 15m, 6h, 30d; at most {MAX_TTL.days}d.",
    )
    video: VideoGrant

    @property
    def lifetime_seconds(self) -> float:
        """ValueError: ttl is no duration."""
        return parse_duration(self.ttl).total_seconds()


class Track(BaseModel):
    id: str = Field(examples=["TR_q9dXzY0fAbcD"])
    kind: str = Field(description="audio or video")
    source: TrackSource
    name: str
    muted: bool
    codec: str = Field(description="Empty until there is one.", examples=["vp8"])
    width: int = Field(description="Of the picture, as its publisher says; 0: it does not.")
    height: int
    simulcast: bool


class RoomTrack(Track):
    """A track, and whose it is."""

    participant: str = Field(description="The identity of who publishes it.", examples=["alice"])


class Subscription(BaseModel):
    """One track that a participant receives."""

    track: RoomTrack
    paused: bool = Field(description="By the participant, or because others speak: it is not sent at present.")


class Subscriptions(BaseModel):
    items: list[Subscription]


class DataSent(BaseModel):
    recipients: int = Field(description="How many participants it was sent to.")


class LayerFigures(BaseModel):
    """One received stream of a track."""

    layer: int
    rid: str | None
    active: bool
    packets: int
    bytes: int
    bitrate_bps: int
    frames: int
    frame_rate: float
    keyframes: int
    lost: int
    repaired: int
    jitter_ms: float


class TrackFigures(BaseModel):
    """One published track."""

    kind: str
    forwarded_layer: int
    layers: list[LayerFigures]


class EgressFigures(BaseModel):
    """One stream sent to the participant; loss and jitter are as it reports them."""

    packets: int
    bytes: int
    bitrate_bps: int
    retransmitted: int
    nacks_received: int
    plis_received: int
    loss_fraction: float
    lost: int
    jitter_ms: float


class Figures(BaseModel):
    """What the participant's transport carries, at most about a second old."""

    connected: bool
    encrypted: bool
    rtt_ms: float | None
    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int
    publishing: list[TrackFigures]
    watching: list[EgressFigures]

    @classmethod
    def of(cls, stats: TransportStats) -> "Figures":
        fields: dict[str, Any] = {**stats, "publishing": stats["tracks"], "watching": stats["egresses"]}
        return cls.model_validate(fields)


class PathInUse(BaseModel):
    """The path that carries the media."""

    protocol: str = Field(description="udp, tcp or tls: how the participant gets here.")
    relayed: bool = Field(description="Whether it does through this server's own relay.")


class TriedPath(BaseModel):
    """One 5-tuple on which something came: ICE checks, then DTLS and media."""

    local: str = Field(examples=["192.0.2.1:3478"])
    remote: str = Field(examples=["203.0.113.5:51000"])
    protocol: str = Field(description="udp, tcp, tls; relay: through this server's own relay.")
    via: str | None = Field(description="Through the relay: how the participant gets to that.")
    client: str | None = Field(description="Through the relay: whence.")
    checks: int
    refused: dict[str, int] = Field(description="Of the checks, those that were not accepted, by reason.")
    nominations: int
    validated: bool
    selected: bool
    dtls: int
    media: int
    media_dropped: int = Field(description="Of the media packets, those that could not be opened.")
    age_ms: int = Field(description="Since something came first.")
    idle_ms: int = Field(description="Since something came last.")


class OfferedCandidates(BaseModel):
    """What the participant says of its own addresses."""

    type: str = Field(description="host, srflx, prflx, relay or other.")
    protocol: str = Field(description="udp, tcp or other.")
    count: int
    mdns: int = Field(description="Of them, those that hide their address behind a name.")


class Connection(BaseModel):
    """How the participant gets here, or tried to; at most about a second old."""

    problem: str | None = Field(
        description="What is wrong: which leg failed, and what to look at.",
        examples=["no check ever arrived on UDP or TCP port 3478: a firewall between, or a wrong --public-ip"],
    )
    dtls: str = Field(description="connecting, connected, closed or failed.")
    path: PathInUse | None
    tried: list[TriedPath]
    offered: list[OfferedCandidates]


class Permissions(BaseModel):
    """What a participant of a call may do."""

    can_publish: bool
    can_subscribe: bool
    can_publish_data: bool
    can_update_metadata: bool
    can_subscribe_metrics: bool
    hidden: bool = Field(description="Others are not told of it.")
    recorder: bool
    agent: bool
    sources: list[TrackSource] = Field(description="What it may publish; empty: everything.")


class Participant(BaseModel):
    id: str
    identity: str
    name: str
    kind: str = Field(description="How it came: publisher (WHIP), viewer (WHEP), member (of the call), or forwarded.")
    state: str = Field(description="joining, active or disconnected")
    joined_at: datetime
    metadata: str
    attributes: dict[str, str]
    permissions: Permissions
    tracks: list[Track]


class ParticipantDetail(Participant):
    stats: Figures | None = Field(description="Live figures; null while there is no transport.")
    connection: Connection | None


class Room(BaseModel):
    id: str
    name: str
    created_at: datetime
    metadata: str
    empty_timeout: float
    departure_timeout: float
    max_participants: int
    num_participants: int
    num_publishers: int


class RoomPage(BaseModel):
    items: list[Room]
    next_page_token: str | None = Field(description="Pass it as page_token for the next page; null: this is the last.")


class TrackPage(BaseModel):
    items: list[RoomTrack]
    next_page_token: str | None = Field(description="Pass it as page_token for the next page; null: this is the last.")


class ParticipantPage(BaseModel):
    items: list[Participant]
    next_page_token: str | None = Field(description="Pass it as page_token for the next page; null: this is the last.")


class MintedToken(BaseModel):
    token: str
    identity: str
    expires_at: datetime


class Fault(BaseModel):
    pointer: str = Field(description="Where in the request.")
    detail: str


class ProblemDetails(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str = Field(description="Stable, for programs.")
    detail: str = Field(description="For people.")
    errors: list[Fault] | None = None
