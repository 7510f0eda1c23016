"""POST /v1/tokens."""

from typing import Any

import httpx
import pytest

from api.tokens import verify
from tests.api.recording import (
    KEY,
    SECRET,
    WallClock,
    admin_token,
    bearer,
)

ADMIN = bearer(admin_token())


async def test_a_minted_token_is_good(http: httpx.AsyncClient, wall: WallClock) -> None:
    body = {"identity": "alice", "ttl": "90s", "video": {"roomJoin": True, "room": "room", "canPublish": False}}
    response = await http.post("/v1/tokens", json=body, headers=ADMIN)
    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    assert response.json()["expires_at"] == "2026-11-22T12:01:30Z"
    minted = verify(response.json()["token"], {KEY: SECRET}, wall.now())
    assert (minted.identity, minted.may_publish("room"), minted.may_subscribe("room")) == ("alice", False, True)


@pytest.mark.parametrize(
    "video",
    [{"room": "other", "roomJoin": True}, {"roomJoin": True}, {"room": "room", "roomList": True}, {"roomAdmin": True}],
)
async def test_nobody_grants_more_than_they_have(http: httpx.AsyncClient, video: dict[str, Any]) -> None:
    caller = bearer(admin_token(room="room", room_list=False))
    refused = await http.post("/v1/tokens", json={"identity": "eve", "video": video}, headers=caller)
    assert refused.status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"identity": "", "video": {}},
        {"identity": "a", "video": {}, "ttl": "never"},
        {"identity": "a", "video": {}, "ttl": "400d"},
        {"identity": "a", "video": {"roomJoin": "yes"}},
        {"identity": "a", "video": {"room": "a/b"}},
        {"identity": "a", "video": {}, "surprise": 1},
        {"identity": "a\u202eb", "video": {}},
        ["a"],
    ],
)
async def test_a_bad_token_request_is_422(http: httpx.AsyncClient, body: object) -> None:
    response = await http.post("/v1/tokens", json=body, headers=ADMIN)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
