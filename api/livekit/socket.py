"""One WebSocket of a signalling session."""

import asyncio
import contextlib

from starlette.websockets import WebSocket, WebSocketDisconnect

from api.websocket_protocol import ABORT

# How long a client may take to read the last words and to close its side.
CLOSING_SECONDS = 5.0


class SignalSocket:
    """Frames of ProtoBuf in both directions."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._closing: asyncio.TimerHandle | None = None

    async def accept(self) -> bool:
        """False: the client is gone already."""
        try:
            await self._websocket.accept()
        except (WebSocketDisconnect, RuntimeError, OSError):
            return False
        return True

    async def receive(self) -> bytes | None:
        """The next message; one that is not binary is empty. None: the connection has ended."""
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        return message.get("bytes") or b""

    async def send(self, data: bytes) -> bool:
        """Waits while the client does not read. False: the connection has ended."""
        try:
            await self._websocket.send_bytes(data)
        except (WebSocketDisconnect, RuntimeError):
            return False
        return True

    def close_soon(self) -> None:
        """What is on its way may arrive, for a while."""
        if self._closing is None:
            self._closing = asyncio.get_running_loop().call_later(CLOSING_SECONDS, self.abort)

    async def close(self) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await self._websocket.close()

    def abort(self) -> None:
        """End the connection now, whatever is on its way."""
        abort = self._websocket.scope["extensions"].get(ABORT)
        if abort is not None:
            abort["abort"]()

    def ended(self) -> None:
        """Nothing is to be waited for any more."""
        if self._closing is not None:
            self._closing.cancel()
