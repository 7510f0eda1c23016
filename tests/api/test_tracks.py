"""Tracks under /v1."""

import httpx
import pytest

from tests.api.recording import RecordedParticipant, RecordedRoom, RecordedTrack, RecordingSfu, WallClock
from tests.api.test_participants import ADMIN

ALICES = {
    "id": "TR_2",
    "kind": "video",
    "source": "camera",
    "name": "",
    "muted": False,
    "codec": "vp8",
    "width": 0,
    "height": 0,
    "simulcast": False,
    "participant": "alice",
}


@pytest.fixture(autouse=True)
def publishing(sfu: RecordingSfu, wall: WallClock) -> None:
    alice = RecordedParticipant("alice", "publisher", wall.now(), tracks=[RecordedTrack("TR_2"), RecordedTrack("TR_3")])
    bob = RecordedParticipant("bob", "publisher", wall.now(), tracks=[RecordedTrack("TR_1", "audio", "opus")])
    sfu.rooms.rooms["room"] = RecordedRoom("room", wall.now(), participants=[alice, bob])


async def test_tracks_are_listed_by_id(http: httpx.AsyncClient) -> None:
    listed = (await http.get("/v1/rooms/room/tracks", headers=ADMIN)).json()
    assert [(track["id"], track["participant"]) for track in listed["items"]] == [
        ("TR_1", "bob"),
        ("TR_2", "alice"),
        ("TR_3", "alice"),
    ]
    first = (await http.get("/v1/rooms/room/tracks?participant=alice&page_size=1", headers=ADMIN)).json()
    assert first["items"] == [ALICES]
    rest = (
        await http.get(f"/v1/rooms/room/tracks?participant=alice&page_token={first['next_page_token']}", headers=ADMIN)
    ).json()
    assert ([track["id"] for track in rest["items"]], rest["next_page_token"]) == (["TR_3"], None)
    assert (await http.get("/v1/rooms/room/tracks?page_token=%21", headers=ADMIN)).status_code == 400


async def test_a_track_is_found_by_its_id(http: httpx.AsyncClient) -> None:
    assert (await http.get("/v1/rooms/room/tracks/TR_2", headers=ADMIN)).json() == ALICES
    for path, code in (("room/tracks/TR_9", "track-not-found"), ("none/tracks/TR_2", "room-not-found")):
        for method in ("GET", "PATCH"):
            missing = await http.request(
                method, f"/v1/rooms/{path}", json={"muted": True} if method == "PATCH" else None, headers=ADMIN
            )
            assert (missing.status_code, missing.json()["code"]) == (404, code)


async def test_a_whip_publisher_cannot_be_muted(http: httpx.AsyncClient) -> None:
    refused = await http.patch("/v1/rooms/room/tracks/TR_2", json={"muted": True}, headers=ADMIN)
    assert (refused.status_code, refused.json()["code"]) == (409, "not-a-member")
