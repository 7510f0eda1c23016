"""One offer, one session; every refusal says why and whether to try again."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from clients.connection import new_peer_connection
from clients.reach import first_answering
from clients.signalling import Endpoint, Session, SignallingError, endpoint_url
from clients.turn import TurnServer
from tests.clients.peer_server import TOKEN, PeerServer
from tests.nat.certificates import issue


@pytest.fixture
async def server() -> AsyncIterator[PeerServer]:
    async with PeerServer().running() as server:
        yield server


async def offer() -> str:
    peer = new_peer_connection()
    for kind in ("audio", "video"):
        peer.addTransceiver(kind, direction="recvonly")
    sdp: str = (await peer.createOffer()).sdp
    await peer.close()
    return sdp


async def test_a_session_is_made_known_and_deleted(server: PeerServer) -> None:
    async with Endpoint(endpoint_url(server.url, "whep", "a room"), TOKEN) as endpoint:
        session = await endpoint.post(await offer())
        assert session.url == f"{server.url}/whep/a%20room/session-1"
        assert session.etag == '"1"'
        assert session.answer.startswith("v=0")
        assert await endpoint.exists(session)
        await endpoint.delete(session)
        assert not await endpoint.exists(session)
        await endpoint.delete(session)  # gone already is fine


async def test_a_wrong_token_is_final_and_explained(server: PeerServer) -> None:
    async with Endpoint(endpoint_url(server.url, "whep", "demo"), "wrong") as endpoint:
        with pytest.raises(SignallingError, match="401 the token is not valid") as caught:
            await endpoint.post(await offer())
    assert caught.value.permanent


async def test_not_live_yet_is_not_final(server: PeerServer) -> None:
    problem = {"title": "Conflict", "detail": "nothing is published"}
    server.refusals.append(JSONResponse(problem, 409, {"Retry-After": "2"}, media_type="application/problem+json"))
    async with Endpoint(endpoint_url(server.url, "whep", "demo"), TOKEN) as endpoint:
        with pytest.raises(SignallingError, match="nothing is published") as caught:
            await endpoint.post(await offer())
    assert not caught.value.permanent
    assert caught.value.retry_after == 2.0


async def test_a_redirect_keeps_method_and_body(server: PeerServer) -> None:
    server.refusals.append(RedirectResponse(f"{server.url}/whep/elsewhere", 307))
    async with Endpoint(endpoint_url(server.url, "whep", "demo"), TOKEN) as endpoint:
        session = await endpoint.post(await offer())
    assert session.url.startswith(f"{server.url}/whep/elsewhere/")


@pytest.mark.parametrize(
    "response",
    [
        Response("v=0", 201, media_type="application/sdp"),
        Response("v=0" * 200_000, 201, {"Location": "/x"}, media_type="application/sdp"),
        Response("[]", 400, media_type="application/problem+json"),
        Response("{", 500, {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, media_type="application/problem+json"),
    ],
    ids=["no-location", "too-long", "odd-problem", "broken-problem"],
)
async def test_odd_responses_are_errors_of_ours(server: PeerServer, response: Response) -> None:
    server.refusals.append(response)
    async with Endpoint(endpoint_url(server.url, "whep", "demo"), TOKEN) as endpoint:
        with pytest.raises(SignallingError) as caught:
            await endpoint.post(await offer())
    assert caught.value.retry_after is None


async def test_a_server_that_is_away_is_worth_another_try() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with Endpoint(endpoint_url(url, "whep", "demo"), TOKEN) as endpoint:
            with pytest.raises(SignallingError) as caught:
                await endpoint.post("v=0")
            assert not caught.value.permanent
            assert await endpoint.exists(Session(f"{url}/whep/demo/1", "", None))


async def test_relays_are_asked_for(server: PeerServer) -> None:
    offered = {"urls": ["turn:192.0.2.1:3478?transport=tcp"], "username": "1:a", "credential": "b"}
    server.ice_servers = JSONResponse({"iceServers": [offered]})
    async with Endpoint(endpoint_url(f"{server.url}", "whep", "a room"), TOKEN) as endpoint:
        assert await endpoint.turn_servers() == [TurnServer("192.0.2.1", 3478, "tcp", "1:a", "b")]


@pytest.mark.parametrize("response", [Response(status_code=404), Response("{"), JSONResponse([]), Response(b"\xff")])
async def test_a_server_without_relays_is_a_server(server: PeerServer, response: Response) -> None:
    server.ice_servers = response
    async with Endpoint(endpoint_url(server.url, "whep", "demo"), TOKEN) as endpoint:
        assert await endpoint.turn_servers() == []


async def test_a_server_that_is_away_offers_no_relays() -> None:
    async with Endpoint("http://127.0.0.1:9/whep/demo", TOKEN) as endpoint:
        assert await endpoint.turn_servers() == []


def test_certificates_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for name in ("missing.pem", "empty.pem"):
        with pytest.raises(OSError, match=r"."):
            Endpoint("https://a.example/whep/demo", TOKEN, authority=tmp_path / name)


async def test_http_does_not_decide_what_relays_are_asked_to_speak(tmp_path: Path) -> None:
    """A server with both on one port goes by what the client offers in TLS (RFC 7443)."""
    files = issue(tmp_path, "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.chain, files.key)
    context.set_alpn_protocols(["stun.turn", "http/1.1"])
    spoken: list[str | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        spoken.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await reader.read(1)
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as listener:
        port = listener.sockets[0].getsockname()[1]
        async with Endpoint(f"https://127.0.0.1:{port}/whep/demo", TOKEN, authority=files.authority) as endpoint:
            assert await endpoint.turn_servers() == []
            relay = TurnServer("127.0.0.1", port, "tls", "user", "password")
            assert await first_answering([relay], endpoint.turn_tls) is None
    assert spoken == ["http/1.1", "stun.turn"]
