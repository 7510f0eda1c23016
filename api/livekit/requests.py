"""What clients and backends say in the LiveKit protocol's messages, read with care."""

import json
from collections.abc import Iterable, Mapping

from livekit.protocol import models, rtc

from api.livekit import messages
from sfu.calls.joining import SubscriptionPermissions
from sfu.errors import Malformed, Rejected
from sfu.permissions import Permissions
from sfu.track import Encryption, TrackAnnouncement, TrackSource
from sfu.view_settings import VideoLayer, VideoQuality, ViewSettings

MAX_NAME = 256  # bytes, as in LiveKit
# LiveKit allows 512 KiB; what one says here everybody in the room is told, at every change.
MAX_METADATA = 64 << 10
MAX_ATTRIBUTES = 64 << 10
MAX_CLIENT_ID = 256
MAX_FEATURES = 32
MAX_TRACK_IDS = 4_096
MAX_TRACK_PERMISSIONS = 1_000
MAX_CANDIDATE = 4_096

_SOURCES: Mapping[int, TrackSource] = {number: source for source, number in messages.SOURCES.items()}
_ENCRYPTIONS: Mapping[int, Encryption] = {number: name for name, number in messages.ENCRYPTIONS.items()}
_QUALITIES: Mapping[int, VideoQuality] = {number: name for name, number in messages.QUALITIES.items()}


def announcement(request: rtc.AddTrackRequest) -> TrackAnnouncement:
    """Malformed, Rejected ("unsupported-type"). What is younger than we are is taken for unknown."""
    if not request.cid or len(request.cid) > MAX_CLIENT_ID:
        raise Malformed("malformed-track", f"a track has a client id of up to {MAX_CLIENT_ID} characters")
    if request.type not in (models.TrackType.AUDIO, models.TrackType.VIDEO):
        raise Rejected("unsupported-type", "only audio and video can be published")
    if request.sid:
        raise Rejected("unsupported-type", "a track has one codec; a second one is not taken")
    if request.encryption not in _ENCRYPTIONS:
        raise Rejected("unsupported-type", "that encryption is not known")
    for text in (request.name, request.stream):
        _check_size("name-too-long", "a track's name", len(text.encode()), MAX_NAME)
    video = request.type == models.TrackType.VIDEO
    return TrackAnnouncement(
        client_id=request.cid,
        kind="video" if video else "audio",
        source=_SOURCES.get(request.source, TrackSource.UNKNOWN),
        name=request.name,
        muted=request.muted,
        width=request.width,
        height=request.height,
        layers=_layers(request) if video else (),
        stream=request.stream,
        stereo=request.stereo or models.AudioTrackFeature.TF_STEREO in request.audio_features,
        dtx=not (request.disable_dtx or models.AudioTrackFeature.TF_NO_DTX in request.audio_features),
        red=not request.disable_red,
        encryption=_ENCRYPTIONS[request.encryption],
        features=features(request.audio_features),
    )


def features(numbers: Iterable[int]) -> tuple[int, ...]:
    """LiveKit's AudioTrackFeature numbers, each once."""
    return tuple(dict.fromkeys(numbers))[:MAX_FEATURES]


def view_settings(request: rtc.UpdateTrackSettings) -> ViewSettings:
    """Without dimensions the quality counts, which is LOW when it is not said, as in LiveKit."""
    sized = bool(request.width or request.height)
    return ViewSettings(
        enabled=not request.disabled and (sized or request.quality != models.VideoQuality.OFF),
        quality=None if sized else _QUALITIES.get(request.quality),
        width=request.width,
        height=request.height,
        fps=request.fps,
    )


def track_ids(request: rtc.UpdateSubscription) -> list[str]:
    """Rejected ("too-many-tracks"). Clients name each track in two places."""
    named = [*request.track_sids, *(sid for tracks in request.participant_tracks for sid in tracks.track_sids)]
    return checked_track_ids(named)


def checked_track_ids(named: Iterable[str]) -> list[str]:
    """Each once. Rejected ("too-many-tracks")."""
    once = list(dict.fromkeys(named))
    if len(once) > MAX_TRACK_IDS:
        raise Rejected("too-many-tracks", f"one request names at most {MAX_TRACK_IDS} tracks")
    return once


def subscription_permissions(request: rtc.SubscriptionPermission) -> SubscriptionPermissions:
    """Rejected ("too-many-permissions")."""
    if len(request.track_permissions) > MAX_TRACK_PERMISSIONS:
        raise Rejected("too-many-permissions", f"at most {MAX_TRACK_PERMISSIONS} participants can be named")
    tracks = {
        permission.participant_sid or permission.participant_identity: (
            None if permission.all_tracks else frozenset(checked_track_ids(permission.track_sids))
        )
        for permission in request.track_permissions
    }
    return SubscriptionPermissions(everybody=request.all_participants, tracks=tracks)


def permissions(message: models.ParticipantPermission) -> Permissions:
    """As given: what is not set is not permitted. Sources that are not known permit nothing."""
    known = frozenset(_SOURCES[number] for number in message.can_publish_sources if number in _SOURCES)
    return Permissions(
        can_publish=message.can_publish and (bool(known) or not message.can_publish_sources),
        can_subscribe=message.can_subscribe,
        can_publish_data=message.can_publish_data,
        can_update_metadata=message.can_update_metadata,
        can_subscribe_metrics=message.can_subscribe_metrics,
        hidden=message.hidden,
        recorder=message.recorder,
        agent=message.agent,
        sources=known,
    )


def check_description(name: str, metadata: str, attributes: Mapping[str, str]) -> None:
    """Rejected ("name-too-long", "metadata-too-large", "attributes-too-large"): what a participant says of itself."""
    _check_size("name-too-long", "a name", len(name.encode()), MAX_NAME)
    _check_size("metadata-too-large", "metadata", len(metadata.encode()), MAX_METADATA)
    total = sum(len(key.encode()) + len(value.encode()) for key, value in attributes.items())
    _check_size("attributes-too-large", "attributes", total, MAX_ATTRIBUTES)


def candidate(text: str) -> str:
    """The candidate of an RTCIceCandidateInit in JSON; "" marks the end of candidates. Malformed."""
    if len(text) > MAX_CANDIDATE:
        raise Malformed("malformed-candidate", "the candidate is too long")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed("malformed-candidate", "the candidate is not JSON") from None
    line = value.get("candidate") if isinstance(value, dict) else None
    if not isinstance(line, str):
        raise Malformed("malformed-candidate", "that is no RTCIceCandidateInit")
    return line


def _layers(request: rtc.AddTrackRequest) -> tuple[VideoLayer, ...]:
    """Lowest first, one of each quality; some clients name them with their codec only."""
    given = request.layers or (request.simulcast_codecs[0].layers if request.simulcast_codecs else ())
    by_quality = {layer.quality: layer for layer in given if layer.quality in _QUALITIES}
    return tuple(
        VideoLayer(_QUALITIES[quality], layer.width, layer.height, layer.bitrate)
        for quality, layer in sorted(by_quality.items())
    )


def _check_size(code: str, what: str, size: int, limit: int) -> None:
    if size > limit:
        raise Rejected(code, f"{what} has at most {limit} bytes")
