"""Moving and forwarding participants by /v1, with real members of a call."""

import pytest

from tests.api.livekit.backend import backend, joined, told
from tests.api.livekit.calling import Server

BODY = {"identity": "team/alice", "destination_room": "break out"}


async def test_a_participant_is_moved(server: Server) -> None:
    async with joined(server, "team/alice") as alice, backend(server) as http:
        moved = await http.post("/v1/rooms/room/moves", json=BODY, headers={"Idempotency-Key": "k"})
        assert (moved.status_code, moved.headers["location"]) == (
            201,
            "/v1/rooms/break%20out/participants/team%2Falice",
        )
        assert (moved.json()["identity"], moved.json()["kind"]) == ("team/alice", "member")
        assert (await alice.expect("room_moved")).room.name == "break out"
        assert (await http.get(moved.headers["location"])).json()["id"] == moved.json()["id"] == alice.id
        again = await http.post("/v1/rooms/room/moves", json=BODY, headers={"Idempotency-Key": "k"})
        assert (again.status_code, again.content) == (201, moved.content)
        assert told(await http.post("/v1/rooms/room/moves", json=BODY)) == (404, "participant-not-found")


async def test_a_participant_is_forwarded(server: Server) -> None:
    async with joined(server, "team/alice"), backend(server) as http:
        forwarded = await http.post("/v1/rooms/room/forwards", json=BODY)
        assert forwarded.status_code == 201
        image = (await http.get(forwarded.headers["location"])).json()
        assert (image["identity"], image["kind"]) == ("team/alice", "forwarded")
        assert (await http.get("/v1/rooms/room/participants/team%2Falice")).json()["kind"] == "member"
        assert told(await http.post("/v1/rooms/room/forwards", json=BODY)) == (409, "identity-taken")
        assert (await http.delete(forwarded.headers["location"])).status_code == 204
        assert (await http.get("/v1/rooms/room/participants/team%2Falice")).status_code == 200


@pytest.mark.parametrize("what", ["moves", "forwards"])
async def test_transfers_that_cannot_be(server: Server, what: str) -> None:
    async with joined(server, "alice"), backend(server) as http:
        for body, status, code in (
            ({"identity": "alice", "destination_room": "room"}, 409, "same-room"),
            ({"identity": "bob", "destination_room": "other"}, 404, "participant-not-found"),
            ({"identity": "alice", "destination_room": "a/b"}, 422, "invalid-request"),
            ({"identity": "alice"}, 422, "invalid-request"),
        ):
            assert told(await http.post(f"/v1/rooms/room/{what}", json=body)) == (status, code)
