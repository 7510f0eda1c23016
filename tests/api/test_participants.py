"""Participants under /v1, and the grant that every route there takes."""

from typing import Any

import httpx
import pytest

from tests.api.recording import (
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
EVERYTHING = {
    "can_publish": True,
    "can_subscribe": True,
    "can_publish_data": True,
    "can_update_metadata": False,
    "can_subscribe_metrics": False,
    "hidden": False,
    "recorder": False,
    "agent": False,
    "sources": [],
}


def occupy(sfu: RecordingSfu, wall: WallClock, *identities: str) -> RecordedRoom:
    people = [RecordedParticipant(name, "publisher", wall.now(), id=f"pa_{name}") for name in identities]
    sfu.rooms.rooms["room"] = room = RecordedRoom("room", wall.now(), participants=people)
    return room


async def test_participants(http: httpx.AsyncClient, sfu: RecordingSfu, wall: WallClock) -> None:
    room = occupy(sfu, wall, "bob", "alice")
    room.participants[1].tracks = (RecordedTrack(),)
    page = (await http.get("/v1/rooms/room/participants", headers=ADMIN)).json()
    assert [participant["identity"] for participant in page["items"]] == ["alice", "bob"]
    assert page["items"][0]["attributes"] == {}
    assert page["items"][0]["permissions"] == EVERYTHING
    assert [(track["id"], track["kind"], track["codec"]) for track in page["items"][0]["tracks"]] == [
        ("TR_1", "video", "vp8")
    ]
    one = (await http.get("/v1/rooms/room/participants/alice", headers=ADMIN)).json()
    assert one["stats"]["rtt_ms"] == 12.5
    assert "192.0.2.1" not in str(one["stats"])
    assert (await http.delete("/v1/rooms/room/participants/alice", headers=ADMIN)).status_code == 204
    gone = await http.get("/v1/rooms/room/participants/alice", headers=ADMIN)
    assert (gone.status_code, gone.json()["code"]) == (404, "participant-not-found")


async def test_how_a_participant_gets_here_is_told(http: httpx.AsyncClient, sfu: RecordingSfu, wall: WallClock) -> None:
    occupy(sfu, wall, "alice")
    connection = (await http.get("/v1/rooms/room/participants/alice", headers=ADMIN)).json()["connection"]
    assert connection["path"] == {"protocol": "tls", "relayed": True}
    assert (connection["dtls"], connection["problem"]) == ("connected", None)
    (tried,) = connection["tried"]
    assert (tried["remote"], tried["client"], tried["via"]) == ("192.0.2.1:50000", "[2001:db8::7]:4242", "tls")
    assert tried["refused"] == {"bad-integrity": 1}
    assert connection["offered"] == [{"type": "relay", "protocol": "udp", "count": 1, "mdns": 0}]


@pytest.mark.parametrize("room", ["room", "ended"])
async def test_one_who_could_not_connect_is_still_found(
    http: httpx.AsyncClient, sfu: RecordingSfu, wall: WallClock, room: str
) -> None:
    occupy(sfu, wall, "bob")
    sfu.lost[room, "alice"] = RecordedParticipant("alice", "publisher", wall.now(), state="disconnected")
    one = (await http.get(f"/v1/rooms/{room}/participants/alice", headers=ADMIN)).json()
    assert (one["identity"], one["state"]) == ("alice", "disconnected")
    nobody = await http.get(f"/v1/rooms/{room}/participants/carol", headers=ADMIN)
    assert (nobody.status_code, nobody.json()["code"].endswith("-not-found")) == (404, True)


async def test_identities_may_hold_slashes(http: httpx.AsyncClient, sfu: RecordingSfu, wall: WallClock) -> None:
    occupy(sfu, wall, "team/alice")
    response = await http.get("/v1/rooms/room/participants/team%2Falice", headers=ADMIN)
    assert response.json()["identity"] == "team/alice"


async def test_what_is_given_is_changed_and_the_rest_is_not(
    http: httpx.AsyncClient, sfu: RecordingSfu, wall: WallClock
) -> None:
    occupy(sfu, wall, "alice")
    alice = "/v1/rooms/room/participants/alice"
    body = {
        "name": "Alice",
        "metadata": "m",
        "attributes": {"a": "1", "b": "2"},
        "permissions": {"can_publish": False, "sources": ["microphone", "camera"]},
    }
    changed = (await http.patch(alice, json=body, headers=ADMIN)).json()
    permissions = EVERYTHING | {"can_publish": False, "sources": ["camera", "microphone"]}
    assert changed | body | {"permissions": permissions} == changed
    assert (await http.get(alice, headers=ADMIN)).json() | changed == (await http.get(alice, headers=ADMIN)).json()
    again = (await http.patch(alice, json={"attributes": {"a": None, "b": "", "c": "3"}}, headers=ADMIN)).json()
    assert again == changed | {"attributes": {"c": "3"}}
    last = {"name": "", "permissions": {"can_publish": True, "sources": []}}
    assert (await http.patch(alice, json=last, headers=ADMIN)).json() == again | {"name": "", "permissions": EVERYTHING}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "\u00e4" * 129}, "name-too-long"),
        ({"metadata": "\u00e4" * 32_769}, "metadata-too-large"),
        ({"attributes": {"a": "x" * 65_536}}, "attributes-too-large"),
        ({"attributes": {str(number): "" for number in range(65)}}, "invalid-request"),
        ({"attributes": {"a": 1}}, "invalid-request"),
        ({"permissions": {"sources": ["window"]}}, "invalid-request"),
        ({"permissions": {"can_fly": True}}, "invalid-request"),
        ({"identity": "bob"}, "invalid-request"),
    ],
)
async def test_changes_that_cannot_be(
    http: httpx.AsyncClient, sfu: RecordingSfu, wall: WallClock, body: dict[str, Any], code: str
) -> None:
    occupy(sfu, wall, "alice")
    refused = await http.patch("/v1/rooms/room/participants/alice", json=body, headers=ADMIN)
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert (await http.get("/v1/rooms/room/participants/alice", headers=ADMIN)).json()["attributes"] == {}


async def test_nobody_is_changed_who_is_not_there(http: httpx.AsyncClient, sfu: RecordingSfu, wall: WallClock) -> None:
    occupy(sfu, wall, "alice")
    for path, code in (("room/participants/bob", "participant-not-found"), ("no/participants/alice", "room-not-found")):
        missing = await http.patch(f"/v1/rooms/{path}", json={"name": "x"}, headers=ADMIN)
        assert (missing.status_code, missing.json()["code"]) == (404, code)


ROOM = "/v1/rooms/room"
TO_OTHER = {"identity": "alice", "destination_room": "other"}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/rooms"): {"name": "new"},
    ("POST", "/v1/tokens"): {"identity": "x", "video": {"room": "room"}},
    ("PATCH", ROOM): {"metadata": "m"},
    ("PATCH", f"{ROOM}/participants/alice"): {"name": "x"},
    ("POST", f"{ROOM}/data"): {"text": "x"},
    ("PATCH", f"{ROOM}/tracks/TR_1"): {"muted": True},
    ("PATCH", f"{ROOM}/subscriptions/alice"): {"subscribe": ["TR_1"]},
    ("POST", f"{ROOM}/moves"): TO_OTHER,
    ("POST", f"{ROOM}/forwards"): TO_OTHER,
}
# Of those who have not joined a call.
NOT_A_MEMBER = ("/tracks/TR_1", "/subscriptions/alice", "/moves", "/forwards")


@pytest.mark.parametrize(
    ("method", "path", "grants"),
    [
        ("POST", "/v1/rooms", {"room_create": False}),
        ("POST", "/v1/rooms", {"room": "other"}),
        ("GET", "/v1/rooms", {"room_list": False}),
        ("GET", ROOM, {"room_list": False, "room_admin": False}),
        ("DELETE", ROOM, {"room_create": False}),
        ("DELETE", ROOM, {"room": "other"}),
        ("POST", "/v1/tokens", {"room_admin": False}),
        ("POST", "/v1/tokens", {"room": "other"}),
        ("POST", f"{ROOM}/moves", {"room": "room"}),
        ("POST", f"{ROOM}/moves", {"room": "room", "destination_room": "third"}),
        ("POST", f"{ROOM}/forwards", {"room": "room"}),
        *(
            (method, f"{ROOM}{path}", grants)
            for method, path in (
                ("PATCH", ""),
                ("GET", "/participants"),
                ("GET", "/participants/alice"),
                ("PATCH", "/participants/alice"),
                ("DELETE", "/participants/alice"),
                ("GET", "/tracks"),
                ("GET", "/tracks/TR_1"),
                ("PATCH", "/tracks/TR_1"),
                ("GET", "/subscriptions/alice"),
                ("PATCH", "/subscriptions/alice"),
                ("POST", "/data"),
                ("POST", "/moves"),
                ("POST", "/forwards"),
                ("GET", "/figures"),
            )
            for grants in ({"room_admin": False}, {"room": "other"})
        ),
    ],
)
async def test_every_route_takes_its_grant(
    http: httpx.AsyncClient, sfu: RecordingSfu, wall: WallClock, method: str, path: str, grants: dict[str, Any]
) -> None:
    occupy(sfu, wall, "alice").participants[0].tracks = (RecordedTrack(),)
    sent = BODIES.get((method, path))
    refused = await http.request(method, path, json=sent, headers=bearer(admin_token(**grants)))
    assert (refused.status_code, refused.json()["code"]) == (403, "not-permitted")
    assert (await http.request(method, path, json=sent)).status_code == 401
    done = await http.request(method, path, json=sent, headers=ADMIN)
    if path.endswith(NOT_A_MEMBER) and (method, path) != ("GET", f"{ROOM}/tracks/TR_1"):
        assert (done.status_code, done.json()["code"]) == (409, "not-a-member")
    else:
        assert done.is_success


@pytest.mark.parametrize(("method", "path"), BODIES)
async def test_bodies_are_looked_at_for_those_with_a_grant(
    http: httpx.AsyncClient, sfu: RecordingSfu, wall: WallClock, method: str, path: str
) -> None:
    """There may be much wrong with them, and each fault costs."""
    occupy(sfu, wall, "alice")
    wrong = {str(number): 0 for number in range(100)}
    participant = bearer(token("alice"))
    assert (await http.request(method, path, json=wrong, headers=participant)).status_code == 403
    refused = await http.request(method, path, json=wrong, headers=ADMIN)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-request")
    assert len(refused.json()["errors"]) <= 20


@pytest.mark.parametrize(("method", "path"), BODIES)
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 422),
        (b"[" * 100_000, "application/json", 400),
        (b'{"attributes":' * 50_000, "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[]", "application/json", 422),
        (b"{}", "text/plain", 422),
        (b"x" * (1 << 20 | 1), "application/json", 413),
    ],
)
async def test_bodies_that_nobody_should_send(
    http: httpx.AsyncClient,
    sfu: RecordingSfu,
    wall: WallClock,
    method: str,
    path: str,
    body: bytes,
    content_type: str,
    status: int,
) -> None:
    occupy(sfu, wall, "alice")
    refused = await http.request(method, path, content=body, headers=ADMIN | {"Content-Type": content_type})
    assert refused.status_code == status
    assert refused.headers["content-type"] == "application/problem+json"
