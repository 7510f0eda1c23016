"""What there is in a room as the LiveKit protocol's messages say it.

Protocol: livekit/protocol, `livekit_models.proto` and `livekit_rtc.proto`. What comes the other way is in `requests`.
"""

from collections.abc import Mapping, Sequence

from livekit.protocol import models, rtc

from sfu.participant import Participant, ParticipantKind, ParticipantState
from sfu.permissions import Permissions
from sfu.room import Room
from sfu.track import Encryption, Track, TrackSource
from sfu.view_settings import VideoQuality

SOURCES: Mapping[TrackSource, models.TrackSource] = {
    TrackSource.UNKNOWN: models.TrackSource.UNKNOWN,
    TrackSource.CAMERA: models.TrackSource.CAMERA,
    TrackSource.MICROPHONE: models.TrackSource.MICROPHONE,
    TrackSource.SCREEN_SHARE: models.TrackSource.SCREEN_SHARE,
    TrackSource.SCREEN_SHARE_AUDIO: models.TrackSource.SCREEN_SHARE_AUDIO,
}
ENCRYPTIONS: Mapping[Encryption, models.Encryption.Type] = {
    "none": models.Encryption.NONE,
    "gcm": models.Encryption.GCM,
    "custom": models.Encryption.CUSTOM,
}
QUALITIES: Mapping[VideoQuality, models.VideoQuality] = {
    "low": models.VideoQuality.LOW,
    "medium": models.VideoQuality.MEDIUM,
    "high": models.VideoQuality.HIGH,
}
CONNECTION_QUALITIES: Mapping[str, models.ConnectionQuality] = {
    "poor": models.ConnectionQuality.POOR,
    "good": models.ConnectionQuality.GOOD,
    "excellent": models.ConnectionQuality.EXCELLENT,
    "lost": models.ConnectionQuality.LOST,
}
KINDS: Mapping[str, models.ParticipantInfo.Kind] = {
    "standard": models.ParticipantInfo.STANDARD,
    "ingress": models.ParticipantInfo.INGRESS,
    "egress": models.ParticipantInfo.EGRESS,
    "sip": models.ParticipantInfo.SIP,
    "agent": models.ParticipantInfo.AGENT,
    "connector": models.ParticipantInfo.CONNECTOR,
    "bridge": models.ParticipantInfo.BRIDGE,
}
# LiveKit's JOINED is one whose client is known, ACTIVE one whose media can flow.
STATES: Mapping[ParticipantState, models.ParticipantInfo.State] = {
    ParticipantState.JOINING: models.ParticipantInfo.JOINED,
    ParticipantState.ACTIVE: models.ParticipantInfo.ACTIVE,
    ParticipantState.DISCONNECTED: models.ParticipantInfo.DISCONNECTED,
}
# By the reasons of `Member.closed` and `Participant.departure`.
DEPARTURES: Mapping[str, models.DisconnectReason] = {
    "left": models.DisconnectReason.CLIENT_INITIATED,
    "duplicate-identity": models.DisconnectReason.DUPLICATE_IDENTITY,
    "server-shutdown": models.DisconnectReason.SERVER_SHUTDOWN,
    "removed": models.DisconnectReason.PARTICIPANT_REMOVED,
    "room-deleted": models.DisconnectReason.ROOM_DELETED,
    "state-mismatch": models.DisconnectReason.STATE_MISMATCH,
    "never-connected": models.DisconnectReason.JOIN_FAILURE,
    "room-closed": models.DisconnectReason.ROOM_CLOSED,
    "connection-lost": models.DisconnectReason.CONNECTION_TIMEOUT,
    "bad-description": models.DisconnectReason.MEDIA_FAILURE,
    "signal-lost": models.DisconnectReason.SIGNAL_CLOSE,
}
# The spelling clients compare with; the SDP's is any case.
MIME_TYPES: Mapping[str, str] = {
    "vp8": "video/VP8",
    "h264": "video/H264",
    "vp9": "video/VP9",
    "av1": "video/AV1",
    "h265": "video/H265",
    "opus": "audio/opus",
    "red": "audio/red",
    "pcmu": "audio/PCMU",
    "pcma": "audio/PCMA",
    "g722": "audio/G722",
}
# What clients conclude from LiveKit's version: before 1.8.0 there is no RPC; after 1.13.6 they send VP9 and AV1 as
# simulcast layers by rid, which only that server's successors are known to take.
VERSION = "1.13.6"
PROTOCOL = 16
# In the order of our preference: clients replace a codec that is missing here by the first of its kind.
PUBLISHABLE = ("vp8", "h264", "vp9", "av1", "h265", "opus", "red")


def room_info(room: Room) -> models.Room:
    """Counted are those whom others see."""
    visible = [participant for participant in room.participants if not participant.hidden]
    return models.Room(
        sid=room.id,
        name=room.name,
        empty_timeout=int(room.empty_timeout),
        departure_timeout=int(room.departure_timeout),
        max_participants=room.max_participants,
        creation_time=int(room.created_at.timestamp()),
        creation_time_ms=int(room.created_at.timestamp() * 1000),
        enabled_codecs=enabled_codecs(),
        metadata=room.metadata,
        num_participants=len(visible),
        num_publishers=sum(1 for participant in visible if participant.tracks),
    )


def participant_info(participant: Participant) -> models.ParticipantInfo:
    """Everything about them, all tracks included: clients take what is missing for gone."""
    info = models.ParticipantInfo(
        sid=participant.id,
        identity=participant.identity,
        state=STATES[participant.state],
        tracks=[track_info(track) for track in participant.tracks],
        metadata=participant.metadata,
        joined_at=int(participant.joined_at.timestamp()),
        joined_at_ms=int(participant.joined_at.timestamp() * 1000),
        name=participant.name,
        version=participant.version,
        permission=permission_info(participant.permissions),
        is_publisher=bool(participant.tracks),
        kind=_kind(participant),
        attributes=participant.attributes,
        client_protocol=participant.client_protocol,
    )
    # Numbers that are younger than our stubs are passed on as they are: proto3 enums are open.
    info.capabilities.extend(participant.capabilities)  # type: ignore[arg-type]
    if participant.kind is ParticipantKind.FORWARDED:
        info.kind_details.append(models.ParticipantInfo.FORWARDED)
    if participant.state is ParticipantState.DISCONNECTED:
        info.disconnect_reason = disconnect_reason(participant.departure)
    return info


def track_info(track: Track) -> models.TrackInfo:
    """Codec, mid and rids are empty until they are negotiated."""
    said = track.announcement
    info = models.TrackInfo(
        sid=track.id,
        type=models.TrackType.AUDIO if track.kind == "audio" else models.TrackType.VIDEO,
        name=said.name,
        muted=track.muted,
        width=said.width,
        height=said.height,
        simulcast=len(track.layers) > 1 or len(said.layers) > 1,
        disable_dtx=not said.dtx,
        source=SOURCES[said.source],
        layers=_layers(track),
        mime_type=MIME_TYPES.get(track.codec, ""),
        mid=track.mid or "",
        stereo=said.stereo,
        disable_red=not said.red,
        encryption=ENCRYPTIONS[said.encryption],
        stream=said.stream,
    )
    info.audio_features.extend(said.features)  # type: ignore[arg-type]
    if info.mime_type:
        info.codecs.add(mime_type=info.mime_type, mid=info.mid, cid=said.client_id, layers=info.layers)
    return info


def permission_info(permissions: Permissions) -> models.ParticipantPermission:
    return models.ParticipantPermission(
        can_subscribe=permissions.can_subscribe,
        can_publish=permissions.can_publish,
        can_publish_data=permissions.can_publish_data,
        can_publish_sources=sorted(SOURCES[source] for source in permissions.sources),
        hidden=permissions.hidden,
        recorder=permissions.recorder,
        can_update_metadata=permissions.can_update_metadata,
        agent=permissions.agent,
        can_subscribe_metrics=permissions.can_subscribe_metrics,
    )


def disconnect_reason(departure: str | None) -> models.DisconnectReason:
    return DEPARTURES.get(departure or "", models.DisconnectReason.UNKNOWN_REASON)


def enabled_codecs() -> list[models.Codec]:
    """What clients may publish."""
    return [models.Codec(mime=MIME_TYPES[name]) for name in PUBLISHABLE]


def speaker_info(participant: Participant, level: float, active: bool) -> models.SpeakerInfo:
    """level: 0 to 1, loudest."""
    return models.SpeakerInfo(sid=participant.id, level=level, active=active)


def quality_info(participant: Participant, quality: str, score: float) -> rtc.ConnectionQualityInfo:
    """quality: "poor", "good", "excellent" or "lost"."""
    return rtc.ConnectionQualityInfo(participant_sid=participant.id, quality=CONNECTION_QUALITIES[quality], score=score)


def subscribed_quality(track: Track, wanted: Mapping[VideoQuality, bool]) -> rtc.SubscribedQualityUpdate:
    """Which of the layers "low", "medium" and "high" anybody wants; clients look codecs up by their bare names."""
    qualities = [
        rtc.SubscribedQuality(quality=number, enabled=wanted.get(name, False)) for name, number in QUALITIES.items()
    ]
    codecs = [rtc.SubscribedCodec(codec=track.codec, qualities=qualities)] if track.codec else []
    return rtc.SubscribedQualityUpdate(track_sid=track.id, subscribed_qualities=qualities, subscribed_codecs=codecs)


def server_info() -> models.ServerInfo:
    """As which version of LiveKit's server clients are to treat us."""
    return models.ServerInfo(edition=models.ServerInfo.Standard, version=VERSION, protocol=PROTOCOL)


def _kind(participant: Participant) -> models.ParticipantInfo.Kind:
    """Who publishes by WHIP is a source, not somebody one could talk to."""
    if participant.kind is ParticipantKind.PUBLISHER:
        return models.ParticipantInfo.INGRESS
    return KINDS.get(participant.role, models.ParticipantInfo.STANDARD)


def _layers(track: Track) -> Sequence[models.VideoLayer]:
    """`Track.layers` are the rids of the announced ones, both lowest first."""
    return [
        models.VideoLayer(
            quality=QUALITIES[layer.quality],
            width=layer.width,
            height=layer.height,
            bitrate=layer.bitrate,
            spatial_layer=index,
            rid=track.layers[index] if index < len(track.layers) else "",
        )
        for index, layer in enumerate(track.announcement.layers)
    ]
