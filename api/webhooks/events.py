"""Webhook events, as LiveKit's: a ProtoBuf WebhookEvent, on the wire in ProtoJSON."""

from google.protobuf.json_format import MessageToJson
from livekit.protocol.models import ParticipantInfo, Room, RoomEndReason, TrackInfo
from livekit.protocol.webhook import WebhookEvent


def room_started(room: Room) -> WebhookEvent:
    return _event("room_started", room)


def room_finished(room: Room, reason: RoomEndReason = RoomEndReason.ROOM_END_UNKNOWN) -> WebhookEvent:
    event = _event("room_finished", room)
    event.room_end_reason = reason
    return event


def participant_joined(room: Room, participant: ParticipantInfo) -> WebhookEvent:
    """Once it is active, i.e. media can flow."""
    return _event("participant_joined", room, participant)


def participant_left(room: Room, participant: ParticipantInfo) -> WebhookEvent:
    return _event("participant_left", room, participant)


def participant_connection_aborted(room: Room, participant: ParticipantInfo) -> WebhookEvent:
    """It left before it was active."""
    return _event("participant_connection_aborted", room, participant)


def track_published(room: Room, participant: ParticipantInfo, track: TrackInfo) -> WebhookEvent:
    return _event("track_published", room, _named(participant), track)


def track_unpublished(room: Room, participant: ParticipantInfo, track: TrackInfo) -> WebhookEvent:
    return _event("track_unpublished", room, _named(participant), track)


def encode(event: WebhookEvent, event_id: str, created_at: int) -> bytes:
    """The body of its requests: fields in camel case, 64-bit integers as text, enumerations by name, no defaults.

    event_id: `EV_...`, the same for every attempt. created_at: Unix time in seconds.
    """
    stamped = WebhookEvent()
    stamped.CopyFrom(event)
    stamped.id, stamped.created_at = event_id, created_at
    return MessageToJson(stamped, indent=None).encode()


def _event(
    name: str, room: Room, participant: ParticipantInfo | None = None, track: TrackInfo | None = None
) -> WebhookEvent:
    event = WebhookEvent(event=name, room=room, participant=participant, track=track)
    event.room.turn_password = ""  # nobody's business but the participants'
    return event


def _named(participant: ParticipantInfo) -> ParticipantInfo:
    """Events about tracks are many, and say of the participant only who it is."""
    return ParticipantInfo(sid=participant.sid, identity=participant.identity)
