"""The server with the real SFU on sockets of loopback, and clients that speak LiveKit's protocol to it."""

import asyncio
import base64
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiortc import RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from fastapi import FastAPI
from livekit.protocol import models, rtc
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from api.app import create_app
from api.listeners import open_listeners
from api.livekit.signalling import Signalling
from api.serving import serve
from api.sfu_settings import sfu_settings
from clients.connection import new_peer_connection
from sfu.server import Sfu
from tests.api.livekit.oracle import Oracle
from tests.api.recording import settings_for_tests, token

WITHIN = 20.0


@dataclass
class Server:
    port: int
    app: FastAPI
    sfu: Sfu
    status: "asyncio.Task[int]"

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def signalling(self) -> Signalling:
        signalling: Signalling = self.app.state.signalling
        return signalling


@contextlib.asynccontextmanager
async def serving(**changes: Any) -> AsyncIterator[Server]:
    defaults = {"http": "127.0.0.1:0", "rtc": "127.0.0.1:0", "public_ip": "127.0.0.1", "workers": 1}
    settings = settings_for_tests(**(defaults | changes))
    sfu = Sfu(sfu_settings(settings))
    app = create_app(settings, sfu)
    listeners = open_listeners(settings.http)
    ready = asyncio.Event()
    status = asyncio.create_task(serve(settings, app, listeners, lambda _: ready.set()))
    async with asyncio.timeout(WITHIN):
        await ready.wait()
    try:
        yield Server(listeners[0].getsockname()[1], app, sfu, status)
    finally:
        if not status.done():
            os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(WITHIN):
            await asyncio.wait({status})


def access(identity: str = "alice", room: str = "room", **grants: Any) -> str:
    """A token that is valid now."""
    return token(identity, now=datetime.now(UTC), room=room, **grants)


def join_request(**values: Any) -> str:
    """What clients of version 1 put into the query."""
    request = rtc.JoinRequest(**values)
    wrapped = rtc.WrappedJoinRequest(join_request=request.SerializeToString())
    return base64.urlsafe_b64encode(wrapped.SerializeToString()).decode()


class Client:
    """One WebSocket after the other, and what came by them. Everything is shown to the oracle."""

    def __init__(self, server: Server, bearer: str) -> None:
        self.server = server
        self.bearer = bearer
        self.oracle = Oracle()
        self.socket: ClientConnection | None = None
        self.unread: list[rtc.SignalResponse] = []
        self.id = ""

    async def open(self, path: str = "/rtc") -> None:
        self.oracle.come_back()
        self.unread.clear()
        self.socket = await connect(
            f"ws://127.0.0.1:{self.server.port}{path}",
            additional_headers={"Authorization": f"Bearer {self.bearer}"},
            compression=None,
            max_size=None,
        )

    async def send(self, **request: Any) -> None:
        assert self.socket is not None
        message = rtc.SignalRequest(**request)
        if message.HasField("offer"):
            self.oracle.offered = message.offer.sdp
        await self.socket.send(message.SerializeToString())

    async def receive(self) -> rtc.SignalResponse:
        """The next message. ConnectionClosed: there is none."""
        assert self.socket is not None
        async with asyncio.timeout(WITHIN):
            data = await self.socket.recv()
        assert isinstance(data, bytes)
        message = rtc.SignalResponse.FromString(data)
        self.oracle.check(message)
        return message

    async def expect(self, kind: str) -> Any:
        """The content of the next message of this kind; others that come before it stay `unread`."""
        for index, message in enumerate(self.unread):
            if message.WhichOneof("message") == kind:
                return getattr(self.unread.pop(index), kind)
        while True:
            message = await self.receive()
            if message.WhichOneof("message") == kind:
                return getattr(message, kind)
            self.unread.append(message)

    async def expect_end(self) -> list[str | None]:
        """The kinds of all messages until the server closes the connection."""
        kinds = [message.WhichOneof("message") for message in self.unread]
        with contextlib.suppress(ConnectionClosed):
            while True:
                kinds.append((await self.receive()).WhichOneof("message"))
        return kinds

    async def expect_info(self, identity: str, state: models.ParticipantInfo.State) -> models.ParticipantInfo:
        """The next that is said of this participant in this state."""
        while True:
            update: rtc.ParticipantUpdate = await self.expect("update")
            for info in update.participants:
                if info.identity == identity and info.state == state:
                    return info

    async def join(self, path: str = "/rtc") -> rtc.JoinResponse:
        await self.open(path)
        join: rtc.JoinResponse = await self.expect("join")
        self.id = join.participant.sid
        return join

    async def cut(self) -> None:
        """As when the network does it: without a word."""
        assert self.socket is not None
        self.socket.transport.abort()
        await self.socket.wait_closed()

    async def close(self) -> None:
        if self.socket is not None:
            await self.socket.close()


class Caller(Client):
    """A client of version 0 with its receiving peer connection, by which it also hears data; `connect` makes it."""

    def __init__(self, server: Server, bearer: str) -> None:
        super().__init__(server, bearer)
        self.peer: RTCPeerConnection = new_peer_connection()
        self.channels: dict[str, RTCDataChannel] = {}
        self.heard: asyncio.Queue[tuple[str, models.DataPacket]] = asyncio.Queue()
        self.opened = asyncio.Event()
        self.peer.on("datachannel", self._channel_opened)

    async def answer(self) -> rtc.SessionDescription:
        """Accept the server's next offer."""
        offer: rtc.SessionDescription = await self.expect("offer")
        await self.peer.setRemoteDescription(RTCSessionDescription(offer.sdp, "offer"))
        await self.peer.setLocalDescription(await self.peer.createAnswer())
        answer = rtc.SessionDescription(type="answer", sdp=self.peer.localDescription.sdp, id=offer.id)
        await self.send(answer=answer)
        return offer

    async def say(self, label: str, packet: models.DataPacket) -> None:
        self.channels[label].send(packet.SerializeToString())

    async def close(self) -> None:
        await self.peer.close()
        await super().close()

    def _channel_opened(self, channel: RTCDataChannel) -> None:
        self.channels[channel.label] = channel
        channel.on("message", lambda data: self.heard.put_nowait((channel.label, models.DataPacket.FromString(data))))
        if len(self.channels) == 2:
            self.opened.set()


@contextlib.asynccontextmanager
async def calling(server: Server, identity: str, **grants: Any) -> AsyncIterator[Caller]:
    """A caller whose media can flow."""
    caller = Caller(server, access(identity, **grants))
    try:
        await caller.join()
        await caller.answer()
        async with asyncio.timeout(WITHIN):
            await caller.opened.wait()
        yield caller
    finally:
        await caller.close()
