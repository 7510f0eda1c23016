"""Rooms, participants and tracks as LiveKit's messages."""

import pytest
from livekit.protocol import models

from api.livekit import messages
from sfu.participant import ParticipantKind, ParticipantState
from sfu.permissions import Permissions
from sfu.track import TrackSource
from tests.api.livekit.domain import BEGIN, camera, microphone, participant, room


def test_a_room() -> None:
    place = room(metadata="m", empty_timeout=60.0, departure_timeout=5.0)
    place.join(participant("alice", tracks=[microphone()]))
    place.join(participant("bob"))
    place.join(participant("viewer", kind=ParticipantKind.VIEWER))
    place.join(participant("spy", permissions=Permissions(hidden=True)))
    info = messages.room_info(place)
    assert (info.sid, info.name, info.metadata) == ("RM_1", "room", "m")
    assert (info.empty_timeout, info.departure_timeout, info.max_participants) == (60, 5, 50)
    assert (info.num_participants, info.num_publishers) == (2, 1)
    assert (info.creation_time, info.creation_time_ms) == (int(BEGIN.timestamp()), int(BEGIN.timestamp() * 1000))
    assert info.enabled_codecs[0].mime == "video/VP8"


def test_a_participant() -> None:
    alice = participant(
        name="Alice",
        metadata="{}",
        attributes={"a": "1"},
        tracks=[microphone(), camera()],
        client_protocol=2,
        capabilities=(1, 2, 99),
        role="agent",
    )
    alice.state, alice.version = ParticipantState.ACTIVE, 9
    info = messages.participant_info(alice)
    assert (info.sid, info.identity, info.name, info.metadata) == ("PA_alice", "alice", "Alice", "{}")
    assert dict(info.attributes) == {"a": "1"}
    assert [track.sid for track in info.tracks] == ["TR_AM1", "TR_VC1"]
    assert (info.state, info.version, info.kind) == (models.ParticipantInfo.ACTIVE, 9, models.ParticipantInfo.AGENT)
    assert (info.client_protocol, list(info.capabilities)) == (2, [1, 2, 99])
    assert (info.is_publisher, info.permission.can_publish) == (True, True)
    assert info.joined_at_ms == int(BEGIN.timestamp() * 1000)
    assert info.disconnect_reason == models.DisconnectReason.UNKNOWN_REASON


def test_one_who_left_says_why() -> None:
    alice = participant()
    alice.state, alice.departure = ParticipantState.DISCONNECTED, "removed"
    info = messages.participant_info(alice)
    assert info.state == models.ParticipantInfo.DISCONNECTED
    assert info.disconnect_reason == models.DisconnectReason.PARTICIPANT_REMOVED


@pytest.mark.parametrize(
    ("kind", "role", "expected", "details"),
    [
        (ParticipantKind.MEMBER, "standard", models.ParticipantInfo.STANDARD, []),
        (ParticipantKind.MEMBER, "sip", models.ParticipantInfo.SIP, []),
        (ParticipantKind.MEMBER, "something new", models.ParticipantInfo.STANDARD, []),
        (ParticipantKind.PUBLISHER, "standard", models.ParticipantInfo.INGRESS, []),
        (
            ParticipantKind.FORWARDED,
            "standard",
            models.ParticipantInfo.STANDARD,
            [models.ParticipantInfo.KindDetail.FORWARDED],
        ),
    ],
)
def test_kinds(kind: ParticipantKind, role: str, expected: models.ParticipantInfo.Kind, details: list[object]) -> None:
    info = messages.participant_info(participant(kind=kind, role=role))
    assert (info.kind, list(info.kind_details)) == (expected, details)


def test_a_negotiated_simulcast_track() -> None:
    info = messages.track_info(camera(encryption="gcm", stream="s"))
    assert (info.sid, info.type, info.name) == ("TR_VC1", models.TrackType.VIDEO, "cam")
    assert info.source == models.TrackSource.CAMERA
    assert (info.simulcast, info.mime_type, info.mid) == (True, "video/VP8", "3")
    assert [(layer.quality, layer.rid, layer.width) for layer in info.layers] == [
        (models.VideoQuality.LOW, "q", 320),
        (models.VideoQuality.MEDIUM, "h", 640),
        (models.VideoQuality.HIGH, "f", 1280),
    ]
    (codec,) = info.codecs
    assert (codec.mime_type, codec.mid, codec.cid, len(codec.layers)) == ("video/VP8", "3", "cid-camera", 3)
    assert (info.encryption, info.stream) == (models.Encryption.GCM, "s")


def test_an_announced_track_has_no_codec_yet() -> None:
    track = microphone(muted=True, stereo=True, dtx=False, red=False, features=(4, 3, 77))
    info = messages.track_info(track)
    assert (info.type, info.muted, info.mime_type, len(info.codecs)) == (models.TrackType.AUDIO, True, "", 0)
    assert (info.stereo, info.disable_dtx, info.disable_red) == (True, True, True)
    assert list(info.audio_features) == [4, 3, 77]


def test_permissions() -> None:
    info = messages.permission_info(
        Permissions(can_subscribe=False, sources=frozenset({TrackSource.MICROPHONE, TrackSource.CAMERA}))
    )
    assert (info.can_publish, info.can_subscribe, info.can_publish_data) == (True, False, True)
    assert list(info.can_publish_sources) == [models.TrackSource.CAMERA, models.TrackSource.MICROPHONE]


def test_speakers_and_connection_quality() -> None:
    speaker = messages.speaker_info(participant(), 0.5, True)
    assert (speaker.sid, speaker.level, speaker.active) == ("PA_alice", 0.5, True)
    quality = messages.quality_info(participant(), "poor", 2.5)
    assert (quality.participant_sid, quality.quality, quality.score) == ("PA_alice", models.ConnectionQuality.POOR, 2.5)


def test_subscribed_qualities_name_the_codec_in_bare_lower_case() -> None:
    update = messages.subscribed_quality(camera(), {"low": True, "medium": False})
    (codec,) = update.subscribed_codecs
    assert codec.codec == "vp8"
    wanted = [(quality.quality, quality.enabled) for quality in codec.qualities]
    assert wanted == [(0, True), (1, False), (2, False)]
    assert list(update.subscribed_qualities) == list(codec.qualities)
