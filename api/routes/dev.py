"""Links for trying things out; these routes exist with --dev only."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.deps import ContextDep
from api.devlinks import DEFAULT_ROOM, DevLinks, dev_links
from api.names import room_fault
from api.problems import Problem

router = APIRouter(prefix="/dev", tags=["Development"])


@router.get("/links", operation_id="getDevLinks", summary="Tokens and links for one room")
async def links(
    request: Request, response: Response, context: ContextDep, room: Annotated[str, Query()] = DEFAULT_ROOM
) -> DevLinks:
    if fault := room_fault(room):
        raise Problem(400, "malformed-room", f"The room name {fault}.")
    response.headers["Cache-Control"] = "no-store"
    return dev_links(context.settings, str(request.base_url).rstrip("/"), room, context.now())
