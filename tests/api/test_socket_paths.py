"""WebSockets on paths that take none are refused before anything else sees them."""

from starlette.types import Message, Receive, Scope, Send

from api.socket_paths import SocketPaths


async def asked(scope: Scope) -> tuple[list[str], list[Message]]:
    """The paths that come through, and what is answered to the others."""
    through: list[str] = []
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        through.append(scope["path"])

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await SocketPaths(app, ["/rtc"])(scope, receive, send)
    return through, sent


async def test_only_known_paths_take_websockets() -> None:
    extensions: dict[str, object] = {"websocket.http.response": {}}
    assert await asked({"type": "websocket", "path": "/rtc"}) == (["/rtc"], [])
    assert await asked({"type": "http", "path": "/assets/x"}) == (["/assets/x"], [])
    through, sent = await asked({"type": "websocket", "path": "/assets/x", "extensions": extensions})
    assert through == []
    assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 404)
