"""What WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep-04) have in common, which is nearly everything.

A door is an endpoint that takes SDP offers and the session URLs that come of them.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.bodies import MAX_SDP, MAX_SDPFRAG, read_text, require_media_type
from api.context import Context
from api.deps import LIMITED, ContextDep, RoomName, TokenDep, limit_address, require
from api.etags import Match, if_match, quoted
from api.facade import SessionFacade
from api.ice_servers import IceServer, link_headers
from api.problems import Problem
from api.tokens import AccessToken

SDP = "application/sdp"
SDPFRAG = "application/trickle-ice-sdpfrag"
ENDPOINT_METHODS = "GET, HEAD, OPTIONS, POST"
SESSION_METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH"


@dataclass(frozen=True, slots=True)
class Door:
    """One of the two protocols. `head` answers HEAD on the endpoint."""

    name: str
    kind: str
    permits: Callable[[AccessToken, str], bool]
    permission: str
    open: Callable[[Context, str, AccessToken, str], Awaitable[SessionFacade]]
    head: Callable[[], Response]

    def session_path(self, session: SessionFacade) -> str:
        return f"/{self.name}/{quote(session.room, safe='')}/{quote(session.id, safe='')}"


def signalling_router(door: Door) -> APIRouter:
    router = APIRouter(prefix=f"/{door.name}", tags=[door.name.upper()])
    _add_endpoint(router, door)
    _add_session(router, door)
    return router


def _add_endpoint(router: APIRouter, door: Door) -> None:
    @router.post(
        "/{room}",
        operation_id=f"{door.name}Open",
        summary="Open a session with an SDP offer",
        status_code=201,
        response_class=Response,
        dependencies=LIMITED,
        openapi_extra=_body(SDP),
        responses={201: {"description": "The SDP answer; Location is the session's URL.", "content": {SDP: {}}}},
    )
    async def open_session(request: Request, room: RoomName, token: TokenDep, context: ContextDep) -> Response:
        require(door.permits(token, room), f"{door.permission} in this room")
        require_media_type(request, SDP, "Accept-Post")
        offer = await read_text(request, MAX_SDP)
        session = await door.open(context, room, token, offer)
        response = Response(session.answer, 201, {"Cache-Control": "no-store"}, SDP)
        response.headers["Location"] = door.session_path(session)
        response.headers["ETag"] = quoted(session.etag)
        _announce(context.ice_servers(room, token.identity), response)
        return response

    @router.get("/{room}", operation_id=f"{door.name}Probe", summary="See that the endpoint is there", status_code=204)
    async def probe(room: RoomName) -> Response:
        return Response(status_code=204)

    @router.head("/{room}", include_in_schema=False)
    async def discover(room: RoomName) -> Response:
        return door.head()

    # Never asks for a token: a browser's CORS preflight cannot carry one (RFC 9725, 4.5).
    @router.options("/{room}", include_in_schema=False)
    async def describe(room: RoomName) -> Response:
        return Response(status_code=200, headers={"Allow": ENDPOINT_METHODS, "Accept-Post": SDP})


def _add_session(router: APIRouter, door: Door) -> None:
    def get_session(room: RoomName, session_id: str, token: TokenDep, context: ContextDep) -> SessionFacade:
        """The session, if the bearer may know of it; one that is somebody else's does not exist for them."""
        session = context.sfu.session(session_id)
        own = session.identity == token.identity and door.permits(token, room)
        if (session.kind, session.room) != (door.kind, room) or not (own or token.may_administer(room)):
            raise Problem(404, "session-not-found", "There is no such session.")
        return session

    path = "/{room}/{session_id}"

    @router.patch(
        path,
        operation_id=f"{door.name}Patch",
        summary="Trickle candidates, or restart ICE",
        response_class=Response,
        status_code=204,
        dependencies=LIMITED,
        openapi_extra=_body(SDPFRAG),
        responses={200: {"description": "ICE restarted; the answer's fragment.", "content": {SDPFRAG: {}}}},
    )
    async def patch(
        request: Request,
        room: RoomName,
        context: ContextDep,
        session: SessionFacade = Depends(get_session),  # noqa: B008
    ) -> Response:
        require_media_type(request, SDPFRAG, "Accept-Patch")
        match if_match(request.headers.get("if-match"), session.etag):
            case Match.MISSING:
                raise Problem(428, "if-match-required", "A PATCH needs If-Match with the session's ETag.")
            case Match.STALE:
                raise Problem(412, "stale-etag", "ICE was restarted; the ETag is not the current one.")
            case Match.ANY:
                fragment = session.restart_ice(await read_text(request, MAX_SDPFRAG))
                headers = {"ETag": quoted(session.etag), "Cache-Control": "no-store"}
                response = Response(fragment, 200, headers, SDPFRAG)
                # The client gathers anew, and the credentials it has may have expired.
                _announce(context.ice_servers(room, session.identity), response)
                return response
            case Match.CURRENT:
                session.trickle(await read_text(request, MAX_SDPFRAG))
                return Response(status_code=204)

    @router.delete(
        path,
        operation_id=f"{door.name}Close",
        summary="Close the session",
        response_class=Response,
        dependencies=LIMITED,
    )
    async def close(session: SessionFacade = Depends(get_session)) -> Response:  # noqa: B008
        await session.close()
        return Response(status_code=200)

    @router.get(path, operation_id=f"{door.name}ProbeSession", summary="See that the session is there", status_code=204)
    @router.head(path, include_in_schema=False)
    async def probe(_: SessionFacade = Depends(get_session)) -> Response:  # noqa: B008
        return Response(status_code=204)

    @router.options(path, include_in_schema=False, dependencies=[Depends(limit_address)])
    async def describe(room: RoomName) -> Response:
        return Response(status_code=200, headers={"Allow": SESSION_METHODS, "Accept-Patch": SDPFRAG})


def _announce(servers: Sequence[IceServer], response: Response) -> None:
    for name, value in link_headers(servers):
        response.headers.append(name, value)


def _body(media_type: str) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {media_type: {"schema": {"type": "string"}}}}}
