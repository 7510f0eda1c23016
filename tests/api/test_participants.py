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
)

ADMIN = bearer(admin_token())


def occupy(sfu: RecordingSfu, wall: WallClock, *identities: str) -> RecordedRoom:
    people = [RecordedParticipant(name, "publisher", wall.now(), id=f"pa_{name}") for name in identities]
    sfu.rooms.rooms["room"] = room = RecordedRoom("room", wall.now(), participants=people)
    return room


async def test_participants(http: httpx.AsyncClient, sfu: RecordingSfu, wall: WallClock) -> None:
    room = occupy(sfu, wall, "bob", "alice")
    room.participants[1].tracks = (RecordedTrack(),)
    page = (await http.get("/v1/rooms/room/participants", headers=ADMIN)).json()
    assert [participant["identity"] for participant in page["items"]] == ["alice", "bob"]
    assert page["items"][0]["tracks"] == [{"id": "TR_1", "kind": "video", "codec": "vp8"}]
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
