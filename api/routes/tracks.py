"""Tracks of a room, whoever publishes them: list, get, mute. All take the grant roomAdmin."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from api.context import Context
from api.deps import LIMITED, ContextDep, RoomName, limit_address
from api.paging import DEFAULT_PAGE_SIZE, paginate
from api.routes.rooms import PageSize, PageToken, malformed_page_token, require_admin
from api.schemas import RoomTrack, TrackPage, TrackUpdate
from api.views import room_track_view
from sfu.errors import NotFound
from sfu.participant import Participant
from sfu.track import Track

router = APIRouter(prefix="/v1/rooms/{room}/tracks", tags=["Tracks"])

TrackId = Annotated[str, Path(description="The track's id.", examples=["TR_q9dXzY0fAbcD"])]
Publisher = Annotated[str | None, Query(description="Only those of the participant of this identity.")]


@router.get(
    "",
    operation_id="listTracks",
    summary="List tracks by id",
    dependencies=[Depends(limit_address), Depends(require_admin)],
)
async def list_tracks(
    room: RoomName,
    context: ContextDep,
    participant: Publisher = None,
    page_size: PageSize = DEFAULT_PAGE_SIZE,
    page_token: PageToken = None,
) -> TrackPage:
    everyone = context.sfu.rooms.get(room).participants
    tracks = [(who, track) for who in everyone for track in who.tracks if participant in (None, who.identity)]
    try:
        page = paginate(tracks, lambda pair: pair[1].id, page_size, page_token)
    except ValueError as error:
        raise malformed_page_token(error) from None
    return TrackPage(items=[room_track_view(*pair) for pair in page.items], next_page_token=page.next_page_token)


@router.get(
    "/{track_id}",
    operation_id="getTrack",
    summary="Get a track",
    dependencies=[Depends(limit_address), Depends(require_admin)],
)
async def get_track(room: RoomName, track_id: TrackId, context: ContextDep) -> RoomTrack:
    return room_track_view(*find(context, room, track_id))


@router.patch(
    "/{track_id}",
    operation_id="updateTrack",
    summary="Mute a track, or unmute it",
    description="The client of who publishes it is told to stop sending. The server may be set up to refuse unmuting.",
    dependencies=[*LIMITED, Depends(require_admin)],
)
async def update_track(room: RoomName, track_id: TrackId, body: TrackUpdate, context: ContextDep) -> RoomTrack:
    participant, _ = find(context, room, track_id)
    track = context.sfu.moderation.mute(room, participant.identity, track_id, body.muted)
    return room_track_view(participant, track)


def find(context: Context, room: str, track_id: str) -> tuple[Participant, Track]:
    """Also one that is announced and has no media yet. NotFound ("room-not-found", "track-not-found")."""
    for participant in context.sfu.rooms.get(room).participants:
        for track in participant.tracks:
            if track.id == track_id:
                return participant, track
    for member in context.sfu.members(room):
        for track in member.published:
            if track.id == track_id:
                return member.participant, track
    raise NotFound("track-not-found", "there is no such track in this room")
