"""The app over the real SFU, and aiortc peers that speak to it over real sockets on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
from aiortc import RTCPeerConnection, RTCSessionDescription

from api.app import create_app
from api.sfu_settings import sfu_settings
from clients.connection import new_peer_connection
from clients.testsrc import TestTone, TestVideo
from sfu.server import Sfu
from tests.api.recording import SDP, admin_token, bearer, settings_for_tests, token
from tests.waiting import eventually


def access(identity: str = "alice", **grants: Any) -> dict[str, str]:
    """The header of a token that is valid now."""
    return bearer(token(identity, now=datetime.now(UTC), **grants))


def admin() -> dict[str, str]:
    return bearer(admin_token(now=datetime.now(UTC)))


@asynccontextmanager
async def real_http() -> AsyncIterator[httpx.AsyncClient]:
    """Requests to an app whose media is on a free port of loopback."""
    settings = settings_for_tests(rtc="127.0.0.1:0", public_ip="127.0.0.1", workers=1)
    app = create_app(settings, Sfu(sfu_settings(settings)))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://testserver") as http,
    ):
        yield http


@asynccontextmanager
async def publisher(http: httpx.AsyncClient, identity: str = "alice") -> AsyncIterator[tuple[RTCPeerConnection, str]]:
    """An aiortc peer that is connected and sends a picture and a tone into `room`, and its session's URL."""
    peer = new_peer_connection()
    tracks = [TestVideo(), TestTone()]
    for track in tracks:
        peer.addTransceiver(track, direction="sendonly")
    try:
        yield peer, await connect(http, peer, "/whip/room", access(identity))
    finally:
        for track in tracks:
            track.stop()
        await peer.close()


@asynccontextmanager
async def viewer(http: httpx.AsyncClient, identity: str = "bob") -> AsyncIterator[tuple[RTCPeerConnection, str]]:
    """An aiortc peer that watches `room`, and its session's URL."""
    peer = new_peer_connection()
    for kind in ("video", "audio"):
        peer.addTransceiver(kind, direction="recvonly")
    try:
        yield peer, await connect(http, peer, "/whep/room", access(identity))
    finally:
        await peer.close()


async def connect(http: httpx.AsyncClient, peer: RTCPeerConnection, endpoint: str, headers: dict[str, str]) -> str:
    """Offer, take the answer, wait until media can flow; the session's URL."""
    await peer.setLocalDescription(await peer.createOffer())
    response = await http.post(endpoint, content=peer.localDescription.sdp, headers=SDP | headers)
    assert response.status_code == 201, response.text
    await peer.setRemoteDescription(RTCSessionDescription(response.text, "answer"))
    await state(peer, "connected")
    return response.headers["location"]


async def state(peer: RTCPeerConnection, wanted: str) -> None:
    async def reached() -> bool:
        return peer.connectionState == wanted

    await eventually(reached, f"a peer connection that is {wanted}")
