"""Rooms: create, list, get, change, delete."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from starlette.responses import Response

from api.administration import check_room_settings
from api.deps import LIMITED, ContextDep, RoomName, TokenDep, limit_address, require
from api.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, paginate
from api.problems import Problem
from api.replay import ReplayDep
from api.schemas import Room, RoomCreate, RoomPage, RoomUpdate
from api.views import room_view

router = APIRouter(prefix="/v1/rooms", tags=["Rooms"])


def require_admin(room: RoomName, token: TokenDep) -> None:
    require(token.may_administer(room), "administering this room")


def require_create(token: TokenDep) -> None:
    """In some room: before the body is looked at, which costs too much to do it for everybody in a call."""
    require(token.video.room_create, "creating rooms")


PageSize = Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)]
PageToken = Annotated[str | None, Query(description="next_page_token of the page before.")]


@router.post(
    "",
    operation_id="createRoom",
    summary="Create a room",
    description="Optional: publishing creates a room with default settings. Takes the grant roomCreate.",
    status_code=201,
    response_model=Room,
    dependencies=[*LIMITED, Depends(require_create)],
)
async def create_room(body: RoomCreate, token: TokenDep, context: ContextDep, replay: ReplayDep) -> Response:
    require(token.may_create(body.name), "creating this room")
    check_room_settings(body.metadata)

    def create() -> Response:
        room = context.sfu.rooms.create(
            body.name,
            empty_timeout=body.empty_timeout,
            departure_timeout=body.departure_timeout,
            max_participants=body.max_participants or context.settings.max_participants_per_room,
            metadata=body.metadata,
        )
        location = f"/v1/rooms/{quote(room.name, safe='')}"
        return JSONResponse(room_view(room).model_dump(mode="json"), 201, {"Location": location})

    return replay.once(body, create)


@router.get(
    "",
    operation_id="listRooms",
    summary="List rooms by name",
    description="Takes the grant roomList.",
    dependencies=[Depends(limit_address)],
)
async def list_rooms(
    token: TokenDep, context: ContextDep, page_size: PageSize = DEFAULT_PAGE_SIZE, page_token: PageToken = None
) -> RoomPage:
    require(token.video.room_list, "listing rooms")
    visible = [room for room in context.sfu.rooms.list() if token.video.holds_in(room.name)]
    try:
        page = paginate(visible, lambda room: room.name, page_size, page_token)
    except ValueError as error:
        raise malformed_page_token(error) from None
    return RoomPage(items=[room_view(room) for room in page.items], next_page_token=page.next_page_token)


@router.get(
    "/{room}",
    operation_id="getRoom",
    summary="Get a room",
    description="Takes the grant roomAdmin or roomList.",
    dependencies=[Depends(limit_address)],
)
async def get_room(room: RoomName, token: TokenDep, context: ContextDep) -> Room:
    lists = token.video.room_list and token.video.holds_in(room)
    require(token.may_administer(room) or lists, "seeing this room")
    return room_view(context.sfu.rooms.get(room))


@router.patch(
    "/{room}",
    operation_id="updateRoom",
    summary="Change a room",
    description="Everybody in it is told. Takes the grant roomAdmin.",
    dependencies=[*LIMITED, Depends(require_admin)],
)
async def update_room(room: RoomName, body: RoomUpdate, context: ContextDep) -> Room:
    if body.metadata is None:
        return room_view(context.sfu.rooms.get(room))
    check_room_settings(body.metadata)
    return room_view(context.sfu.moderation.set_room_metadata(room, body.metadata))


@router.delete(
    "/{room}",
    operation_id="deleteRoom",
    summary="End a room and everyone's session in it",
    description="Takes the grant roomCreate.",
    status_code=204,
    dependencies=LIMITED,
)
async def delete_room(room: RoomName, token: TokenDep, context: ContextDep) -> None:
    require(token.may_create(room), "deleting this room")
    context.sfu.rooms.delete(room)


def malformed_page_token(error: ValueError) -> Problem:
    return Problem(400, "malformed-page-token", f"{error}.")
