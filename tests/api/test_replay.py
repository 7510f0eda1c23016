"""Idempotency-Key on creates."""

import httpx
from starlette.responses import Response

from api.context import make_context
from api.replay import Replay
from api.schemas import RoomCreate
from tests.api.recording import (
    RecordingSfu,
    WallClock,
    admin_token,
    bearer,
    settings_for_tests,
    token,
)

ADMIN = bearer(admin_token())


async def create(http: httpx.AsyncClient, name: str, **headers: str) -> httpx.Response:
    return await http.post("/v1/rooms", json={"name": name}, headers=ADMIN | headers)


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


def test_without_a_key_every_reply_is_made(wall: WallClock, sfu: RecordingSfu) -> None:
    context = make_context(settings_for_tests(), sfu, clock=wall.monotonic, now=wall.now, relay=None)
    made: list[Response] = []

    def make() -> Response:
        made.append(Response())
        return made[-1]

    for key in (None, None, "k", "k"):
        Replay(context, "scope", key).once(RoomCreate(name="room"), make)
    assert len(made) == 3
