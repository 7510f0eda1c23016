"""Subscriptions and mutes by /v1, with real members of a call."""

from livekit.protocol import models, rtc

from tests.api.livekit.backend import backend, joined, told
from tests.api.livekit.calling import Server

MICROPHONE = rtc.AddTrackRequest(cid="mic", name="m", type=models.TrackType.AUDIO, source=models.TrackSource.MICROPHONE)
ALICE = "/v1/rooms/room/subscriptions/alice"


async def test_subscriptions_are_chosen(server: Server) -> None:
    async with joined(server, "alice"), backend(server) as http:
        changed = await http.patch(ALICE, json={"subscribe": ["TR_a", "TR_b"], "unsubscribe": ["TR_b", "TR_c"]})
        assert (changed.status_code, changed.json()) == (200, {"items": []})
        member = server.sfu.member("room", "alice")
        assert member is not None
        assert [member.interest.asked_for(track) for track in ("TR_a", "TR_b")] == [True, True]
        assert not member.interest.wants("TR_c")
        assert (await http.get(ALICE)).json() == {"items": []}
        bodies: list[dict[str, list[str]]] = [
            {"subscribe": ["x" * 65]},
            {"subscribe": [""]},
            {"subscribe": ["TR_a"] * 4097},
            {"tracks": []},
        ]
        for body in bodies:
            assert told(await http.patch(ALICE, json=body)) == (422, "invalid-request")
        assert told(await http.get("/v1/rooms/room/subscriptions/bob")) == (404, "participant-not-found")


async def test_a_track_is_muted_before_it_has_media(server: Server) -> None:
    async with joined(server, "alice") as alice, backend(server) as http:
        await alice.send(add_track=MICROPHONE)
        track = f"/v1/rooms/room/tracks/{(await alice.expect('track_published')).track.sid}"
        found = (await http.get(track)).json()
        assert (found["participant"], found["source"], found["name"], found["muted"], found["codec"]) == (
            "alice",
            "microphone",
            "m",
            False,
            "",
        )
        assert (await http.patch(track, json={"muted": True})).json() == found | {"muted": True}
        assert (await alice.expect("mute")).muted
        assert told(await http.patch(track, json={"muted": False})) == (422, "unmute-not-allowed")
