"""Twirp's rules, whatever the service: content types, errors, limits, and bodies nobody should send."""

import json
from contextlib import suppress
from typing import Any

import httpx
import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol import models
from livekit.protocol import room as proto

from api.app import create_app
from api.livekit.twirp import STATUS_BY_CODE, TwirpError, error_response, read_json, read_protobuf, refusal
from sfu.errors import Conflict, Malformed, NotFound, Overloaded, Rejected, SfuError
from tests.api.recording import (
    RecordedParticipant,
    RecordedRoom,
    RecordingSfu,
    WallClock,
    admin_token,
    bearer,
    settings_for_tests,
    token,
)

CREATE = "/twirp/livekit.RoomService/CreateRoom"
ADMIN = bearer(admin_token())
PROTOBUF = {"Content-Type": "application/protobuf"} | ADMIN
JSON = {"Content-Type": "application/json"} | ADMIN


def told(response: httpx.Response) -> tuple[int, str]:
    """Errors are JSON, whatever the request was."""
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert set(response.json()) <= {"code", "msg", "meta"}
    return response.status_code, response.json()["code"]


async def test_what_is_asked_in_protobuf_is_answered_in_it(http: httpx.AsyncClient) -> None:
    request = proto.CreateRoomRequest(name="room", max_participants=7)
    response = await http.post(CREATE, content=request.SerializeToString(), headers=PROTOBUF)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/protobuf")
    room = models.Room.FromString(response.content)
    assert (room.name, room.max_participants) == ("room", 7)


@pytest.mark.parametrize("spelling", ["max_participants", "maxParticipants"])
async def test_what_is_asked_in_json_is_answered_in_it(http: httpx.AsyncClient, spelling: str) -> None:
    body = {"name": "room", spelling: 7, "somethingNew": {"a": [1]}}
    response = await http.post(CREATE, json=body, headers={**ADMIN, "Content-Type": "application/json; charset=utf-8"})
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    room = response.json()
    assert (room["name"], room["max_participants"], room["num_participants"]) == ("room", 7, 0)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic x"}, {"Authorization": "Bearer x"}])
async def test_a_token_is_required(http: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert told(await http.post(CREATE, json={"name": "room"}, headers=headers)) == (401, "unauthenticated")


async def test_bodies_are_read_for_those_with_a_grant(http: httpx.AsyncClient) -> None:
    participant = {**JSON, **bearer(token("alice"))}
    assert told(await http.post(CREATE, content=b"{", headers=participant)) == (401, "unauthenticated")


@pytest.mark.parametrize("people", [1, 120])
async def test_a_large_room_is_listed_whole(
    http: httpx.AsyncClient, sfu: RecordingSfu, wall: WallClock, people: int
) -> None:
    everyone = [RecordedParticipant(f"p{number}", "member", wall.now()) for number in range(people)]
    sfu.rooms.rooms["room"] = RecordedRoom("room", wall.now(), participants=everyone)
    path = "/twirp/livekit.RoomService/ListParticipants"
    listed = (await http.post(path, json={"room": "room"}, headers=ADMIN)).json()["participants"]
    request = proto.ListParticipantsRequest(room="room").SerializeToString()
    answer = proto.ListParticipantsResponse.FromString(
        (await http.post(path, content=request, headers=PROTOBUF)).content
    )
    assert [one["identity"] for one in listed] == [one.identity for one in answer.participants]
    assert [one["identity"] for one in listed] == [one.identity for one in everyone]


@pytest.mark.parametrize(
    ("method", "path", "content_type"),
    [
        ("GET", CREATE, "application/json"),
        ("DELETE", CREATE, "application/json"),
        ("POST", "/twirp/", "application/json"),
        ("POST", "/twirp/livekit.RoomService", "application/json"),
        ("POST", "/twirp/livekit.RoomService/", "application/json"),
        ("POST", "/twirp/livekit.RoomService/createroom", "application/json"),
        ("POST", "/twirp/livekit.RoomService/CreateRoom/", "application/json"),
        ("POST", "/twirp/livekit.Egress/StartEgress", "application/json"),
        ("POST", CREATE, "text/plain"),
        ("POST", CREATE, ""),
    ],
)
async def test_bad_routes(http: httpx.AsyncClient, method: str, path: str, content_type: str) -> None:
    headers = ADMIN | ({"Content-Type": content_type} if content_type else {})
    response = await http.request(method, path, content=b"{}", headers=headers)
    assert told(response) == (404, "bad_route")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"1",
        b"null",
        b'"room"',
        b"{",
        b"\xff",
        b'{"name": 1}',
        b'{"name": "\\ud800"}',
        b'{"metadata": "\\udfff"}',
        b'{"name": ["room"]}',
        b'{"max_participants": -1}',
        b'{"max_participants": NaN}',
        b'{"max_participants": 1e400}',
        b'{"max_participants": 99999999999999999999}',
        b'{"egress": {"tracks": 1}}',
        b'{"agents": {}}',
        b'{"tags": [1]}',
        b"[" * 100_000,
        b'{"egress":' * 100_000,
        b'{"tags": {"a": "b", "a": 1}}',
    ],
)
async def test_malformed_json(http: httpx.AsyncClient, sfu: RecordingSfu, body: bytes) -> None:
    assert told(await http.post(CREATE, content=body, headers=JSON)) == (400, "malformed")
    assert sfu.rooms.rooms == {}


@pytest.mark.parametrize("body", [b"\x0a", b"\xff" * 40, b"\x0a\x02\xff\xfe", b"\x0b" * 5_000, b"\x3a\xff\xff\xff\x7f"])
async def test_malformed_protobuf(http: httpx.AsyncClient, sfu: RecordingSfu, body: bytes) -> None:
    assert told(await http.post(CREATE, content=body, headers=PROTOBUF)) == (400, "malformed")
    assert sfu.rooms.rooms == {}


async def test_bodies_have_a_limit(http: httpx.AsyncClient) -> None:
    for headers in (PROTOBUF, JSON):
        response = await http.post(CREATE, content=b"x" * (1 << 20 | 1), headers=headers)
        assert told(response) == (413, "resource_exhausted")


async def test_the_rate_is_limited(wall: WallClock) -> None:
    settings = settings_for_tests(address_rate=0.001, address_burst=1)
    app = create_app(settings, RecordingSfu(wall.now), clock=wall.monotonic, now=wall.now)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as http:
        assert (await http.post(CREATE, json={"name": "room"}, headers=ADMIN)).status_code == 200
        limited = await http.post(CREATE, json={"name": "room"})
        assert told(limited) == (429, "resource_exhausted")
        assert int(limited.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Malformed("m", "d"), "invalid_argument"),
        (Rejected("r", "d"), "invalid_argument"),
        (Rejected("unmute-not-allowed", "d"), "failed_precondition"),
        (Rejected("not-permitted", "d"), "permission_denied"),
        (NotFound("room-not-found", "d"), "not_found"),
        (Conflict("not-a-member", "d"), "failed_precondition"),
        (Conflict("identity-taken", "d"), "already_exists"),
        (Overloaded("room-full", "d", retry_after=3.2), "resource_exhausted"),
    ],
)
def test_refusals(error: SfuError, code: str) -> None:
    made = refusal(error)
    assert (made.code, made.text, made.meta) == (code, "d", {"problem": error.code})
    response = error_response(made)
    assert response.status_code == STATUS_BY_CODE[code]
    assert response.headers.get("retry-after") == ("4" if isinstance(error, Overloaded) else None)


REQUESTS = [kind for kind in vars(proto).values() if isinstance(kind, type) and issubclass(kind, Message)]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@given(st.sampled_from(REQUESTS), st.data())
def test_any_json_is_read_or_malformed(kind: type[Message], data: st.DataObject) -> None:
    names = st.sampled_from([field.json_name for field in kind.DESCRIPTOR.fields] or ["none"])
    value: dict[str, Any] = data.draw(st.dictionaries(names, VALUES, max_size=4))
    with suppress(TwirpError):
        assert isinstance(read_json(kind, json.dumps(value).encode()), kind)


@given(st.sampled_from(REQUESTS), st.binary(max_size=200))
def test_any_bytes_are_read_or_malformed(kind: type[Message], body: bytes) -> None:
    with suppress(TwirpError):
        assert isinstance(read_protobuf(kind, body), kind)
