"""Cross-origin access to the programmatic routes.

Any origin may call them: they are guarded by bearer tokens, never by cookies, so a foreign page can do no more than a
foreign program. The pages, the metrics and the dev links are not included, but for the landing page, which says nothing
and which LiveKit's clients ask for to see whether the server is there.
"""

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PREFIXES = ("/whip/", "/whep/", "/v1/", "/rtc/", "/twirp/")
PATHS = frozenset({"/"})
# Where there is no handler of their own for preflights, which would say more.
PREFLIGHTS = ("/v1/", "/rtc/", "/twirp/")
METHODS = "GET, HEAD, POST, PATCH, DELETE, OPTIONS"
REQUEST_HEADERS = "Authorization, Content-Type, If-Match, Idempotency-Key"
RESPONSE_HEADERS = "Location, ETag, Link, Retry-After, WWW-Authenticate, Accept-Post, Accept-Patch"
MAX_AGE = "7200"


class Cors:
    """ASGI middleware. A preflight brings no token and needs none.

    WHIP and WHEP have OPTIONS handlers of their own, which say more; elsewhere this one answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not (scope["path"].startswith(PREFIXES) or scope["path"] in PATHS):
            await self._app(scope, receive, send)
            return
        preflight = scope["method"] == "OPTIONS"

        async def annotate(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Access-Control-Allow-Origin"] = "*"
                headers["Access-Control-Expose-Headers"] = RESPONSE_HEADERS
                if preflight:
                    headers["Access-Control-Allow-Methods"] = METHODS
                    headers["Access-Control-Allow-Headers"] = REQUEST_HEADERS
                    headers["Access-Control-Max-Age"] = MAX_AGE
            await send(message)

        answered = preflight and (scope["path"].startswith(PREFLIGHTS) or scope["path"] in PATHS)
        app = Response(status_code=204) if answered else self._app
        await app(scope, receive, annotate)
