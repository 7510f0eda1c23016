"""The live figures of a room's participants and of the server, as JSON, for whoever draws them.

Bitrates are the data path's own, over the last second. Everything else that grows is a total: whoever reads twice has
the rate, and the server remembers nobody's last reading.
"""

from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.schemas import PathInUse
from api.views import path_in_use
from sfu.participant import Participant
from sfu.room import Room
from sfu.stats import EgressStats, LayerStats, PathStats, TrackStats, TransportStats
from sfu.track import Track


class LayerSent(BaseModel):
    """One stream of a track, as it arrives here."""

    layer: int
    rid: str | None
    active: bool
    bitrate_bps: int
    frame_rate: float


class TrackSent(BaseModel):
    """One published track."""

    id: str
    kind: str
    source: str = Field(description="camera, microphone, screen_share, screen_share_audio or unknown.")
    codec: str
    muted: bool
    bitrate_bps: int
    forwarded_layer: int | None = Field(description="To most; null: audio, or no media yet.")
    layers: list[LayerSent]


class Incoming(BaseModel):
    """What comes from the participant. `packets` and `lost` (for good, also after repair) are totals."""

    bitrate_bps: int
    packets: int
    lost: int


class Outgoing(BaseModel):
    """What the participant is sent."""

    streams: int
    bitrate_bps: int
    loss_fraction: float | None = Field(description="By its latest reports, 0 to 1; null: it is sent nothing.")
    video_layers: list[int] = Field(description="How many of the video streams are of layer 0, of layer 1, and so on.")


class ParticipantFigures(BaseModel):
    """One participant; at most about a second old."""

    id: str
    identity: str
    name: str
    kind: str
    state: str
    problem: str | None = Field(default=None, description="Why it is not connected, once that is known.")
    paths: list[PathInUse] = Field(description="What carries its media: one path, or one per direction.")
    rtt_ms: float | None
    incoming: Incoming
    outgoing: Outgoing
    tracks: list[TrackSent]


class RoomFigures(BaseModel):
    """Everybody in a room, in the order they joined."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "room": "lobby",
                    "at": "2026-11-22T12:00:00Z",
                    "participants": [
                        {
                            "id": "PA_7rT2xQ9LkWm4",
                            "identity": "alice",
                            "name": "Alice",
                            "kind": "member",
                            "state": "active",
                            "paths": [{"protocol": "udp", "relayed": False}],
                            "rtt_ms": 12.5,
                            "incoming": {"bitrate_bps": 2_100_000, "packets": 45_210, "lost": 3},
                            "outgoing": {
                                "streams": 4,
                                "bitrate_bps": 1_750_000,
                                "loss_fraction": 0.004,
                                "video_layers": [1, 1],
                            },
                            "tracks": [
                                {
                                    "id": "TR_b81Qz0Yc5PdN",
                                    "kind": "video",
                                    "source": "camera",
                                    "codec": "vp8",
                                    "muted": False,
                                    "bitrate_bps": 2_100_000,
                                    "forwarded_layer": 0,
                                    "layers": [
                                        {
                                            "layer": 0,
                                            "rid": "q",
                                            "active": True,
                                            "bitrate_bps": 2_100_000,
                                            "frame_rate": 30.0,
                                        }
                                    ],
                                }
                            ],
                        }
                    ],
                }
            ]
        }
    )

    room: str
    at: datetime
    participants: list[ParticipantFigures]


class Processor(BaseModel):
    """Processor time used since the start, in seconds."""

    cores: int = Field(description="How many this process may run on.")
    process_seconds: float
    event_loop_seconds: float | None = Field(description="Of the thread that Python runs on; null: not known here.")
    worker_seconds: list[float] = Field(description="Of each worker of the data path; empty: not known here.")


class EventLoop(BaseModel):
    """How late the event loop has run what was due."""

    lag_seconds: float = Field(description="Total of all times it was looked at.")
    observations: int = Field(description="How often that was.")


class Traffic(BaseModel):
    """Datagrams of the media ports since the start, with all that is in them; at most about a second old."""

    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int


class ServerFigures(BaseModel):
    """The whole server. The rate of a total is its growth by that of `uptime_seconds`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "at": "2026-11-22T12:00:00Z",
                    "version": "0.1.0",
                    "uptime_seconds": 86_400.25,
                    "processor": {
                        "cores": 2,
                        "process_seconds": 4012.5,
                        "event_loop_seconds": 310.75,
                        "worker_seconds": [1840.5, 1861.25],
                    },
                    "memory_bytes": 98_304_000,
                    "event_loop": {"lag_seconds": 12.5, "observations": 172_800},
                    "rooms": 12,
                    "participants": {"publisher": 12, "viewer": 480},
                    "traffic": {
                        "packets_received": 10_000_000,
                        "bytes_received": 11_000_000_000,
                        "packets_sent": 400_000_000,
                        "bytes_sent": 440_000_000_000,
                    },
                    "dropped": {"unknown_protocol": 7},
                }
            ]
        }
    )

    at: datetime
    version: str
    uptime_seconds: float
    processor: Processor
    memory_bytes: int | None = Field(description="Resident; null: not known here.")
    event_loop: EventLoop
    rooms: int
    participants: dict[str, int] = Field(description="By kind.")
    traffic: Traffic
    dropped: dict[str, int] = Field(description="Totals by reason; those that are 0 are left out.")


def video_tracks(participants: Iterable[Participant]) -> frozenset[int]:
    """What the data path calls these participants' tracks of video."""
    tracks = (track for participant in participants for track in participant.tracks)
    return frozenset(track.handle for track in tracks if track.kind == "video" and track.handle is not None)


def participant_figures(
    participant: Participant, stats: TransportStats | None, problem: str | None, video: frozenset[int]
) -> ParticipantFigures:
    """stats: of all its media, None if there is none. problem: as in `sfu.connection.Connection`. video: `video_tracks`
    of everybody it may be sent media of.
    """
    published = stats["tracks"] if stats else ()
    return ParticipantFigures(
        id=participant.id,
        identity=participant.identity,
        name=participant.name,
        kind=participant.kind,
        state=participant.state,
        problem=problem,
        paths=_paths(stats["paths"] if stats else ()),
        rtt_ms=stats["rtt_ms"] if stats else None,
        incoming=_incoming([layer for track in published for layer in track["layers"]]),
        outgoing=_outgoing(stats["egresses"] if stats else (), video),
        tracks=[_track(track, published) for track in participant.tracks],
    )


def traffic(counters: Mapping[str, int]) -> Traffic:
    return Traffic(
        packets_received=counters.get("datagrams_received", 0),
        bytes_received=counters.get("bytes_received", 0),
        packets_sent=counters.get("datagrams_sent", 0),
        bytes_sent=counters.get("bytes_sent", 0),
    )


def dropped(counters: Mapping[str, int]) -> dict[str, int]:
    """By reason."""
    reasons = {name: value for name, value in counters.items() if name.startswith("dropped_") and value}
    return {name.removeprefix("dropped_"): value for name, value in reasons.items()}


def kinds(rooms: Iterable[Room]) -> dict[str, int]:
    """How many participants there are of each kind."""
    return dict(sorted(Tally(str(participant.kind) for room in rooms for participant in room.participants).items()))


def _paths(paths: Sequence[PathStats]) -> list[PathInUse]:
    """Those selected; one where both transports of a member have the same."""
    selected = (path_in_use(path) for path in paths if path["selected"])
    return list({(path.protocol, path.relayed): path for path in selected}.values())


def _incoming(layers: Sequence[LayerStats]) -> Incoming:
    return Incoming(
        bitrate_bps=sum(layer["bitrate_bps"] for layer in layers),
        packets=sum(layer["packets"] for layer in layers),
        # A layer's is negative when packets came twice, and then hides no other's.
        lost=sum(max(0, layer["lost"]) for layer in layers),
    )


def _outgoing(egresses: Sequence[EgressStats], video: frozenset[int]) -> Outgoing:
    """One loop, as a call's members get hundreds of streams."""
    bitrate, lost = 0, 0.0
    layers: list[int] = []
    for egress in egresses:
        bps, source, layer = egress["bitrate_bps"], egress["source"], egress["layer"]
        bitrate += bps
        lost += bps * egress["loss_fraction"]
        if bps > 0 and layer is not None and source is not None and source in video:
            layers.extend([0] * (layer + 1 - len(layers)))
            layers[layer] += 1
    return Outgoing(
        streams=len(egresses),
        bitrate_bps=bitrate,
        loss_fraction=lost / bitrate if bitrate else None,
        video_layers=layers,
    )


def _track(track: Track, published: Sequence[TrackStats]) -> TrackSent:
    stats = next((stats for stats in published if stats["track"] == track.handle), None)
    layers = stats["layers"] if stats else []
    return TrackSent(
        id=track.id,
        kind=track.kind,
        source=track.source,
        codec=track.codec,
        muted=track.muted,
        bitrate_bps=sum(layer["bitrate_bps"] for layer in layers),
        forwarded_layer=stats["forwarded_layer"] if stats and track.kind == "video" else None,
        layers=[
            LayerSent(
                layer=layer["layer"],
                rid=layer["rid"],
                active=layer["active"],
                bitrate_bps=layer["bitrate_bps"],
                frame_rate=layer["frame_rate"],
            )
            for layer in layers
        ],
    )
