"""A WHIP and WHEP server for one client at a time, out of an aiortc peer connection: the other end for client tests.

It knows nothing of rooms; POST to any path that begins with /whip is received, with /whep is sent the test picture.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import uvicorn
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from clients.media import AudioSink, VideoSink, drain
from clients.testsrc import TestTone, TestVideo

TOKEN = "right"


class PeerServer:
    """See the module. `refusals` are answered, in order, before the first session, `ice_servers` when asked for."""

    def __init__(self) -> None:
        self.refusals: list[Response] = []
        self.ice_servers: Response = Response(status_code=404)
        self.video, self.audio = VideoSink(), AudioSink()
        self.requests: list[tuple[str, str]] = []
        self.sessions: dict[str, RTCPeerConnection] = {}
        self.url = ""
        self._drains: list[asyncio.Task[None]] = []
        self._count = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["PeerServer"]:
        """Serve on a free port of the loopback."""
        routes = [
            Route("/v1/ice-servers", self._ice_servers),
            Route("/{kind:str}/{room:str}", self._post, methods=["POST"]),
            Route("/{kind:str}/{room:str}/{session:str}", self._session, methods=["GET", "DELETE"]),
        ]
        config = uvicorn.Config(Starlette(routes=routes), log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            serving = asyncio.create_task(server.serve([listener]))
            try:
                yield self
            finally:
                for name in list(self.sessions):
                    await self.end(name)
                server.should_exit = True
                await serving

    async def end(self, name: str) -> None:
        """Forget a session."""
        await self.sessions.pop(name).close()

    async def _ice_servers(self, request: Request) -> Response:
        return self.ice_servers if request.query_params["room"] else Response(status_code=422)

    async def _post(self, request: Request) -> Response:
        self.requests.append(("POST", request.url.path))
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            problem = {"title": "Unauthorized", "detail": "the token is not valid"}
            return JSONResponse(problem, 401, media_type="application/problem+json")
        if self.refusals:
            return self.refusals.pop(0)
        assert request.headers["content-type"] == "application/sdp"
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        if request.path_params["kind"] == "whep":
            peer.addTrack(TestVideo())
            peer.addTrack(TestTone())
        peer.on("track", self._take)
        await peer.setRemoteDescription(RTCSessionDescription((await request.body()).decode(), "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        self._count += 1
        name = f"session-{self._count}"
        self.sessions[name] = peer
        headers = {"Location": f"{request.url.path}/{name}", "ETag": '"1"'}
        return Response(peer.localDescription.sdp, 201, headers, media_type="application/sdp")

    async def _session(self, request: Request) -> Response:
        self.requests.append((request.method, request.url.path))
        name = request.path_params["session"]
        if name not in self.sessions:
            return Response(status_code=404)
        if request.method == "DELETE":
            await self.end(name)
        return Response(status_code=200)

    def _take(self, track: MediaStreamTrack) -> None:
        self._drains.append(asyncio.ensure_future(drain(track, self.video, self.audio)))
