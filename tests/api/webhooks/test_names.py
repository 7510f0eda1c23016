"""Looking names up without waiting for those who do not answer."""

import asyncio
import socket
import threading
from typing import Any

import pytest

from api.webhooks.names import NameLookup


async def test_addresses_and_names_in_every_spelling() -> None:
    for host in ("127.0.0.1", "2130706433", "0x7f.1", "127.1", "0177.0.0.1"):
        assert await NameLookup(host, 80)() == ["127.0.0.1"]
    assert await NameLookup("::1", 80)() == ["::1"]
    assert set(await NameLookup("localhost", 80)()) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "name.invalid", "a..b"])
async def test_a_name_that_does_not_resolve_has_no_addresses(host: str) -> None:
    assert await NameLookup(host, 80)() == []


async def test_a_resolver_that_hangs_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    let_go = threading.Event()

    def hang(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        let_go.wait(20)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    look_up = NameLookup("slow.example", 80)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(look_up(), 0.01)
    waiting = asyncio.ensure_future(look_up())
    let_go.set()
    assert await waiting == ["192.0.2.1"]
    assert await look_up() == ["192.0.2.1"]
    assert asked == ["slow.example"]
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "webhook-name")


async def test_a_result_is_used_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = ["192.0.2.1", "192.0.2.2"]

    def next_one(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (addresses.pop(0), port))]

    monkeypatch.setattr(socket, "getaddrinfo", next_one)
    look_up = NameLookup("moving.example", 80)
    assert [await look_up(), await look_up()] == [["192.0.2.1"]] * 2
    monkeypatch.setattr("api.webhooks.names.FRESH_SECONDS", -1.0)
    shorter = NameLookup("moving.example", 80)
    assert await shorter() == ["192.0.2.2"]
    addresses.append("192.0.2.3")
    assert await shorter() == ["192.0.2.3"]
