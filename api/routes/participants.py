"""Participants of a room: list, get with live figures, change, remove. All take the grant roomAdmin."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from api.administration import check_changes, find_participant
from api.deps import LIMITED, ContextDep, RoomName, limit_address
from api.paging import DEFAULT_PAGE_SIZE, paginate
from api.routes.rooms import PageSize, PageToken, malformed_page_token, require_admin
from api.schemas import Participant as ParticipantBody
from api.schemas import ParticipantDetail, ParticipantPage, ParticipantUpdate, PermissionsUpdate
from api.views import participant_detail, participant_view
from sfu.errors import NotFound
from sfu.participant import Participant
from sfu.permissions import Permissions

# An identity may contain slashes, so it is the rest of the path.
ONE = "/{identity:path}"
Identity = Annotated[str, Path(description="The participant's identity.", examples=["alice"])]


router = APIRouter(prefix="/v1/rooms/{room}/participants", tags=["Participants"])


@router.get(
    "",
    operation_id="listParticipants",
    summary="List participants by identity",
    dependencies=[Depends(limit_address), Depends(require_admin)],
)
async def list_participants(
    room: RoomName, context: ContextDep, page_size: PageSize = DEFAULT_PAGE_SIZE, page_token: PageToken = None
) -> ParticipantPage:
    everyone = context.sfu.rooms.get(room).participants
    try:
        page = paginate(everyone, sort_key, page_size, page_token)
    except ValueError as error:
        raise malformed_page_token(error) from None
    return ParticipantPage(items=[participant_view(p) for p in page.items], next_page_token=page.next_page_token)


@router.get(
    ONE,
    operation_id="getParticipant",
    summary="Get a participant with live figures",
    description="One who could not connect, or fell silent, is still found for about two minutes, `disconnected`.",
    dependencies=[Depends(limit_address), Depends(require_admin)],
)
async def get_participant(room: RoomName, identity: Identity, context: ContextDep) -> ParticipantDetail:
    sfu = context.sfu
    try:
        participant = find_participant(sfu.rooms.get(room), identity)
    except NotFound:
        lost = sfu.lost_participant(room, identity)
        if lost is None:
            raise
        participant = lost
    return participant_detail(participant, sfu.participant_stats(participant), sfu.connection(participant))


@router.patch(
    ONE,
    operation_id="updateParticipant",
    summary="Change a participant's name, metadata, attributes or permissions",
    description="Everybody in the room is told.",
    dependencies=[*LIMITED, Depends(require_admin)],
)
async def update_participant(
    room: RoomName, identity: Identity, body: ParticipantUpdate, context: ContextDep
) -> ParticipantBody:
    participant = find_participant(context.sfu.rooms.get(room), identity)
    attributes = None if body.attributes is None else {key: value or "" for key, value in body.attributes.items()}
    check_changes(participant, name=body.name, metadata=body.metadata, attributes=attributes)
    permissions = None if body.permissions is None else changed(participant.permissions, body.permissions)
    participant = context.sfu.moderation.update(
        room, identity, name=body.name, metadata=body.metadata, attributes=attributes, permissions=permissions
    )
    return participant_view(participant)


@router.delete(
    ONE,
    operation_id="removeParticipant",
    summary="Remove a participant",
    description="Ends all sessions of this identity. Its token stays valid until it expires.",
    status_code=204,
    dependencies=[*LIMITED, Depends(require_admin)],
)
async def remove_participant(room: RoomName, identity: Identity, context: ContextDep) -> None:
    context.sfu.moderation.remove(room, identity)


def changed(permissions: Permissions, update: PermissionsUpdate) -> Permissions:
    given = update.model_dump(exclude_none=True)
    if update.sources is not None:
        given["sources"] = frozenset(update.sources)
    return replace(permissions, **given)


def sort_key(participant: Participant) -> str:
    """The id makes the order total where one identity is there more than once."""
    return f"{participant.identity}\0{participant.id}"
