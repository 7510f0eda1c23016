"""uvicorn's WebSocket protocol, with the bounds that it leaves open, and a way to end a connection at once."""

import asyncio
from dataclasses import replace

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import http11
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request

from api.http_protocol import MAX_HEAD
from sfu.budget import Budget

# In the scope's extensions: {"abort": function without arguments}, which drops the connection and what waits in it.
# (ASGI can close a WebSocket, but that waits for a client who may never read.)
ABORT = "sluice.abort"
MAX_MESSAGE = 2 << 20  # LiveKit's limit for signalling, the only use
# A fragment costs memory of its own, and no client sends any.
MAX_FRAGMENTS = 256
# What is parsed in one go, in bytes: it may hold 170 frames, of some 30 µs each.
PIECE = 1024
# Pings and pongs a second, and at once. Who sends more is no client.
CONTROL_RATE = 10.0
CONTROL_BURST = 100.0
# How long a client may take to read why its connection is closed.
FAREWELL_SECONDS = 5.0
PING_INTERVAL = 10.0
PING_TIMEOUT = 20.0

# Request heads have been bounded by `api.http_protocol` when they come here; clients put tokens in the first line.
http11.MAX_LINE_LENGTH = MAX_HEAD


class BoundedWebSocketProtocol(WebSocketsSansIOProtocol):
    """Drops connections that send a message in more than MAX_FRAGMENTS frames (1009, RFC 6455, 7.4.1), or more pings
    and pongs than CONTROL_RATE (1008). Whatever else a client sends, others have their turn between two pieces of it.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.conn.debug = False  # it would log frames and headers, which hold secrets
        self._unparsed = bytearray()
        self._has_turn = False  # to parse more of it
        self._controls = Budget(CONTROL_RATE, CONTROL_BURST, self.loop.time())

    def data_received(self, data: bytes) -> None:
        """What waits is one read of the transport at most: it does not read again before that is parsed."""
        self._unparsed += data
        if not self._has_turn:
            self._parse()

    async def receive(self) -> ASGIReceiveEvent:
        message = await super().receive()
        self._go_on()
        return message

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"][ABORT] = {"abort": self.transport.abort}

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        self._go_on()  # when it was the last one, uvicorn reads on for the client's farewell
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True  # it was refused, in order; otherwise an error is logged

    def keepalive_timeout(self) -> None:
        """Without waiting for what a client, who is not there, has not read."""
        super().keepalive_timeout()
        self.transport.abort()

    def handle_text(self, event: Frame) -> None:
        """No client sends any, and what of it is no UTF-8 would be logged with all that led there."""
        self.handle_bytes(replace(event, data=b""))

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < MAX_FRAGMENTS:
            super().handle_cont(event)
        else:
            self._refuse(CloseCode.MESSAGE_TOO_BIG)

    def handle_ping(self) -> None:
        if self._may_control():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        if self._may_control():
            super().handle_pong(event)

    def handle_parser_exception(self) -> None:
        super().handle_parser_exception()
        self.loop.call_later(FAREWELL_SECONDS, self.transport.abort)

    def _parse(self) -> None:
        self._has_turn = False
        if self.transport.is_closing():
            self._unparsed.clear()
            return
        piece = bytes(self._unparsed[:PIECE])
        del self._unparsed[:PIECE]
        super().data_received(piece)
        self._go_on()

    def _go_on(self) -> None:
        """Unless a message is there that must be taken first."""
        if self._has_turn or self.read_paused or self.transport.is_closing():
            return
        if self._unparsed:
            self._has_turn = True
            self.transport.pause_reading()
            self.loop.call_soon(self._parse)
        else:
            self.transport.resume_reading()

    def _may_control(self) -> bool:
        if self.close_sent:
            return False
        if not self._controls.has(1.0, self.loop.time()):
            self._refuse(CloseCode.POLICY_VIOLATION)
            return False
        self._controls.spend(1.0)
        return True

    def _refuse(self, code: CloseCode) -> None:
        if not self.close_sent:
            self.conn.fail(code)
            self.handle_parser_exception()
