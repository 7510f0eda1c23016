"""Rooms and people without a server."""

from datetime import UTC, datetime
from itertools import count

from sfu.attributes import Codec
from sfu.codecs import CodecPair
from sfu.negotiation import Kind
from sfu.participant import Participant, ParticipantKind
from sfu.room import Room
from sfu.track import Track, TrackAnnouncement

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VP8 = (CodecPair(Codec(96, "VP8", 90000), Codec(97, "rtx", 90000, format="apt=96")),)
H264 = (CodecPair(Codec(102, "H264", 90000, format="packetization-mode=1;profile-level-id=42e01f"), None),)
OPUS = (CodecPair(Codec(111, "opus", 48000, 2), None),)

_numbers = count(1)


def room(*, max_participants: int = 10) -> Room:
    return Room(id="RM_1", name="hall", created_at=NOW, now=0.0, max_participants=max_participants)


def track(kind: Kind, codecs: tuple[CodecPair, ...]) -> Track:
    number = next(_numbers)
    return Track(f"TR_{number}", TrackAnnouncement(f"cid-{number}", kind), NOW, number, codecs)


def publisher(identity: str = "alice", *tracks: Track) -> Participant:
    return Participant(
        id=f"PA_{next(_numbers)}",
        identity=identity,
        kind=ParticipantKind.PUBLISHER,
        joined_at=NOW,
        tracks=tracks or (track("video", VP8), track("audio", OPUS)),
    )


def viewer(identity: str = "bob") -> Participant:
    return Participant(id=f"PA_{next(_numbers)}", identity=identity, kind=ParticipantKind.VIEWER, joined_at=NOW)
