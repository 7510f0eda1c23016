"""Twirp: calls by POST of ProtoBuf or ProtoJSON, which is how LiveKit's server API is spoken.

Twirp specification, version 7: https://twitchtv.github.io/twirp/docs/spec_v7.html. Errors are JSON, whatever the
request was.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, ParamSpec, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from fastapi.security.utils import get_authorization_scheme_param
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from api.context import Context
from api.problems import Problem
from api.rate_limit import address_key
from api.tokens import AccessToken, TokenError, verify
from sfu.errors import Conflict, Malformed, NotFound, Overloaded, Rejected, SfuError

PREFIX = "/twirp"
PROTOBUF, JSON = "application/protobuf", "application/json"
# Bytes, of ProtoJSON that is read, or of ProtoBuf that is written as such.
LARGE = 4096
METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]

STATUS_BY_CODE: Mapping[str, int] = {
    "canceled": 408,
    "unknown": 500,
    "invalid_argument": 400,
    "malformed": 400,
    "deadline_exceeded": 408,
    "not_found": 404,
    "bad_route": 404,
    "already_exists": 409,
    "permission_denied": 403,
    "unauthenticated": 401,
    "resource_exhausted": 429,
    "failed_precondition": 412,
    "aborted": 409,
    "out_of_range": 400,
    "unimplemented": 501,
    "internal": 500,
    "unavailable": 503,
    "dataloss": 500,
}
# What the data layer refuses, by the kind of refusal and, where a kind is too coarse, by its code.
_CODE_BY_KIND: Mapping[type[SfuError], str] = {
    Malformed: "invalid_argument",
    Rejected: "invalid_argument",
    NotFound: "not_found",
    Conflict: "failed_precondition",
    Overloaded: "resource_exhausted",
}
_CODE_BY_PROBLEM: Mapping[str, str] = {
    "not-permitted": "permission_denied",
    "unmute-not-allowed": "failed_precondition",
    "identity-taken": "already_exists",
    "room-exists": "already_exists",
    "same-room": "invalid_argument",
}
# What reading the body may end in, see `api.bodies`.
_CODE_BY_STATUS: Mapping[int, str] = {408: "deadline_exceeded", 413: "resource_exhausted"}

Call = Callable[[AccessToken, Any], Awaitable[Message]]
P = ParamSpec("P")
T = TypeVar("T")


class TwirpError(Exception):
    """`code` is Twirp's; `status` differs from what belongs to it where HTTP has a better one."""

    def __init__(
        self, code: str, text: str, *, meta: Mapping[str, str] | None = None, status: int = 0, retry_after: float = 0
    ) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.meta = dict(meta or {})
        self.status = status or STATUS_BY_CODE[code]
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Method:
    """`call` is given the token, and a message of type `request`. It raises TwirpError and SfuError."""

    request: type[Message]
    call: Call


class Twirp:
    """Services by their full names, e.g. `livekit.RoomService`, and their methods by theirs."""

    def __init__(self, context: Context, services: Mapping[str, Mapping[str, Method]]) -> None:
        self._context = context
        self._services = services

    @property
    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route(f"{PREFIX}/{{path:path}}", self._answer, methods=METHODS)
        return router

    async def _answer(self, request: Request, path: str) -> Response:
        try:
            return await self._call(request, path)
        except SfuError as error:
            return error_response(refusal(error))
        except Problem as problem:
            code = _CODE_BY_STATUS.get(problem.status_code, "malformed")
            return error_response(TwirpError(code, problem.detail, status=problem.status_code))
        except TwirpError as error:
            return error_response(error)

    async def _call(self, request: Request, path: str) -> Response:
        self._limit(request)
        method = self._method(request, path)
        token = self._token(request)
        # Each method takes one of these; reading a body costs too much to do it for everybody in a call.
        require(token.video.room_admin or token.video.room_create or token.video.room_list, "calls of the server's API")
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in (PROTOBUF, JSON):
            raise TwirpError("bad_route", f"the body must be {PROTOBUF} or {JSON}")
        try:
            body = await request.body()
        except ClientDisconnect:
            raise TwirpError("malformed", "the connection ended before the body did") from None
        if media_type == PROTOBUF:
            answer = await method.call(token, read_protobuf(method.request, body))
            return Response(answer.SerializeToString(), headers={"Content-Type": PROTOBUF})
        answer = await method.call(token, await _aside(len(body), read_json, method.request, body))
        text = await _aside(answer.ByteSize(), write_json, answer)
        return Response(text, headers={"Content-Type": JSON})

    def _limit(self, request: Request) -> None:
        """Before the token is looked at, so that guessing tokens is limited too."""
        context = self._context
        host = request.client.host if request.client else "unknown"
        if (wait := context.address_limiter.take(address_key(host), context.clock())) > 0:
            raise TwirpError("resource_exhausted", "too many requests", retry_after=wait)

    def _method(self, request: Request, path: str) -> Method:
        service, _, name = path.partition("/")
        if request.method != "POST":
            raise TwirpError("bad_route", "calls are made by POST")
        methods = self._services.get(service)
        if methods is None:
            raise TwirpError("bad_route", "there is no such service")
        method = methods.get(name)
        if method is None:
            raise TwirpError("bad_route", "the service has no such method")
        return method

    def _token(self, request: Request) -> AccessToken:
        scheme, given = get_authorization_scheme_param(request.headers.get("authorization"))
        if scheme.lower() != "bearer" or not given:
            raise TwirpError("unauthenticated", "a bearer token is required")
        try:
            return verify(given, self._context.secrets, self._context.now())
        except TokenError as error:
            raise TwirpError("unauthenticated", str(error)) from None


def require(allowed: bool, what: str) -> None:
    """LiveKit's server calls a missing grant `unauthenticated`, and its clients know that (`pkg/service/auth.go`)."""
    if not allowed:
        raise TwirpError("unauthenticated", f"the token does not permit {what}")


def read_protobuf(kind: type[Message], body: bytes) -> Message:
    """TwirpError ("malformed")."""
    try:
        return kind.FromString(body)
    except DecodeError:
        raise TwirpError("malformed", "the body is not the ProtoBuf that this method takes") from None


def read_json(kind: type[Message], body: bytes) -> Message:
    """Names in either spelling; what is not known is ignored. TwirpError ("malformed")."""
    message = kind()
    try:
        value = json.loads(body)
        if not isinstance(value, dict):
            raise TwirpError("malformed", "the body is not a JSON object")
        json_format.ParseDict(value, message, ignore_unknown_fields=True)
        message.SerializeToString()  # no half of a surrogate pair, which JSON can write
    except (json_format.ParseError, ValueError, TypeError, AttributeError, RecursionError):
        raise TwirpError("malformed", "the body is not the JSON that this method takes") from None
    return message


def write_json(message: Message) -> str:
    """With the names of the .proto files, and with what has its default value, as LiveKit's server writes it."""
    return json_format.MessageToJson(
        message, indent=None, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def refusal(error: SfuError) -> TwirpError:
    """What the data layer refused, with its code for programs."""
    code = _CODE_BY_PROBLEM.get(error.code) or next(
        (code for kind, code in _CODE_BY_KIND.items() if isinstance(error, kind)), "unknown"
    )
    wait = getattr(error, "retry_after", None) or 0
    return TwirpError(code, error.detail, meta={"problem": error.code}, retry_after=wait)


async def _aside(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """ProtoJSON takes seconds for a megabyte: what is large is done where the event loop can have its turns."""
    if size <= LARGE:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)


def error_response(error: TwirpError) -> Response:
    body: dict[str, object] = {"code": error.code, "msg": error.text}
    if error.meta:
        body["meta"] = error.meta
    headers = {"Cache-Control": "no-store"}
    if error.retry_after > 0:
        headers["Retry-After"] = str(ceil(error.retry_after))
    return JSONResponse(body, error.status, headers)
