"""Attempts over real sockets: what is delivered, and where nothing ever goes."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from api.webhooks.names import NameLookup
from api.webhooks.outcomes import DELIVERED, Outcome
from api.webhooks.posting import Lookup, Patience, Poster
from api.webhooks.targets import parse_target
from tests.api.certificates import write_certificate
from tests.api.webhooks.receiver import OK, Received, answer, never, receiver

TLS = httpx.create_ssl_context()


@asynccontextmanager
async def poster(
    url: str,
    *,
    allow_private: bool = True,
    lookup: Lookup | None = None,
    tls: ssl.SSLContext = TLS,
    patience: Patience | None = None,
) -> AsyncIterator[Poster]:
    target = parse_target(url)
    lookup = lookup or NameLookup(target.host, target.port)
    made = Poster(target, lookup, tls=tls, allow_private=allow_private, patience=patience)
    try:
        yield made
    finally:
        made.close()


def found(*addresses: str) -> Lookup:
    async def look_up() -> Sequence[str]:
        return addresses

    return look_up


async def test_a_body_arrives_as_it_is() -> None:
    async with receiver() as seen, poster(f"{seen.url}?a=%41&b=/") as to:
        assert await to.post(b'{"a": "\xc3\xa9"}', {"Authorization": "jwt"}) == DELIVERED
        assert await to.post(b"2", {"Authorization": "jwt"}) == DELIVERED
    first, second = seen.received
    assert (first.line, first.body, second.body) == ("POST /hook?a=%41&b=/ HTTP/1.1", b'{"a": "\xc3\xa9"}', b"2")
    assert first.headers["host"] == f"127.0.0.1:{seen.port}"
    assert first.headers["content-type"] == "application/webhook+json"
    assert first.headers["authorization"] == "jwt"
    assert seen.connections == 1


@pytest.mark.parametrize("status", [302, 307, 404, 500])
async def test_a_redirect_leads_nowhere_and_a_refusal_is_one(status: int) -> None:
    async with receiver() as elsewhere, receiver() as seen, poster(seen.url) as to:

        async def refuse(_: Received) -> bytes:
            return answer(status, f"Location: {elsewhere.url}")

        seen.answer = refuse
        outcome = await to.post(b"{}", {})
        assert outcome == Outcome("failed" if status == 500 else "refused", f"it answers {status}")
        assert (len(seen.received), elsewhere.connections) == (1, 0)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:0:0:1]",
        "[64:ff9b::7f00:1]",
    ],
)
async def test_what_is_not_public_is_never_connected_to(host: str) -> None:
    async with receiver() as seen, poster(f"http://{host}:{seen.port}/", allow_private=False) as to:
        outcome = await to.post(b"{}", {})
        assert outcome.result == "refused"
        assert "not public" in outcome.reason
        assert seen.connections == 0


async def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    """A name whose second lookup leads elsewhere (DNS rebinding) has no second lookup."""
    async with receiver() as right, receiver(host="127.0.0.2", port=right.port) as wrong:
        lookups = [("127.0.0.1",), ("127.0.0.2",)]

        async def rebinding() -> Sequence[str]:
            return lookups.pop(0)

        async with poster(f"http://rebinding.example:{right.port}/", lookup=rebinding) as to:
            assert await to.post(b"{}", {}) == DELIVERED
        assert (right.connections, wrong.connections, len(lookups)) == (1, 0, 1)
        assert right.received[0].headers["host"] == f"rebinding.example:{right.port}"


async def test_of_several_addresses_only_public_ones_are_tried() -> None:
    async with receiver() as seen:
        lookup = found("127.0.0.1", "169.254.169.254", "::1")
        async with poster(f"http://mixed.example:{seen.port}/", allow_private=False, lookup=lookup) as to:
            assert (await to.post(b"{}", {})).result == "refused"
        assert seen.connections == 0


async def test_the_next_address_is_tried_when_one_cannot_be_connected_to() -> None:
    async with receiver() as seen:
        lookup = found("127.0.0.3", "::1", "127.0.0.1")
        async with poster(f"http://name.example:{seen.port}/", lookup=lookup) as to:
            assert await to.post(b"{}", {}) == DELIVERED


async def test_nobody_there() -> None:
    async with receiver() as seen:
        pass
    async with poster(seen.url) as to:
        assert (await to.post(b"{}", {})).result == "failed"
    async with poster("http://name.example/", lookup=found()) as to:
        assert await to.post(b"{}", {}) == Outcome("failed", "its name does not resolve")


async def test_who_never_answers_is_not_waited_for() -> None:
    async with receiver(never) as seen, poster(seen.url, patience=Patience(attempt=0.05)) as to:
        for _ in range(20):
            assert await to.post(b"{}", {}) == Outcome("failed", "no answer within 0.05 s")
        seen.answer = dribble
        assert (await to.post(b"{}", {})).result == "failed"


async def test_a_handshake_that_is_not_answered_is_not_waited_for() -> None:
    async with receiver() as seen:
        url = f"https://hooks.example:{seen.port}/"
        async with poster(url, lookup=found("127.0.0.1"), patience=Patience(connect=0.05)) as to:
            assert (await to.post(b"{}", {})).reason.startswith("it cannot be connected to")


async def test_a_connection_is_kept_only_while_its_address_is_the_names() -> None:
    async with receiver() as old, receiver(host="127.0.0.2", port=old.port) as new:
        addresses = [("127.0.0.1",), ("127.0.0.1", "127.0.0.2"), ("127.0.0.2",)]

        async def moving() -> Sequence[str]:
            return addresses.pop(0)

        async with poster(f"http://moving.example:{old.port}/", lookup=moving) as to:
            for _ in range(3):
                assert await to.post(b"{}", {}) == DELIVERED
        assert (old.connections, len(old.received), len(new.received)) == (1, 2, 1)


async def dribble(_: Received) -> bytes:
    await asyncio.sleep(0)
    return b"HTTP/1.1 200 OK\r\nX: "


@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * (1 << 20),
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        OK,
    ],
)
async def test_a_status_counts_whatever_comes_after_it(content: bytes) -> None:
    async def endless(_: Received) -> bytes:
        return content

    async with receiver(endless) as seen, poster(seen.url, patience=Patience(answer=0.05)) as to:
        assert await to.post(b"{}", {}) == DELIVERED


@pytest.mark.parametrize(
    "content", [b"\x00" * 100, b"HTTP/1.1 999999 X\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a" * 200_000]
)
async def test_what_is_no_http_is_a_failure(content: bytes) -> None:
    async def nonsense(_: Received) -> bytes:
        return content

    async with receiver(nonsense) as seen, poster(seen.url, patience=Patience(attempt=2.0)) as to:
        assert (await to.post(b"{}", {})).result == "failed"


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiver() as proxy, receiver() as seen:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        async with poster(seen.url) as to:
            assert await to.post(b"{}", {}) == DELIVERED
        assert proxy.connections == 0


@pytest.mark.parametrize(
    ("certified", "host", "good"),
    [
        ("hooks.example", "hooks.example", True),
        ("other.example", "hooks.example", False),
        ("127.0.0.1", "hooks.example", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("hooks.example", "127.0.0.1", False),
    ],
)
async def test_tls_is_verified_by_the_name_in_the_url(tmp_path: Path, certified: str, host: str, good: bool) -> None:
    certificate, key = write_certificate(tmp_path, certified)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate, key)
    ours = ssl.create_default_context(cafile=str(certificate))
    async with receiver(tls=theirs) as seen:
        url = f"https://{host}:{seen.port}/"
        async with poster(url, lookup=found("127.0.0.1"), tls=ours) as to:
            assert (await to.post(b"{}", {})).result == ("delivered" if good else "failed")
        assert len(seen.received) == good
        async with poster(url, lookup=found("127.0.0.1")) as to:
            assert (await to.post(b"{}", {})).result == "failed"
