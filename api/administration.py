"""What both of a backend's APIs, `/v1` and LiveKit's, check and look up alike."""

from collections.abc import Mapping

from api.livekit.requests import MAX_METADATA, check_description
from sfu.errors import NotFound, Rejected
from sfu.participant import Participant, ParticipantKind
from sfu.room import Room

MAX_TIMEOUT = 7 * 86400


def find_participant(room: Room, identity: str) -> Participant:
    """Viewers may share an identity; who is more than that comes first. NotFound ("participant-not-found")."""
    found = room.with_identity(identity)
    if not found:
        raise NotFound("participant-not-found", "there is no such participant in this room")
    return min(found, key=lambda participant: participant.kind is ParticipantKind.VIEWER)


def check_changes(
    participant: Participant, *, name: str | None, metadata: str | None, attributes: Mapping[str, str] | None
) -> None:
    """That they do not make the participant too large; None stays as it is. Rejected, see `check_description`."""
    merged = {**participant.attributes, **(attributes or {})}
    left = {key: value for key, value in merged.items() if value}
    check_description(
        participant.name if name is None else name, participant.metadata if metadata is None else metadata, left
    )


def check_room_settings(metadata: str, *timeouts: float) -> None:
    """Rejected ("metadata-too-large", "timeout-too-long"). timeouts: seconds."""
    if len(metadata.encode()) > MAX_METADATA:
        raise Rejected("metadata-too-large", f"metadata has at most {MAX_METADATA} bytes")
    if any(timeout > MAX_TIMEOUT for timeout in timeouts):
        raise Rejected("timeout-too-long", f"a timeout is at most {MAX_TIMEOUT} seconds")
