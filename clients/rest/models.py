"""What the REST API answers, as frozen values. What a newer server says besides is not read."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Room(Model):
    id: str
    name: str
    created_at: datetime
    metadata: str
    empty_timeout: float
    departure_timeout: float
    max_participants: int
    num_participants: int
    num_publishers: int


class Permissions(Model):
    """`sources`: what may be published; empty: everything."""

    can_publish: bool
    can_subscribe: bool
    can_publish_data: bool
    can_update_metadata: bool
    can_subscribe_metrics: bool
    hidden: bool
    recorder: bool
    agent: bool
    sources: tuple[str, ...]


class Track(Model):
    id: str
    kind: str
    source: str
    name: str
    muted: bool
    codec: str
    width: int
    height: int
    simulcast: bool


class RoomTrack(Track):
    """`participant` is the identity of who publishes it."""

    participant: str


class Participant(Model):
    id: str
    identity: str
    name: str
    kind: str
    state: str
    joined_at: datetime
    metadata: str
    attributes: dict[str, str]
    permissions: Permissions
    tracks: tuple[Track, ...]


class LayerFigures(Model):
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


class TrackFigures(Model):
    kind: str
    forwarded_layer: int
    layers: tuple[LayerFigures, ...]


class EgressFigures(Model):
    packets: int
    bytes: int
    bitrate_bps: int
    retransmitted: int
    nacks_received: int
    plis_received: int
    loss_fraction: float
    lost: int
    jitter_ms: float


class TransportFigures(Model):
    connected: bool
    encrypted: bool
    rtt_ms: float | None
    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int
    publishing: tuple[TrackFigures, ...]
    watching: tuple[EgressFigures, ...]


class PathInUse(Model):
    protocol: str
    relayed: bool


class TriedPath(Model):
    local: str
    remote: str
    protocol: str
    via: str | None
    client: str | None
    checks: int
    refused: dict[str, int]
    nominations: int
    validated: bool
    selected: bool
    dtls: int
    media: int
    media_dropped: int
    age_ms: int
    idle_ms: int


class OfferedCandidates(Model):
    type: str
    protocol: str
    count: int
    mdns: int


class Connection(Model):
    """`problem`: what is wrong with it, in words."""

    problem: str | None
    dtls: str
    path: PathInUse | None
    tried: tuple[TriedPath, ...]
    offered: tuple[OfferedCandidates, ...]


class ParticipantDetail(Participant):
    stats: TransportFigures | None
    connection: Connection | None


class Subscription(Model):
    track: RoomTrack
    paused: bool


class Subscriptions(Model):
    items: tuple[Subscription, ...]


class DataSent(Model):
    recipients: int


class MintedToken(Model):
    token: str = Field(repr=False)
    identity: str
    expires_at: datetime


class IceServer(Model):
    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = Field(default=None, repr=False)


class IceServers(Model):
    """Valid for `ttl` seconds."""

    ice_servers: tuple[IceServer, ...] = Field(alias="iceServers")
    ttl: int


class LayerSent(Model):
    layer: int
    rid: str | None
    active: bool
    bitrate_bps: int
    frame_rate: float


class TrackSent(Model):
    id: str
    kind: str
    source: str
    codec: str
    muted: bool
    bitrate_bps: int
    forwarded_layer: int | None
    layers: tuple[LayerSent, ...]


class Incoming(Model):
    bitrate_bps: int
    packets: int
    lost: int


class Outgoing(Model):
    streams: int
    bitrate_bps: int
    loss_fraction: float | None
    video_layers: tuple[int, ...]


class ParticipantFigures(Model):
    id: str
    identity: str
    name: str
    kind: str
    state: str
    problem: str | None
    paths: tuple[PathInUse, ...]
    rtt_ms: float | None
    incoming: Incoming
    outgoing: Outgoing
    tracks: tuple[TrackSent, ...]


class RoomFigures(Model):
    room: str
    at: datetime
    participants: tuple[ParticipantFigures, ...]


class Processor(Model):
    cores: int
    process_seconds: float
    event_loop_seconds: float | None
    worker_seconds: tuple[float, ...]


class EventLoop(Model):
    lag_seconds: float
    observations: int


class Traffic(Model):
    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int


class ServerFigures(Model):
    at: datetime
    version: str
    uptime_seconds: float
    processor: Processor
    memory_bytes: int | None
    event_loop: EventLoop
    rooms: int
    participants: dict[str, int]
    traffic: Traffic
    dropped: dict[str, int]


class Status(Model):
    """Of the server as a whole."""

    status: str
