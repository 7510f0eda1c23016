"""A stream of audio or video that a participant publishes."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sfu.codecs import CodecPair
from sfu.negotiation import Kind
from sfu.view_settings import VideoLayer

Encryption = Literal["none", "gcm", "custom"]


class TrackSource(enum.StrEnum):
    """What is filmed or heard, as LiveKit names it."""

    UNKNOWN = "unknown"
    CAMERA = "camera"
    MICROPHONE = "microphone"
    SCREEN_SHARE = "screen_share"
    SCREEN_SHARE_AUDIO = "screen_share_audio"


@dataclass(frozen=True, slots=True)
class TrackAnnouncement:
    """What a client says of a track beside its SDP. `client_id` is its own name for it (LiveKit's cid), `layers` are
    lowest first, `features` LiveKit's AudioTrackFeature numbers; `encryption` is end to end and none of our business.
    """

    client_id: str
    kind: Kind
    source: TrackSource = TrackSource.UNKNOWN
    name: str = ""
    muted: bool = False
    width: int = 0
    height: int = 0
    layers: tuple[VideoLayer, ...] = ()
    stream: str = ""
    stereo: bool = False
    dtx: bool = True
    red: bool = True
    encryption: Encryption = "none"
    features: tuple[int, ...] = ()


@dataclass(slots=True, eq=False)
class Track:
    """`handle` is what the data path calls it, None until the media is negotiated, and `codecs` are empty till then.
    `layers` are its rids, lowest first; empty without simulcast by rid. `mid` is its publisher's.
    """

    id: str
    announcement: TrackAnnouncement
    created_at: datetime
    handle: int | None = None
    codecs: tuple[CodecPair, ...] = ()
    layers: tuple[str, ...] = ()
    mid: str | None = None
    muted: bool = field(init=False)

    def __post_init__(self) -> None:
        self.muted = self.announcement.muted

    @property
    def kind(self) -> Kind:
        return self.announcement.kind

    @property
    def name(self) -> str:
        return self.announcement.name

    @property
    def source(self) -> TrackSource:
        return self.announcement.source

    @property
    def codec(self) -> str:
        """The preferred one, in lower case: what a publisher of several normally sends; "" before any is agreed on."""
        return self.codecs[0].name if self.codecs else ""

    @property
    def video_layers(self) -> Sequence[VideoLayer]:
        """What is known of the sizes of its layers, lowest first; one for each stream there can be."""
        return self.announcement.layers
