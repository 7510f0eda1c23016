"""Rooms under /v1."""

from typing import Any

import httpx
import pytest

from tests.api.recording import (
    admin_token,
    bearer,
)

ADMIN = bearer(admin_token())


async def create(http: httpx.AsyncClient, name: str, **headers: str) -> httpx.Response:
    return await http.post("/v1/rooms", json={"name": name}, headers=ADMIN | headers)


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


async def test_a_list_shows_only_what_the_token_names(http: httpx.AsyncClient) -> None:
    for name in ("a", "b"):
        await create(http, name)
    page = await http.get("/v1/rooms", headers=bearer(admin_token(room="b")))
    assert [room["name"] for room in page.json()["items"]] == ["b"]


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
        {"name": "a", "metadata": "x" * 65_537},
    ],
)
async def test_a_bad_room_request_is_422_and_says_where(http: httpx.AsyncClient, body: dict[str, Any]) -> None:
    response = await http.post("/v1/rooms", json=body, headers=ADMIN)
    assert (response.status_code, response.json()["code"]) == (422, "invalid-request")
    assert response.json()["errors"][0]["pointer"].startswith("body/")


async def test_metadata_is_changed(http: httpx.AsyncClient) -> None:
    created = (await create(http, "room")).json()
    changed = await http.patch("/v1/rooms/room", json={"metadata": "new"}, headers=ADMIN)
    assert (changed.status_code, changed.json()) == (200, created | {"metadata": "new"})
    assert (await http.patch("/v1/rooms/room", json={}, headers=ADMIN)).json() == changed.json()
    assert (await http.get("/v1/rooms/room", headers=ADMIN)).json() == changed.json()
    missing = await http.patch("/v1/rooms/none", json={"metadata": "x"}, headers=ADMIN)
    assert (missing.status_code, missing.json()["code"]) == (404, "room-not-found")
    for body in ({"name": "other"}, {"metadata": 1}, {"metadata": "\u00e4" * 32_769}):
        assert (await http.patch("/v1/rooms/room", json=body, headers=ADMIN)).status_code == 422


async def test_unknown_paths_and_methods_are_problems_too(http: httpx.AsyncClient) -> None:
    missing = await http.get("/v1/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "not-found")
    wrong = await http.put("/v1/rooms", headers=ADMIN)
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method-not-allowed")
    assert set(wrong.headers["allow"].split(", ")) == {"GET", "POST"}
