"""WHEP: watch over HTTP (draft-ietf-wish-whep-04). The server never answers with a counter-offer (406)."""

from starlette.responses import Response

from api.context import Context
from api.facade import SessionFacade
from api.routes.signalling import SDP, Door, signalling_router
from api.tokens import AccessToken


async def _open(context: Context, room: str, token: AccessToken, offer: str) -> SessionFacade:
    return await context.sfu.watch(room, token.identity, offer, name=token.name, metadata=token.metadata)


router = signalling_router(
    Door(
        name="whep",
        kind="watch",
        permits=AccessToken.may_subscribe,
        permission="watching",
        open=_open,
        head=lambda: Response(status_code=200, media_type=SDP, headers={"Content-Type": SDP}),
    )
)
