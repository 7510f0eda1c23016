"""Our own bugs, as seen from outside."""

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem_response

log = logging.getLogger(__name__)


class Failures:
    """ASGI middleware: an exception nobody expected is logged and answered with 500, and tells the client nothing more.

    It stands inside the other middleware (the framework's own stands outside), so that this answer, too, has their
    headers. One that comes after the answer began goes on, which ends the connection.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = False

        async def watch(message: Message) -> None:
            nonlocal began
            began = began or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception:
            if began or scope["type"] != "http":
                raise
            log.exception("%s failed", scope["method"])
            detail = "The server failed; this is a fault of ours, and it is logged."
            await problem_response(500, "internal-error", detail)(scope, receive, send)
