"""What a backend sees of a call of LiveKit clients, and does to it, by /v1; and the calls of methods, by Twirp."""

from typing import Any

import httpx
import pytest

from api.settings import DEV_KEY, DEV_SECRET
from bench.server import ServerProcess
from clients.rest import SluiceClient
from clients.rest.models import ParticipantDetail, Subscription
from tests.interop.livekit.callers import call
from tests.interop.livekit.modes import each_mode
from tests.waiting import eventually

pytestmark = pytest.mark.interop


def rest(server: ServerProcess) -> SluiceClient:
    return SluiceClient(server.url, DEV_KEY, DEV_SECRET)


@each_mode
async def test_tracks_and_who_receives_them(server: ServerProcess, single: bool) -> None:
    room = f"tracks-{single}"
    async with rest(server) as sluice, call(server, room, "alice", "bob", single=single) as (alice, bob):
        sid = await alice.ask("publish_video", colour=[200, 40, 40])
        await bob.receives(sid)

        async def received() -> tuple[Subscription, ...]:
            return (await sluice.list_subscriptions(room, "bob")).items

        (subscription,) = await eventually(received, "bob is subscribed")
        assert (subscription.track.participant, subscription.track.source, subscription.paused) == (
            "alice",
            "camera",
            False,
        )
        assert [track async for track in sluice.list_tracks(room)] == [subscription.track]
        assert (subscription.track.id, subscription.track.codec) == (sid, "vp8")
        assert (subscription.track.width, subscription.track.height) == (320, 180)

        async def measured() -> ParticipantDetail | None:
            found = await sluice.get_participant(room, "alice")
            return found if found.stats is not None else None

        detail = await eventually(measured, "figures of alice")
        assert detail is not None
        assert detail.connection is not None
        assert (detail.kind, detail.state, detail.connection.problem) == ("member", "active", None)

        await sluice.update_subscriptions(room, "bob", unsubscribe=[sid])

        async def nothing() -> bool:
            return (await sluice.list_subscriptions(room, "bob")).items == ()

        await eventually(nothing, "bob is no longer subscribed")
        await sluice.update_subscriptions(room, "bob", subscribe=[sid])
        await bob.receives(sid)
        assert (await sluice.update_track(room, sid, muted=True)).muted


@each_mode
async def test_a_participant_is_described_anew(server: ServerProcess, single: bool) -> None:
    room = f"described-{single}"
    async with rest(server) as sluice, call(server, room, "alice", "bob", single=single) as (_, bob):
        await sluice.update_participant(room, "alice", name="Alice", attributes={"hand": "raised"})

        def described(state: dict[str, Any]) -> bool:
            alice = state["others"].get("alice", {})
            return bool(alice.get("name") == "Alice" and alice.get("attributes") == {"hand": "raised"})

        await bob.sees(described)
        assert await sluice.send_data(room, "begin", topic="notice", identities=["bob"]) == 1
        assert (await bob.told("data"))["text"] == "begin"


@each_mode
async def test_a_backend_calls_a_method(server: ServerProcess, single: bool) -> None:
    room = f"method-{single}"
    async with call(server, room, "alice", "bob", single=single) as (_, bob):
        await bob.ask("serve", method="backwards")
        async with rest(server) as sluice, httpx.AsyncClient(base_url=server.url) as http:
            token = (await sluice.mint_token("backend", {"room": room, "roomAdmin": True})).token
            path, headers = "/twirp/livekit.RoomService/PerformRpc", {"Authorization": f"Bearer {token}"}
            body = {"room": room, "destination_identity": "bob", "method": "backwards", "payload": "stressed"}
            answer = await http.post(path, json=body, headers=headers, timeout=30)
            assert (answer.status_code, answer.json()["payload"][-8:]) == (200, "desserts")
            unknown = await http.post(path, json=body | {"method": "unknown"}, headers=headers, timeout=30)
            assert (unknown.status_code, unknown.json()["code"]) == (501, "unimplemented")
