"""LiveKit's way in: the WebSocket at `/rtc` and `/rtc/v1`, and the question beside each whether it would open."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter, Request, WebSocket
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response

from api.context import Context
from api.livekit.join_request import Hello, read_query
from api.livekit.signalling import Signalling
from api.livekit.socket import SignalSocket
from api.names import room_fault
from api.problems import Problem, sfu_problem
from api.rate_limit import address_key
from api.tokens import AccessToken, TokenError, verify
from sfu.errors import SfuError

OLD_PATH = "/rtc"
PATH = "/rtc/v1"
BEARER = "bearer "
# Of the offer a client brings along, for as much work as another request makes.
BYTES_PER_REQUEST = 4096


@dataclass(frozen=True, slots=True)
class _Visitor:
    """Somebody with a token that lets them in."""

    token: AccessToken
    room: str
    hello: Hello


class Door:
    def __init__(self, context: Context, signalling: Signalling) -> None:
        self._context = context
        self._signalling = signalling

    @property
    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        for path, single in ((OLD_PATH, False), (PATH, True)):
            router.add_api_websocket_route(path, partial(self._open, single=single))
            router.add_api_route(f"{path}/validate", partial(self._validate, single=single), methods=["GET"])
        return router

    async def _open(self, websocket: WebSocket, *, single: bool) -> None:
        """The statuses of the upgrade are what clients decide by how, and whether, to try again."""
        try:
            visitor = self._admit(websocket, single=single)
            self._signalling.check_space()
            room, token, hello = visitor.room, visitor.token, visitor.hello
            session = (
                self._signalling.join(room, token, hello)
                if hello.resumes is None
                else self._signalling.back(room, token.identity, hello.resumes)
            )
        except (Problem, SfuError) as error:
            await websocket.send_denial_response(_refusal(error))
            return
        socket = SignalSocket(websocket)
        if await socket.accept():
            await self._signalling.serve(session, socket)

    async def _validate(self, request: Request, *, single: bool) -> Response:
        """What the upgrade would say. Clients that cannot see its status ask here."""
        try:
            visitor = self._admit(request, single=single)
            self._signalling.check_space()
            if visitor.hello.resumes is None:
                self._signalling.check_room(visitor.room, visitor.token.identity)
        except (Problem, SfuError) as error:
            return _refusal(error)
        return PlainTextResponse("success")

    def _admit(self, connection: HTTPConnection, *, single: bool) -> _Visitor:
        """Problem, Malformed, Rejected: not like this."""
        context = self._context
        if single and not context.settings.livekit_single_peer_connection:
            raise Problem(404, "not-found", "Calls with one peer connection are switched off.")
        host = connection.client.host if connection.client else "unknown"
        _refuse_above(context.address_limiter.take(address_key(host), context.clock()))
        try:
            token = verify(_bearer(connection), context.secrets, context.now())
        except TokenError as error:
            text = str(error)
            raise Problem(401, "invalid-token", f"{text[:1].upper()}{text[1:]}.") from None
        room = token.video.room or connection.query_params.get("room", "")
        if not token.identity or not room or room_fault(room):
            raise Problem(400, "malformed-token", "The token must name an identity and a room.")
        if not token.video.room_join:
            raise Problem(401, "not-permitted", "The token does not permit joining this room.")
        hello = read_query(_plain(connection), single=single)
        cost = 1.0 + (len(hello.offer.sdp) / BYTES_PER_REQUEST if hello.offer is not None else 0.0)
        identity = f"{token.key}\n{token.identity}"
        _refuse_above(context.identity_limiter.take(identity, context.clock(), cost))
        return _Visitor(token, room, hello)


def _refuse_above(wait: float) -> None:
    if wait > 0:
        raise Problem(429, "rate-limited", "Too many requests.", retry_after=wait)


def _bearer(connection: HTTPConnection) -> str:
    """Browsers cannot set headers on a WebSocket."""
    header = connection.headers.get("authorization")
    if header is None:
        token = connection.query_params.get("access_token", "")
    elif header.lower().startswith(BEARER):
        token = header[len(BEARER) :].strip()
    else:
        token = ""
    if not token:
        raise Problem(401, "no-token", "A bearer token is required.")
    return token


def _plain(connection: HTTPConnection) -> Mapping[str, str]:
    return dict(connection.query_params)


def _refusal(error: Problem | SfuError) -> Response:
    """As plain text, which clients show to people."""
    problem = error if isinstance(error, Problem) else sfu_problem(error)
    return PlainTextResponse(f"{problem.detail}\n", problem.status_code, dict(problem.headers or {}))
