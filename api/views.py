"""The SFU's objects as the REST API shows them."""

from api import schemas
from api.facade import ParticipantView, RoomView
from sfu.stats import TransportStats


def room_view(room: RoomView) -> schemas.Room:
    participants = list(room.participants)
    return schemas.Room(
        id=room.id,
        name=room.name,
        created_at=room.created_at,
        metadata=room.metadata,
        empty_timeout=room.empty_timeout,
        departure_timeout=room.departure_timeout,
        max_participants=room.max_participants,
        num_participants=len(participants),
        num_publishers=sum(participant.kind == "publisher" for participant in participants),
    )


def participant_view(participant: ParticipantView) -> schemas.Participant:
    return schemas.Participant(
        id=participant.id,
        identity=participant.identity,
        name=participant.name,
        kind=participant.kind,
        state=participant.state,
        joined_at=participant.joined_at,
        metadata=participant.metadata,
        tracks=[schemas.Track(id=track.id, kind=track.kind, codec=track.codec) for track in participant.tracks],
    )


def participant_detail(participant: ParticipantView, stats: TransportStats | None) -> schemas.ParticipantDetail:
    return schemas.ParticipantDetail(
        **participant_view(participant).model_dump(),
        stats=None if stats is None else schemas.Figures.of(stats),
    )
