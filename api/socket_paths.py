"""Which paths take WebSockets."""

from collections.abc import Collection

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class SocketPaths:
    """ASGI middleware: on any other path the upgrade is refused with 404, before something meant for HTTP sees it."""

    def __init__(self, app: ASGIApp, paths: Collection[str]) -> None:
        self._app = app
        self._paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and scope["path"] not in self._paths:
            await PlainTextResponse("There is no WebSocket here.\n", 404)(scope, receive, send)
            return
        await self._app(scope, receive, send)
