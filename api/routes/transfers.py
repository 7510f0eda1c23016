"""Participants into other rooms: move, forward."""

from urllib.parse import quote

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from starlette.responses import Response

from api.deps import LIMITED, ContextDep, RoomName, TokenDep, require
from api.replay import ReplayDep
from api.routes.rooms import require_admin
from api.schemas import Participant, Transfer
from api.views import participant_view
from sfu.participant import Participant as Moved

router = APIRouter(prefix="/v1/rooms/{room}", tags=["Participants"])


@router.post(
    "/moves",
    operation_id="moveParticipant",
    summary="Move a participant to another room",
    description="With everything it publishes, and without a new connection; the room is created if need be. Takes the "
    "grants roomAdmin and destinationRoom.",
    status_code=201,
    response_model=Participant,
    dependencies=[*LIMITED, Depends(require_admin)],
)
async def move_participant(
    room: RoomName, body: Transfer, token: TokenDep, context: ContextDep, replay: ReplayDep
) -> Response:
    require(token.may_move(room, body.destination_room), "moving participants to that room")

    def move() -> Response:
        member = context.sfu.moderation.move(room, body.identity, body.destination_room)
        return _created(body.destination_room, member.participant)

    return replay.once(body, move)


@router.post(
    "/forwards",
    operation_id="forwardParticipant",
    summary="Show a participant in another room, too",
    description="What it publishes is in both until it leaves its own; whoever is removed from the other is so only "
    "there. Takes the grants roomAdmin and destinationRoom.",
    status_code=201,
    response_model=Participant,
    dependencies=[*LIMITED, Depends(require_admin)],
)
async def forward_participant(
    room: RoomName, body: Transfer, token: TokenDep, context: ContextDep, replay: ReplayDep
) -> Response:
    require(token.may_move(room, body.destination_room), "forwarding participants to that room")

    def forward() -> Response:
        return _created(
            body.destination_room, context.sfu.moderation.forward(room, body.identity, body.destination_room)
        )

    return replay.once(body, forward)


def _created(room: str, participant: Moved) -> Response:
    location = f"/v1/rooms/{quote(room, safe='')}/participants/{quote(participant.identity, safe='')}"
    return JSONResponse(participant_view(participant).model_dump(mode="json"), 201, {"Location": location})
