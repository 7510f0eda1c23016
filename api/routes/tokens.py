"""Tokens: mint."""

from datetime import timedelta

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from starlette.responses import Response

from api.deps import LIMITED, ContextDep, TokenDep, require
from api.names import room_fault
from api.problems import Problem
from api.replay import ReplayDep
from api.schemas import MintedToken, TokenCreate
from api.tokens import mint

router = APIRouter(prefix="/v1/tokens", tags=["Tokens"])


def require_admin(token: TokenDep) -> None:
    """Of some room: before the body is looked at, which costs too much to do it for everybody in a call."""
    require(token.video.room_admin, "minting tokens")


@router.post(
    "",
    operation_id="mintToken",
    summary="Mint an access token",
    description="Takes the grant roomAdmin for the token's room, with room_config roomCreate as well. "
    "Nobody can grant a right they do not have.",
    status_code=201,
    response_model=MintedToken,
    dependencies=[*LIMITED, Depends(require_admin)],
)
async def mint_token(body: TokenCreate, token: TokenDep, context: ContextDep, replay: ReplayDep) -> Response:
    require(token.may_grant(body.video), "granting this")
    require(body.room_config is None or token.may_create(body.video.room), "configuring the room")
    for room in filter(None, (body.video.room, body.video.destination_room)):
        if fault := room_fault(room):
            raise Problem(422, "invalid-request", f"The room name {fault}.")

    def create() -> Response:
        now = context.now()
        try:
            ttl = timedelta(seconds=body.lifetime_seconds)
            text = mint(
                token.key,
                context.secrets[token.key],
                body.video,
                identity=body.identity,
                name=body.name,
                metadata=body.metadata,
                attributes=body.attributes,
                kind=body.kind,
                room_config=body.room_config,
                ttl=ttl,
                now=now,
            )
        except ValueError as error:
            raise Problem(422, "invalid-request", f"{error}.".capitalize()) from None
        minted = MintedToken(token=text, identity=body.identity, expires_at=now + ttl)
        return JSONResponse(minted.model_dump(mode="json"), 201, {"Cache-Control": "no-store"})

    return replay.once(body, create)
