"""Rooms, participants and tracks as plain values, for what is made of them."""

from datetime import UTC, datetime
from typing import Any

from sfu.attributes import Codec
from sfu.codecs import CodecPair
from sfu.participant import Participant, ParticipantKind
from sfu.room import Room
from sfu.track import Track, TrackAnnouncement, TrackSource
from sfu.view_settings import VideoLayer

BEGIN = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)
VP8 = CodecPair(Codec(96, "VP8", 90000, 1), None)
THREE_LAYERS = (
    VideoLayer("low", 320, 180, 150_000),
    VideoLayer("medium", 640, 360, 500_000),
    VideoLayer("high", 1280, 720, 1_700_000),
)


def room(name: str = "room", **values: Any) -> Room:
    defaults: dict[str, Any] = {"id": "RM_1", "name": name, "created_at": BEGIN, "now": 0.0, "max_participants": 50}
    return Room(**(defaults | values))


def participant(identity: str = "alice", **values: Any) -> Participant:
    defaults: dict[str, Any] = {"id": f"PA_{identity}", "identity": identity, "kind": ParticipantKind.MEMBER}
    return Participant(**(defaults | {"joined_at": BEGIN} | values))


def camera(**values: Any) -> Track:
    """Simulcast video that is negotiated."""
    said: dict[str, Any] = {
        "client_id": "cid-camera",
        "kind": "video",
        "source": TrackSource.CAMERA,
        "name": "cam",
        "width": 1280,
        "height": 720,
        "layers": THREE_LAYERS,
    }
    track = Track("TR_VC1", TrackAnnouncement(**(said | values)), BEGIN)
    track.codecs, track.layers, track.mid, track.handle = (VP8,), ("q", "h", "f"), "3", 7
    return track


def microphone(**values: Any) -> Track:
    """Audio that is announced and no more."""
    said: dict[str, Any] = {"client_id": "cid-mic", "kind": "audio", "source": TrackSource.MICROPHONE, "name": "mic"}
    return Track("TR_AM1", TrackAnnouncement(**(said | values)), BEGIN)
