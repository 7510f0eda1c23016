"""WHIP: publish over HTTP (RFC 9725)."""

from starlette.responses import Response

from api.context import Context
from api.facade import SessionFacade
from api.livekit.join_request import granted
from api.routes.signalling import Door, signalling_router
from api.tokens import AccessToken


async def _open(context: Context, room: str, token: AccessToken, offer: str) -> SessionFacade:
    return await context.sfu.publish(
        room,
        token.identity,
        offer,
        name=token.name,
        metadata=token.metadata,
        attributes=token.attributes,
        permissions=granted(token),
    )


router = signalling_router(
    Door(
        name="whip",
        kind="publish",
        permits=AccessToken.may_publish,
        permission="publishing",
        open=_open,
        head=lambda: Response(status_code=204),
    )
)
