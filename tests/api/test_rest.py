"""The REST API under /v1."""

from typing import Any

import httpx
import pytest

from api.tokens import verify
from tests.api.recording import (
    KEY,
    SECRET,
    RecordedParticipant,
    RecordedRoom,
    RecordedTrack,
    RecordingSfu,
    WallClock,
    admin_token,
    bearer,
    token,
)

ADMIN = bearer(admin_token())


async def create(http: httpx.AsyncClient, name: str, **headers: str) -> httpx.Response:
    return await http.post("/v1/rooms", json={"name": name}, headers=ADMIN | headers)


def occupy(sfu: RecordingSfu, wall: WallClock, *identities: str) -> RecordedRoom:
    people = [RecordedParticipant(name, "publisher", wall.now(), id=f"pa_{name}") for name in identities]
    sfu.rooms.rooms["room"] = room = RecordedRoom("room", wall.now(), participants=people)
    return room


async def test_a_room_is_created_and_read_back(http: httpx.AsyncClient) -> None:
    body = {"name": "a b", "empty_timeout": 60, "departure_timeout": 5, "max_participants": 7, "metadata": "m"}
    created = await http.post("/v1/rooms", json=body, headers=ADMIN)
    assert created.status_code == 201
    assert created.headers["location"] == "/v1/rooms/a%20b"
    room = created.json()
    assert room | body == room
    assert room["created_at"] == "2026-11-22T12:00:00Z"
    assert (await http.get(created.headers["location"], headers=ADMIN)).json() == room


async def test_a_room_that_exists_is_409(http: httpx.AsyncClient) -> None:
    await create(http, "room")
    again = await create(http, "room")
    assert (again.status_code, again.json()["code"]) == (409, "room-exists")


async def test_rooms_are_paged_by_name(http: httpx.AsyncClient) -> None:
    for name in ("c", "a", "e", "b", "d"):
        await create(http, name)
    names: list[str] = []
    page_token = None
    for _ in range(3):
        params: dict[str, Any] = {"page_size": 2} | ({"page_token": page_token} if page_token else {})
        page = (await http.get("/v1/rooms", params=params, headers=ADMIN)).json()
        names += [room["name"] for room in page["items"]]
        page_token = page["next_page_token"]
        if names == ["a", "b"]:  # a room before the cursor goes, and the next page is still the next one
            await http.delete("/v1/rooms/a", headers=ADMIN)
    assert (names, page_token) == (["a", "b", "c", "d", "e"], None)


@pytest.mark.parametrize(("query", "status"), [("page_size=0", 422), ("page_size=501", 422), ("page_token=%21", 400)])
async def test_bad_paging_is_refused(http: httpx.AsyncClient, query: str, status: int) -> None:
    assert (await http.get(f"/v1/rooms?{query}", headers=ADMIN)).status_code == status


async def test_a_deleted_room_is_gone(http: httpx.AsyncClient) -> None:
    await create(http, "room")
    assert (await http.delete("/v1/rooms/room", headers=ADMIN)).status_code == 204
    for response in (
        await http.get("/v1/rooms/room", headers=ADMIN),
        await http.delete("/v1/rooms/room", headers=ADMIN),
    ):
        assert (response.status_code, response.json()["code"]) == (404, "room-not-found")


@pytest.mark.parametrize(
    ("method", "path", "grants"),
    [
        ("POST", "/v1/rooms", {"room_create": False}),
        ("POST", "/v1/rooms", {"room": "other"}),
        ("GET", "/v1/rooms", {"room_list": False}),
        ("GET", "/v1/rooms/room", {"room_list": False, "room_admin": False}),
        ("DELETE", "/v1/rooms/room", {"room_create": False}),
        ("DELETE", "/v1/rooms/room", {"room": "other"}),
        ("GET", "/v1/rooms/room/participants", {"room_admin": False}),
        ("GET", "/v1/rooms/room/participants", {"room": "other"}),
        ("GET", "/v1/rooms/room/participants/alice", {"room_admin": False}),
        ("DELETE", "/v1/rooms/room/participants/alice", {"room_admin": False}),
        ("DELETE", "/v1/rooms/room/participants/alice", {"room": "other"}),
        ("POST", "/v1/tokens", {"room_admin": False}),
        ("POST", "/v1/tokens", {"room": "other"}),
    ],
)
async def test_every_route_takes_its_grant(
    http: httpx.AsyncClient, sfu: RecordingSfu, wall: WallClock, method: str, path: str, grants: dict[str, Any]
) -> None:
    occupy(sfu, wall, "alice")
    body = {"identity": "x", "video": {"room": "room"}} if path.endswith("tokens") else {"name": "new"}
    sent = body if method == "POST" else None
    refused = await http.request(method, path, json=sent, headers=bearer(admin_token(**grants)))
    assert (refused.status_code, refused.json()["code"]) == (403, "not-permitted")
    assert (await http.request(method, path, json=sent)).status_code == 401
    assert (await http.request(method, path, json=sent, headers=ADMIN)).is_success


async def test_a_list_shows_only_what_the_token_names(http: httpx.AsyncClient) -> None:
    for name in ("a", "b"):
        await create(http, name)
    page = await http.get("/v1/rooms", headers=bearer(admin_token(room="b")))
    assert [room["name"] for room in page.json()["items"]] == ["b"]


async def test_participants(http: httpx.AsyncClient, sfu: RecordingSfu, wall: WallClock) -> None:
    room = occupy(sfu, wall, "bob", "alice")
    room.participants[1].tracks.append(RecordedTrack())
    page = (await http.get("/v1/rooms/room/participants", headers=ADMIN)).json()
    assert [participant["identity"] for participant in page["items"]] == ["alice", "bob"]
    assert page["items"][0]["tracks"] == [{"id": "tr_1", "kind": "video", "codec": "vp8"}]
    one = (await http.get("/v1/rooms/room/participants/alice", headers=ADMIN)).json()
    assert one["stats"]["rtt_ms"] == 12.5
    assert "192.0.2.1" not in str(one)
    assert (await http.delete("/v1/rooms/room/participants/alice", headers=ADMIN)).status_code == 204
    gone = await http.get("/v1/rooms/room/participants/alice", headers=ADMIN)
    assert (gone.status_code, gone.json()["code"]) == (404, "participant-not-found")


async def test_identities_may_hold_slashes(http: httpx.AsyncClient, sfu: RecordingSfu, wall: WallClock) -> None:
    occupy(sfu, wall, "team/alice")
    response = await http.get("/v1/rooms/room/participants/team%2Falice", headers=ADMIN)
    assert response.json()["identity"] == "team/alice"


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


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "a/b"},
        {"name": "..."[:2]},
        {"name": "x" * 257},
        {"name": "a", "empty_timeout": -1},
        {"name": "a", "max_participants": "many"},
        {"name": "a", "metadata": "x" * 4097},
    ],
)
async def test_a_bad_room_request_is_422_and_says_where(http: httpx.AsyncClient, body: dict[str, Any]) -> None:
    response = await http.post("/v1/rooms", json=body, headers=ADMIN)
    assert (response.status_code, response.json()["code"]) == (422, "invalid-request")
    assert response.json()["errors"][0]["pointer"].startswith("body/")


async def test_an_idempotency_key_repeats_the_first_reply(http: httpx.AsyncClient, sfu: RecordingSfu) -> None:
    first = await create(http, "room", **{"Idempotency-Key": "k1"})
    again = await create(http, "room", **{"Idempotency-Key": "k1"})
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert len(sfu.rooms.rooms) == 1


async def test_an_idempotency_key_with_another_body_is_422(http: httpx.AsyncClient) -> None:
    await create(http, "room", **{"Idempotency-Key": "k1"})
    other = await create(http, "other", **{"Idempotency-Key": "k1"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


async def test_an_idempotency_key_is_the_callers_own_and_expires(http: httpx.AsyncClient, wall: WallClock) -> None:
    await create(http, "room", **{"Idempotency-Key": "k1"})
    stranger = bearer(token("stranger", room="", room_create=True)) | {"Idempotency-Key": "k1"}
    assert (await http.post("/v1/rooms", json={"name": "room"}, headers=stranger)).status_code == 409
    wall.advance(601)
    assert (await create(http, "room", **{"Idempotency-Key": "k1"})).status_code == 409


async def test_a_refusal_is_not_kept(http: httpx.AsyncClient) -> None:
    await create(http, "room")
    assert (await create(http, "room", **{"Idempotency-Key": "k1"})).status_code == 409
    await http.delete("/v1/rooms/room", headers=ADMIN)
    assert (await create(http, "room", **{"Idempotency-Key": "k1"})).status_code == 201


async def test_preflights_under_v1_need_no_token(http: httpx.AsyncClient) -> None:
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "DELETE"}
    response = await http.options("/v1/rooms/room", headers=asked)
    assert response.status_code == 204
    assert "Idempotency-Key" in response.headers["access-control-allow-headers"]


async def test_unknown_paths_and_methods_are_problems_too(http: httpx.AsyncClient) -> None:
    missing = await http.get("/v1/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "not-found")
    wrong = await http.put("/v1/rooms", headers=ADMIN)
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method-not-allowed")
    assert set(wrong.headers["allow"].split(", ")) == {"GET", "POST"}
