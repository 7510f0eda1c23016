"""STUN and TURN servers for a participant."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.deps import LIMITED, ContextDep, TokenDep, require
from api.ice_servers import entries
from api.names import room_fault
from api.problems import Problem
from api.schemas import IceServers
from turn.credentials import TTL

router = APIRouter(prefix="/v1/ice-servers", tags=["ICE servers"])


@router.get(
    "",
    operation_id="getIceServers",
    summary="Get STUN and TURN servers with a credential",
    description=(
        "For a participant's token, before the peer connection is made. The credential serves whoever joins the room "
        "under the token's identity, and ends when they leave."
    ),
    response_model_exclude_none=True,
    dependencies=LIMITED,
)
async def get_ice_servers(
    response: Response,
    token: TokenDep,
    context: ContextDep,
    room: Annotated[str, Query(description="The room to join, for a token that holds in every room.")] = "",
) -> IceServers:
    named = room or token.video.room
    if fault := room_fault(named):
        raise Problem(422, "invalid-request", f"The room name {fault}.")
    require(token.may_publish(named) or token.may_subscribe(named), "joining this room")
    response.headers["Cache-Control"] = "no-store"
    return IceServers(ice_servers=entries(context.ice_servers(named, token.identity)), ttl=TTL)
