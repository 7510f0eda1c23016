"""The server over real sockets: hostile clients, signals, ports in use."""

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from api import http_protocol
from api.addresses import SocketAddress
from api.app import create_app
from api.listeners import ListenError, open_listeners
from api.serving import FORCED_EXIT, StartError, base_url, raise_file_limit, serve
from tests.api.certificates import write_certificate
from tests.api.recording import OFFER, SDP, SECRET, RecordingSfu, bearer, settings_for_tests, token
from tests.api.running import Running, running


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    async with running(settings_for_tests(http="127.0.0.1:0", shutdown_timeout=5)) as server:
        yield server


async def test_a_session_over_real_http(server: Running) -> None:
    async with httpx.AsyncClient(base_url=server.url) as http:
        response = await http.post("/whip/room", content=OFFER, headers=SDP | bearer(token()))
        assert response.status_code == 201
        assert "server" not in response.headers
        assert (await http.delete(response.headers["location"], headers=bearer(token()))).status_code == 200


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 8192


@pytest.mark.parametrize(
    ("path", "media_type", "limit"),
    [("/whip/room", "application/sdp", 64 << 10), ("/v1/rooms", "application/json", 1 << 20)],
)
async def test_an_endless_body_is_cut_off(server: Running, path: str, media_type: str, limit: int) -> None:
    headers = bearer(token(room_create=True)) | {"Content-Type": media_type}
    async with httpx.AsyncClient(base_url=server.url) as http:
        response = await http.post(path, content=chunks(limit // 8192 + 2), headers=headers)
        assert (response.status_code, response.json()["code"]) == (413, "body-too-large")
    assert await server.request(f"POST {path}", headers | {"Content-Length": str(10**12)}) == 413
    assert server.sfu.calls == []


async def test_no_body_at_all_is_411(server: Running) -> None:
    assert await server.request("POST /whip/room", SDP | bearer(token())) == 411


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 100,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 100,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /whip/room HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
async def test_what_is_not_http_is_turned_away(server: Running, data: bytes) -> None:
    reply = await server.exchange(data)
    assert reply == b"" or reply.split()[1] in {b"400", b"401", b"405", b"411"}
    async with httpx.AsyncClient(base_url=server.url) as http:
        assert (await http.get("/healthz")).status_code == 200


async def test_ten_thousand_headers_are_refused(server: Running) -> None:
    reply = await server.exchange(b"GET /healthz HTTP/1.1\r\n" + b"a: b\r\n" * 10_000 + b"\r\n")
    assert reply == b"" or reply.split()[1] in {b"400", b"431"}


async def test_an_endless_head_is_refused(server: Running) -> None:
    reply = await server.exchange(b"GET /healthz HTTP/1.1\r\nA: " + b"a" * (http_protocol.MAX_HEAD * 4))
    assert reply == b"" or reply.split()[1] in {b"400", b"431"}
    reply = await server.exchange(b"GET /" + b"a" * (http_protocol.MAX_HEAD * 4))
    assert reply == b"" or reply.split()[1] in {b"400", b"431"}


async def test_a_dribbled_head_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT", 0.05)
    async with running(settings_for_tests(http="127.0.0.1:0")) as server:
        assert await server.exchange(b"") == b""
        assert await server.exchange(b"GET /healthz HTTP/1.1\r\nHost: ") == b""
        async with httpx.AsyncClient(base_url=server.url) as http:
            assert (await http.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/whip/..", "/whip/%2e%2e", "/whip/a%2fb/c", "/whip/%00", "/whip/%ff%fe", "/whip/" + "a" * 300, "/whip/%E2%80%AE"],
)
async def test_tricks_with_paths(server: Running, path: str) -> None:
    headers = SDP | bearer(token(room="")) | {"Content-Length": str(len(OFFER))}
    assert await server.request(f"POST {path}", headers, OFFER) in {400, 404, 405}
    assert server.sfu.calls == []


async def test_nested_json_is_a_plain_error(server: Running) -> None:
    headers = bearer(token(room_create=True)) | {"Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=server.url) as http:
        response = await http.post("/v1/rooms", content=b"[" * 100_000, headers=headers)
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"


async def test_an_untrusted_host_is_421() -> None:
    settings = settings_for_tests(http="127.0.0.1:0", trusted_hosts="a.example,*.b.example")
    async with running(settings) as server, httpx.AsyncClient(base_url=server.url) as http:
        for host, status in (("a.example", 200), ("x.b.example:80", 200), ("b.example", 421), ("evil.example", 421)):
            assert (await http.get("/healthz", headers={"Host": host})).status_code == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_order(server: Running, number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    async with asyncio.timeout(20):
        assert await server.status == 0
    assert not server.sfu.running
    await refused(server.port)


async def test_while_draining_it_is_not_ready_and_a_second_signal_forces() -> None:
    async with running(settings_for_tests(http="127.0.0.1:0", shutdown_timeout=600)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = f"POST /whip/room HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token()}\r\n"
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
        writer.write(
            f"{head}Content-Type: application/sdp\r\nContent-Length: 100\r\n\r\n".encode()
        )  # a request in flight, whose body does not come
        await writer.drain()
        os.kill(os.getpid(), signal.SIGTERM)
        await refused(server.port)
        assert not server.status.done()
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await server.status == FORCED_EXIT
        assert not server.sfu.running
        writer.close()


async def refused(port: int) -> None:
    """Wait until nothing listens on the port."""
    async with asyncio.timeout(20):
        with contextlib.suppress(OSError):
            while True:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()


async def test_a_certificate_that_cannot_be_used_is_explained(sfu: RecordingSfu, tmp_path: Path) -> None:
    certificate, _ = write_certificate(tmp_path)
    missing, garbage = tmp_path / "missing.pem", tmp_path / "garbage.pem"
    garbage.write_text("garbage")
    for chosen, reason in ((missing, "cannot read"), (garbage, "no private key")):
        settings = settings_for_tests(http="127.0.0.1:0", tls="127.0.0.1:0", tls_cert=certificate, tls_key=chosen)
        with pytest.raises(StartError, match=f"{chosen}") as refusal:
            await serve(settings, create_app(settings, sfu), [], pytest.fail)
        assert reason in str(refusal.value)


async def test_logs_have_no_addresses_and_no_tokens(caplog: pytest.LogCaptureFixture) -> None:
    good, bad = token(), token("mallory", room="other")
    with caplog.at_level(logging.INFO):
        async with running(settings_for_tests(http="127.0.0.1:0")) as server:
            async with httpx.AsyncClient(base_url=server.url) as http:
                for text in (good, bad, "nonsense"):
                    await http.post("/whip/room", content=OFFER, headers=SDP | bearer(text))
            await server.exchange(b"garbage\r\n\r\n")
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert any("SIGTERM" in message for message in ours)
    for secret in (good, bad, "127.0.0.1", SECRET):
        assert not any(secret in message for message in ours)


def test_a_port_in_use_is_one_line_that_says_which_and_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError) as refusal:
            open_listeners(SocketAddress("127.0.0.1", port))
    message = str(refusal.value)
    assert f"127.0.0.1:{port} is already in use" in message
    assert "--http" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("http", "host"),
    [
        ("127.0.0.1:0", "localhost"),
        (":0", "localhost"),
        ("0.0.0.0:0", "localhost"),
        ("[::]:0", "localhost"),
        ("192.0.2.1:0", "192.0.2.1"),
        ("[2001:db8::1]:0", "[2001:db8::1]"),
    ],
)
def test_the_url_is_one_that_can_be_opened(http: str, host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert base_url(settings_for_tests(http=http), listener) == f"http://{host}:{port}"


def test_a_wildcard_listens_on_both_families_with_one_port() -> None:
    listeners = open_listeners(SocketAddress("", 0))
    try:
        assert len({listener.getsockname()[1] for listener in listeners}) == 1
        assert listeners[0].family == socket.AF_INET
    finally:
        for listener in listeners:
            listener.close()


async def test_a_media_port_in_use_is_explained(sfu: RecordingSfu, monkeypatch: pytest.MonkeyPatch) -> None:
    async def start() -> None:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(sfu, "start", start)
    settings = settings_for_tests(http="127.0.0.1:0", rtc="127.0.0.1:3478")
    listeners = open_listeners(settings.http)
    no_call: Callable[[str], None] = pytest.fail
    try:
        with pytest.raises(StartError, match=r"media address 127.0.0.1:3478 is already in use.*--rtc"):
            await serve(settings, create_app(settings, sfu), listeners, no_call)
    finally:
        for listener in listeners:
            listener.close()


def test_the_file_limit_is_raised_to_the_hard_limit() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[0], 256), before[1]))
    try:
        raise_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
