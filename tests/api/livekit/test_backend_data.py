"""Data by /v1, and whom it reaches."""

import asyncio
from typing import Any

import httpx
import pytest
from livekit.protocol import models

from api.routes import data
from tests.api.livekit.backend import backend, told
from tests.api.livekit.calling import WITHIN, Caller, Server, calling
from tests.api.recording import admin_token, bearer

PATH = data.router.prefix.replace("{room}", "room")


async def heard(caller: Caller) -> tuple[str, bytes, str]:
    async with asyncio.timeout(WITHIN):
        label, packet = await caller.heard.get()
    return label, packet.user.payload, packet.user.topic


async def test_data_arrives(server: Server) -> None:
    async with calling(server, "alice") as alice, calling(server, "bob") as bob, backend(server) as http:
        sent = await http.post(PATH, json={"text": "für alle", "topic": "t"}, headers={"Idempotency-Key": "k"})
        assert (sent.status_code, sent.json()) == (200, {"recipients": 2})
        again = await http.post(PATH, json={"text": "für alle", "topic": "t"}, headers={"Idempotency-Key": "k"})
        assert (again.json(), again.headers["idempotency-replayed"]) == ({"recipients": 2}, "true")
        some = {"payload": "AP8=", "reliable": False, "identities": ["bob", "nobody"]}
        assert (await http.post(PATH, json=some)).json() == {"recipients": 1}
        assert await heard(bob) == ("_reliable", "für alle".encode(), "t")
        assert await heard(bob) == ("_lossy", b"\x00\xff", "")
        assert await heard(alice) == ("_reliable", "für alle".encode(), "t")
        last = models.DataPacket(user=models.UserPacket(payload=b"last"))
        await bob.say("_reliable", last)
        assert await heard(alice) == ("_reliable", b"last", "")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid-request"),
        ({"text": "a", "payload": "AAEC"}, "invalid-request"),
        ({"payload": "AAE"}, "invalid-request"),
        ({"payload": "AA_-"}, "invalid-request"),
        ({"text": "\u00e4" * 30_001}, "payload-too-large"),
        ({"text": "x" * 60_001}, "invalid-request"),
        ({"text": "x", "topic": "\u00e4" * 129}, "topic-too-long"),
        ({"text": "x", "identities": ["x"] * 1001}, "invalid-request"),
    ],
)
async def test_data_that_is_not_sent(http: httpx.AsyncClient, body: dict[str, Any], code: str) -> None:
    admin = bearer(admin_token())
    await http.post("/v1/rooms", json={"name": "room"}, headers=admin)
    assert told(await http.post(PATH, json=body, headers=admin)) == (422, code)


async def test_there_must_be_a_room(http: httpx.AsyncClient) -> None:
    refused = await http.post(PATH, json={"text": "x"}, headers=bearer(admin_token()))
    assert told(refused) == (404, "room-not-found")
