"""Request bodies with a limit on size and time, enforced while they arrive."""

import asyncio

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem

MAX_BODY = 1 << 20
MAX_SDP = 64 << 10
MAX_SDPFRAG = 16 << 10
BODY_TIMEOUT = 15.0


class BoundedBodies:
    """ASGI middleware: no request has more than `limit` bytes of body or takes longer than `timeout` s to send it.

    The refusal is raised from `receive`, inside whichever handler reads the body, and is answered like any problem.
    """

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY, timeout: float = BODY_TIMEOUT) -> None:
        self._app = app
        self._limit = limit
        self._timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = declared_length(Request(scope))
        deadline = asyncio.get_running_loop().time() + self._timeout
        received, complete = 0, False

        async def bounded() -> Message:
            nonlocal received, complete
            if complete:  # what follows is the wait for a disconnect, which may last
                return await receive()
            if declared is not None and declared > self._limit:
                raise too_large(self._limit)
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise Problem(408, "body-timeout", f"The body took longer than {self._timeout:g} s.") from None
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                complete = not message.get("more_body", False)
                if received > self._limit:
                    raise too_large(self._limit)
            return message

        await self._app(scope, bounded, send)


async def read_text(request: Request, limit: int) -> str:
    """The body as UTF-8 text of 1 to `limit` bytes. Problem: 400, 411 or 413."""
    length = declared_length(request)
    if length is None and "transfer-encoding" not in request.headers:
        raise Problem(411, "length-required", "The request needs a body with a Content-Length.")
    if length is not None and length > limit:
        raise too_large(limit)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise too_large(limit)
    except ClientDisconnect:
        raise Problem(400, "incomplete-body", "The connection ended before the body did.") from None
    if not body:
        raise Problem(400, "empty-body", "The body is empty.")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Problem(400, "malformed-body", "The body is not UTF-8 text.") from None


def require_media_type(request: Request, expected: str, accept_header: str) -> None:
    """RFC 9110, 15.5.16: a 415 says in Accept-Post (or RFC 5789, 3.1: Accept-Patch) what would have been right."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != expected:
        headers = {accept_header: expected}
        raise Problem(415, "unsupported-media-type", f"The body must be {expected}.", headers=headers)


def declared_length(request: Request) -> int | None:
    """Content-Length, None without one (or with one that only a server in front could have let through)."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def too_large(limit: int) -> Problem:
    return Problem(413, "body-too-large", f"The body is larger than {limit} bytes.", headers={"Connection": "close"})
