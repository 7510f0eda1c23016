"""POST /v1/tokens."""

import json
from typing import Any

import httpx
import pytest

from api.room_config import RoomConfig
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


async def test_everything_said_is_in_the_token(http: httpx.AsyncClient, wall: WallClock) -> None:
    body = {
        "identity": "alice",
        "name": "Alice",
        "metadata": "m",
        "attributes": {"hand": "up"},
        "kind": "agent",
        "room_config": {"maxParticipants": 3},
        "video": {"roomJoin": True, "room": "room", "canPublishSources": ["camera"]},
    }
    response = await http.post("/v1/tokens", json=body, headers=ADMIN)
    assert response.status_code == 201
    minted = verify(response.json()["token"], {KEY: SECRET}, wall.now())
    assert (minted.name, minted.metadata, minted.attributes, minted.kind) == ("Alice", "m", {"hand": "up"}, "agent")
    assert minted.room_config == RoomConfig(max_participants=3)
    assert minted.may_publish_source("camera")
    assert not minted.may_publish_source("microphone")


async def test_configuring_a_room_takes_the_right_to_create_it(http: httpx.AsyncClient) -> None:
    caller = bearer(admin_token(room="room", room_create=False))
    body: dict[str, Any] = {"identity": "eve", "video": {"roomJoin": True, "room": "room"}}
    assert (await http.post("/v1/tokens", json=body, headers=caller)).status_code == 201
    refused = await http.post("/v1/tokens", json=body | {"room_config": {"maxParticipants": 9}}, headers=caller)
    assert refused.status_code == 403


async def test_a_token_no_door_would_take_is_not_minted(http: httpx.AsyncClient) -> None:
    body = {"identity": "a", "video": {"room": "room"}, "attributes": {"a": "x" * 13_000}}
    refused = await http.post("/v1/tokens", json=body, headers=ADMIN)
    assert refused.status_code == 422
    assert "at most 16384 characters" in refused.json()["detail"]


@pytest.mark.parametrize(
    "video",
    [
        {"room": "other", "roomJoin": True},
        {"roomJoin": True},
        {"room": "room", "roomList": True},
        {"room": "room", "destinationRoom": "other"},
        {"roomAdmin": True},
    ],
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
        {"identity": "a", "video": {"destinationRoom": "a/b"}},
        {"identity": "a", "video": {}, "attributes": {"a": 1}},
        {"identity": "a", "video": {}, "attributes": {str(number): "" for number in range(65)}},
        {"identity": "a", "video": {}, "attributes": {"a": "\ud800"}},
        {"identity": "a", "video": {}, "name": "\ud800"},
        {"identity": "a", "video": {}, "kind": "poltergeist"},
        {"identity": "a", "video": {}, "room_config": {"maxParticipants": -1}},
        {"identity": "a", "video": {}, "surprise": 1},
        {"identity": "a\u202eb", "video": {}},
        ["a"],
    ],
)
async def test_a_bad_token_request_is_422(http: httpx.AsyncClient, body: object) -> None:
    headers = ADMIN | {"Content-Type": "application/json"}
    response = await http.post("/v1/tokens", content=json.dumps(body), headers=headers)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
