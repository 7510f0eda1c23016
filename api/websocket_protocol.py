"""uvicorn's WebSocket protocol, with the bounds that it leaves open, and a way to end a connection at once."""

import asyncio

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import http11
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request

from api.http_protocol import MAX_HEAD

# In the scope's extensions: {"abort": function without arguments}, which drops the connection and what waits in it.
# (ASGI can close a WebSocket, but that waits for a client who may never read.)
ABORT = "sluice.abort"
MAX_MESSAGE = 2 << 20  # LiveKit's limit for signalling, the only use
# A fragment costs memory of its own, and no client sends any.
MAX_FRAGMENTS = 256
PING_INTERVAL = 10.0
PING_TIMEOUT = 20.0

# Request heads have been bounded by `api.http_protocol` when they come here; clients put tokens in the first line.
http11.MAX_LINE_LENGTH = MAX_HEAD


class BoundedWebSocketProtocol(WebSocketsSansIOProtocol):
    """Drops connections that send a message in more than MAX_FRAGMENTS frames (1009, RFC 6455, 7.4.1)."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.conn.debug = False  # it would log frames and headers, which hold secrets

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"][ABORT] = {"abort": self.transport.abort}

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True  # it was refused, in order; otherwise an error is logged

    def keepalive_timeout(self) -> None:
        """Without waiting for what a client, who is not there, has not read."""
        super().keepalive_timeout()
        self.transport.abort()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < MAX_FRAGMENTS:
            super().handle_cont(event)
        elif not self.close_sent:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG)
            self.handle_parser_exception()
