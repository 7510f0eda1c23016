"""HTTPS and TURN on one TLS port, over real sockets."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from aioice.turn import create_turn_endpoint
from livekit.protocol import rtc
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from api.app import create_app
from api.listeners import open_listeners
from api.relaying import Relaying
from api.serving import serve
from api.sfu_settings import sfu_settings
from sfu.server import Sfu
from tests.api.certificates import self_signed, write_certificate
from tests.api.real import access
from tests.api.recording import settings_for_tests, token
from tests.waiting import eventually


@dataclass
class Server:
    url: str
    plain_url: str
    certificate: Path
    key: Path

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.certificate)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, verify=self.trust)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    certificate, key = write_certificate(tmp_path)
    settings = settings_for_tests(
        dev=True, http="127.0.0.1:0", rtc="127.0.0.1:0", tls="127.0.0.1:0", tls_cert=certificate, tls_key=key, workers=2
    )
    sfu = Sfu(sfu_settings(settings))
    listeners = open_listeners(settings.http)
    ready = asyncio.Event()
    app = create_app(settings, sfu, relay=Relaying(settings, sfu))
    serving = asyncio.create_task(serve(settings, app, listeners, lambda _: ready.set()))
    async with asyncio.timeout(20):
        await ready.wait()
    port = sfu.datapath.tls_addresses[0][1]
    plain_url = f"http://127.0.0.1:{listeners[0].getsockname()[1]}"
    yield Server(f"https://localhost:{port}", plain_url, certificate, key)
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    for listener in listeners:
        listener.close()


async def test_https_is_served_with_keep_alive_and_large_answers(server: Server) -> None:
    async with server.client() as http:
        for _ in range(3):
            assert (await http.get("/healthz")).status_code == 200
        plain = await http.get("/openapi.json")
        assert plain.status_code == 200
        assert len(plain.content) > 20_000


async def test_the_application_knows_that_it_is_https(server: Server) -> None:
    async with server.client() as http:
        links = (await http.get("/dev/links?room=demo")).json()
    assert links["whip_url"] == f"{server.url}/whip/demo"


async def test_many_connections_at_once(server: Server) -> None:
    async def ask() -> int:
        async with server.client() as http:
            return (await http.get("/healthz")).status_code

    assert await asyncio.gather(*(ask() for _ in range(20))) == [200] * 20


async def test_calls_are_joined_by_wss(server: Server) -> None:
    url = f"{server.url.replace('https', 'wss')}/rtc?access_token={token(now=datetime.now(UTC))}"
    async with connect(url, ssl=server.trust) as socket, asyncio.timeout(20):
        first = await socket.recv()
        assert isinstance(first, bytes)
        assert rtc.SignalResponse.FromString(first).join.participant.identity == "alice"
        await socket.send(rtc.SignalRequest(ping=1).SerializeToString())
        while rtc.SignalResponse.FromString(await socket.recv()).WhichOneof("message") != "pong":  # type: ignore[arg-type]
            pass


async def test_an_upgrade_by_tls_is_refused_like_any(server: Server) -> None:
    with pytest.raises(InvalidStatus, match="401"):
        await connect(f"{server.url.replace('https', 'wss')}/rtc", ssl=server.trust)


async def test_turn_answers_on_the_same_port(server: Server) -> None:
    async with server.client() as http:
        given = (await http.get("/v1/ice-servers", headers=access())).json()["iceServers"]
    turn = next(entry for entry in given if "credential" in entry)
    (url,) = [url for url in turn["urls"] if url.startswith("turns:")]
    assert url.startswith("turns:localhost:")
    port = int(url.removeprefix("turns:localhost:").partition("?")[0])
    transport, _ = await create_turn_endpoint(
        asyncio.DatagramProtocol,
        server_addr=("localhost", port),
        username=turn["username"],
        password=turn["credential"],
        ssl=server.trust,
        transport="tcp",
    )
    relayed = transport.get_extra_info("sockname")
    assert relayed[0] == "127.0.0.1"
    transport.close()


async def test_a_new_certificate_is_shown_without_a_restart(server: Server) -> None:
    for path, content in zip((server.certificate, server.key), self_signed("localhost", "127.0.0.1"), strict=True):
        path.write_bytes(content)

    async def is_trusted() -> bool:
        try:
            async with server.client() as http:
                return (await http.get("/healthz")).status_code == 200
        except httpx.ConnectError:
            return False

    await eventually(is_trusted, "the new certificate")
