"""The client against the server, in every operation that this has."""

import inspect
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from livekit.protocol import models as livekit
from livekit.protocol import rtc

from api.app import create_app
from api.tokens import verify
from clients.rest import ApiError, SluiceClient, models
from tests.api.livekit.calling import Client, access, calling, serving
from tests.api.recording import (
    KEY,
    SECRET,
    RecordedParticipant,
    RecordedRoom,
    RecordedTrack,
    RecordingRelay,
    RecordingSfu,
    WallClock,
    settings_for_tests,
)

MICROPHONE = rtc.AddTrackRequest(
    cid="mic", name="m", type=livekit.TrackType.AUDIO, source=livekit.TrackSource.MICROPHONE
)


@pytest.fixture
def wall() -> WallClock:
    return WallClock()


@pytest.fixture
def sfu(wall: WallClock) -> RecordingSfu:
    return RecordingSfu(wall.now)


@pytest.fixture
def app(sfu: RecordingSfu, wall: WallClock) -> FastAPI:
    settings = settings_for_tests(metrics_token="0123456789abcdef")
    return create_app(settings, sfu, clock=wall.monotonic, now=wall.now, relay=RecordingRelay())


@pytest.fixture
async def client(app: FastAPI, wall: WallClock) -> AsyncIterator[SluiceClient]:
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        SluiceClient("http://testserver", KEY, SECRET, transport=transport, now=wall.now) as client,
    ):
        yield client


def test_every_operation_has_its_method(app: FastAPI) -> None:
    """Those of WHIP and WHEP belong to media, and have clients of their own."""
    operations = [
        operation["operationId"]
        for path, item in app.openapi()["paths"].items()
        for operation in item.values()
        if not path.startswith(("/whip/", "/whep/"))
    ]
    named = {re.sub(r"[A-Z]", lambda capital: f"_{capital[0].lower()}", name) for name in operations}
    public = {name for name, _ in inspect.getmembers(SluiceClient, inspect.isfunction) if not name.startswith("_")}
    assert named == public - {"close"}


def test_every_answer_is_read_whole(app: FastAPI) -> None:
    schemas = app.openapi()["components"]["schemas"]
    named = {"TransportFigures": "Figures", "IceServer": "IceServerEntry"}
    bare = {"Model", "Status"}
    for name, model in inspect.getmembers(models, inspect.isclass):
        if issubclass(model, models.Model) and name not in bare:
            fields = {field.alias or key for key, field in model.model_fields.items()}
            assert fields == set(schemas[named.get(name, name)]["properties"]), name


async def test_rooms(client: SluiceClient) -> None:
    room = await client.create_room("a b", empty_timeout=60, departure_timeout=5, max_participants=7, metadata="m")
    assert (room.name, room.empty_timeout, room.departure_timeout) == ("a b", 60, 5)
    assert (room.max_participants, room.metadata, room.created_at) == (7, "m", datetime(2026, 11, 22, 12, tzinfo=UTC))
    for name in ("c", "d", "b"):
        await client.create_room(name)
    assert [room.name async for room in client.list_rooms(page_size=2)] == ["a b", "b", "c", "d"]
    changed = await client.update_room("a b", metadata="new")
    assert changed == await client.get_room("a b") == room.model_copy(update={"metadata": "new"})
    await client.delete_room("a b")
    with pytest.raises(ApiError) as error:
        await client.get_room("a b")
    assert (error.value.status, error.value.code) == (404, "room-not-found")


async def test_participants(client: SluiceClient, sfu: RecordingSfu, wall: WallClock) -> None:
    people = [
        RecordedParticipant(name, "publisher", wall.now(), tracks=[RecordedTrack(f"TR_{name}")])
        for name in ("team/bob", "alice", "carol")
    ]
    sfu.rooms.rooms["room"] = RecordedRoom("room", wall.now(), participants=people)
    listed = [participant async for participant in client.list_participants("room", page_size=1)]
    assert [participant.identity for participant in listed] == ["alice", "carol", "team/bob"]
    bob = await client.get_participant("room", "team/bob")
    assert (bob.identity, bob.tracks[0].codec) == ("team/bob", "vp8")
    assert bob.stats is not None
    assert bob.connection is not None
    assert (bob.stats.rtt_ms, bob.connection.tried[0].via) == (12.5, "tls")
    changed = await client.update_participant(
        "room", "team/bob", name="Bob", attributes={"a": "1"}, permissions={"can_publish": False, "sources": ["camera"]}
    )
    assert (changed.name, changed.metadata, changed.attributes) == ("Bob", "", {"a": "1"})
    assert (changed.permissions.can_publish, changed.permissions.sources) == (False, ("camera",))
    assert (await client.update_participant("room", "team/bob", attributes={"a": None})).attributes == {}
    assert [track.id async for track in client.list_tracks("room", page_size=2)] == [
        "TR_alice",
        "TR_carol",
        "TR_team/bob",
    ]
    assert [track.participant async for track in client.list_tracks("room", participant="alice")] == ["alice"]
    assert (await client.get_track("room", "TR_alice")).source == "camera"
    await client.remove_participant("room", "team/bob")
    assert len(sfu.rooms.get("room").participants) == 2


async def test_calls() -> None:
    """Members of a call are there with the real SFU only."""
    async with serving() as server, SluiceClient(server.http_url, KEY, SECRET) as client:
        async with calling(server, "bob") as bob:
            assert await client.send_data("room", "text", topic="t") == 1
            assert await client.send_data("room", b"\xff", reliable=False, identities=["bob"]) == 1
            heard = [await bob.heard.get() for _ in range(2)]
            assert {(label, packet.user.payload, packet.user.topic) for label, packet in heard} == {
                ("_reliable", b"text", "t"),
                ("_lossy", b"\xff", ""),
            }
            assert (await client.get_room_figures("room")).participants[0].identity == "bob"
        alice = Client(server, access("alice"))
        await alice.join()
        await alice.send(add_track=MICROPHONE)
        track_id = (await alice.expect("track_published")).track.sid
        assert (await client.update_track("room", track_id, muted=True)).muted
        assert (await client.get_track("room", track_id)).muted
        assert (
            await client.update_subscriptions("room", "alice", subscribe=["TR_a"], unsubscribe=["TR_b"])
        ).items == ()
        assert (await client.list_subscriptions("room", "alice")).items == ()
        assert (await client.forward_participant("room", "alice", "second")).kind == "forwarded"
        moved = await client.move_participant("room", "alice", "third")
        assert (moved.identity, moved.kind) == ("alice", "member")
        assert [room.name async for room in client.list_rooms()] == ["room", "second", "third"]
        await alice.close()


async def test_tokens(client: SluiceClient, wall: WallClock) -> None:
    video = {"roomJoin": True, "room": "room", "canPublish": False, "agent": True}
    minted = await client.mint_token(
        "alice", video, name="Alice", attributes={"a": "1"}, kind="agent", ttl=timedelta(minutes=5)
    )
    assert (minted.identity, minted.expires_at - wall.now()) == ("alice", timedelta(minutes=5))
    token = verify(minted.token, {KEY: SECRET}, wall.now())
    assert (token.identity, token.name, dict(token.attributes), token.kind) == ("alice", "Alice", {"a": "1"}, "agent")
    assert (token.may_publish("room"), token.may_subscribe("room")) == (False, True)
    assert minted.token not in repr(minted)
    everything: dict[str, Any] = {"roomCreate": True, "roomList": True, "roomAdmin": True, "roomRecord": True}
    await client.mint_token("backend", everything | {"ingressAdmin": True, "canManageAgentSession": True})
    configured = await client.mint_token("alice", video, room_config={"emptyTimeout": 7})
    assert verify(configured.token, {KEY: SECRET}, wall.now()).room_config is not None


async def test_the_server(client: SluiceClient) -> None:
    assert (await client.get_health()).status == "ok"
    assert (await client.get_readiness()).status == "ready"
    assert (await client.get_server()).rooms == 0
    assert (await client.get_ice_servers("room", "alice")).ice_servers == ()
    assert "sluice_rooms" in await client.get_metrics("0123456789abcdef")
    with pytest.raises(ApiError):
        await client.get_metrics()


@pytest.mark.parametrize("name", ["", ".", ".."])
async def test_names_that_would_make_another_resource(client: SluiceClient, sfu: RecordingSfu, name: str) -> None:
    await client.create_room("room")
    with pytest.raises(ValueError, match="URL"):
        await client.remove_participant("room", name)
    with pytest.raises(ValueError, match="URL"):
        await client.delete_room(name)
    assert list(sfu.rooms.rooms) == ["room"]
