"""RoomService as LiveKit's own server SDK calls it, over real HTTP, with participants whose media can flow."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from livekit import api
from livekit.protocol import models, rtc
from livekit.protocol import room as proto

from api.limits import MAX_PAYLOAD
from api.livekit import room_service
from api.livekit.room_service import RoomService
from tests.api.livekit.backend import joined
from tests.api.livekit.calling import WITHIN, Caller, Server, calling
from tests.api.recording import KEY, SECRET, admin_token, bearer

ROOM = "room"
MICROPHONE = rtc.AddTrackRequest(cid="mic", name="m", type=models.TrackType.AUDIO, source=models.TrackSource.MICROPHONE)


@pytest.fixture
async def sdk(server: Server) -> AsyncIterator[api.LiveKitAPI]:
    async with api.LiveKitAPI(server.http_url, KEY, SECRET) as client:
        yield client


async def refused(call: Coroutine[Any, Any, object]) -> tuple[str, int]:
    """Twirp's code, and the status."""
    with pytest.raises(api.TwirpError) as refusal:
        await call
    return refusal.value.code, refusal.value.status


async def test_rooms_come_and_go(sdk: api.LiveKitAPI, server: Server) -> None:
    wanted = api.CreateRoomRequest(name=ROOM, empty_timeout=60, departure_timeout=5, max_participants=7, metadata="m")
    room = await sdk.room.create_room(wanted)
    assert (room.name, room.empty_timeout, room.departure_timeout) == (ROOM, 60, 5)
    assert (room.max_participants, room.metadata, room.sid[:3]) == (7, "m", "RM_")
    again = await sdk.room.create_room(api.CreateRoomRequest(name=ROOM, metadata="other"))
    assert again == room
    await sdk.room.create_room(api.CreateRoomRequest(name="other"))
    assert {room.name for room in (await sdk.room.list_rooms(api.ListRoomsRequest())).rooms} == {ROOM, "other"}
    named = await sdk.room.list_rooms(api.ListRoomsRequest(names=["other", "none"]))
    assert [room.name for room in named.rooms] == ["other"]
    await sdk.room.delete_room(api.DeleteRoomRequest(room=ROOM))
    assert [room.name for room in server.sfu.rooms.list()] == ["other"]
    assert await refused(sdk.room.delete_room(api.DeleteRoomRequest(room=ROOM))) == ("not_found", 404)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (api.CreateRoomRequest(), "invalid_argument"),
        (api.CreateRoomRequest(name="a/b"), "invalid_argument"),
        (api.CreateRoomRequest(name="a", metadata="x" * 65_537), "invalid_argument"),
        (api.CreateRoomRequest(name="a", empty_timeout=4_000_000_000), "invalid_argument"),
        (api.CreateRoomRequest(name="a", egress=proto.RoomEgress()), "unimplemented"),
    ],
)
async def test_rooms_that_cannot_be(
    sdk: api.LiveKitAPI, server: Server, wanted: proto.CreateRoomRequest, code: str
) -> None:
    assert (await refused(sdk.room.create_room(wanted)))[0] == code
    assert list(server.sfu.rooms.list()) == []


async def test_everybody_is_told_the_rooms_metadata(sdk: api.LiveKitAPI, server: Server) -> None:
    async with joined(server, "alice") as alice:
        room = await sdk.room.update_room_metadata(api.UpdateRoomMetadataRequest(room=ROOM, metadata="new"))
        assert room.metadata == "new"
        assert (await alice.expect("room_update")).room.metadata == "new"


async def test_participants_are_listed_and_found(sdk: api.LiveKitAPI, server: Server) -> None:
    async with joined(server, "alice"), joined(server, "bob"):
        listed = await sdk.room.list_participants(api.ListParticipantsRequest(room=ROOM))
        assert [participant.identity for participant in listed.participants] == ["alice", "bob"]
        one = await sdk.room.get_participant(api.RoomParticipantIdentity(room=ROOM, identity="bob"))
        assert (one.identity, one.state, one.permission.can_publish) == ("bob", models.ParticipantInfo.JOINED, True)
        for room, identity in ((ROOM, "carol"), ("none", "alice")):
            nobody = api.RoomParticipantIdentity(room=room, identity=identity)
            assert await refused(sdk.room.get_participant(nobody)) == ("not_found", 404)


async def test_whoever_is_removed_hears_it(sdk: api.LiveKitAPI, server: Server) -> None:
    async with joined(server, "alice") as alice:
        await sdk.room.remove_participant(api.RoomParticipantIdentity(room=ROOM, identity="alice"))
        assert (await alice.expect("leave")).reason == models.DisconnectReason.PARTICIPANT_REMOVED
        gone = api.RoomParticipantIdentity(room=ROOM, identity="alice")
        assert await refused(sdk.room.remove_participant(gone)) == ("not_found", 404)


async def test_a_revocation_is_not_promised(sdk: api.LiveKitAPI, server: Server) -> None:
    async with joined(server, "alice"):
        revoked = api.RoomParticipantIdentity(room=ROOM, identity="alice", revoke_token_ts=1)
        assert await refused(sdk.room.remove_participant(revoked)) == ("unimplemented", 501)
        assert server.sfu.member(ROOM, "alice") is not None


async def test_tracks_are_muted(sdk: api.LiveKitAPI, server: Server) -> None:
    async with joined(server, "alice") as alice:
        await alice.send(add_track=MICROPHONE)
        sid = (await alice.expect("track_published")).track.sid
        mute = api.MuteRoomTrackRequest(room=ROOM, identity="alice", track_sid=sid, muted=True)
        answer = await sdk.room.mute_published_track(mute)
        assert (answer.track.sid, answer.track.muted) == (sid, True)
        told = await alice.expect("mute")
        assert (told.sid, told.muted) == (sid, True)
        mute.muted = False
        assert await refused(sdk.room.mute_published_track(mute)) == ("failed_precondition", 412)
        mute.track_sid = "TR_none"
        assert await refused(sdk.room.mute_published_track(mute)) == ("not_found", 404)


async def test_participants_are_updated(sdk: api.LiveKitAPI, server: Server) -> None:
    async with joined(server, "alice") as alice:
        change = api.UpdateParticipantRequest(
            room=ROOM, identity="alice", name="Alice", metadata="m", attributes={"a": "1", "b": "2"}
        )
        info = await sdk.room.update_participant(change)
        assert (info.name, info.metadata, dict(info.attributes)) == ("Alice", "m", {"a": "1", "b": "2"})
        rights = api.ParticipantPermission(
            can_publish=True, can_publish_sources=[models.TrackSource.CAMERA], can_subscribe=False
        )
        change = api.UpdateParticipantRequest(
            room=ROOM, identity="alice", attributes={"a": "", "c": "3"}, permission=rights
        )
        info = await sdk.room.update_participant(change)
        assert (info.name, info.metadata, dict(info.attributes)) == ("Alice", "m", {"b": "2", "c": "3"})
        assert info.permission == rights
        await alice.send(add_track=MICROPHONE)
        assert (await alice.expect("request_response")).reason == rtc.RequestResponse.NOT_ALLOWED
        large = api.UpdateParticipantRequest(room=ROOM, identity="alice", attributes={"d": "x" * 65_537})
        assert await refused(sdk.room.update_participant(large)) == ("invalid_argument", 400)
        assert server.sfu.rooms.get(ROOM).with_identity("alice")[0].attributes == {"b": "2", "c": "3"}


async def test_subscriptions_are_updated(sdk: api.LiveKitAPI, server: Server) -> None:
    async with joined(server, "alice"):
        wish = api.UpdateSubscriptionsRequest(
            room=ROOM,
            identity="alice",
            track_sids=["TR_a"],
            participant_tracks=[models.ParticipantTracks(participant_sid="PA_b", track_sids=["TR_b"])],
            subscribe=False,
        )
        await sdk.room.update_subscriptions(wish)
        member = server.sfu.member(ROOM, "alice")
        assert member is not None
        assert not member.interest.wants("TR_a")
        assert not member.interest.wants("TR_b")
        assert member.interest.wants("TR_c")
        many = api.UpdateSubscriptionsRequest(room=ROOM, identity="alice", track_sids=[f"{n}" for n in range(4097)])
        assert await refused(sdk.room.update_subscriptions(many)) == ("invalid_argument", 400)


async def heard(caller: Caller) -> tuple[str, models.DataPacket]:
    async with asyncio.timeout(WITHIN):
        return await caller.heard.get()


async def test_data_arrives(sdk: api.LiveKitAPI, server: Server) -> None:
    async with calling(server, "alice") as alice, calling(server, "bob") as bob:
        everybody = api.SendDataRequest(room=ROOM, data=b"all", topic="t")
        await sdk.room.send_data(everybody)
        for caller in (alice, bob):
            label, packet = await heard(caller)
            assert (label, packet.kind, packet.user.payload) == ("_reliable", models.DataPacket.RELIABLE, b"all")
            assert (packet.user.topic, packet.participant_identity) == ("t", "")
            assert packet.user.nonce == everybody.nonce
        lossy = api.SendDataRequest(
            room=ROOM, data=b"bob", kind=models.DataPacket.LOSSY, destination_identities=["bob", "carol"]
        )
        await sdk.room.send_data(lossy)
        label, packet = await heard(bob)
        assert (label, packet.user.payload, packet.user.HasField("topic")) == ("_lossy", b"bob", False)
        await sdk.room.send_data(api.SendDataRequest(room=ROOM, data=b"by id", destination_sids=[alice.id]))
        assert (await heard(alice))[1].user.payload == b"by id"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"data": b"x" * (MAX_PAYLOAD + 1)}, "invalid_argument"),
        ({"topic": "x" * 257}, "invalid_argument"),
        ({"destination_identities": ["x"] * 1001}, "invalid_argument"),
        ({"room": "none"}, "not_found"),
    ],
)
async def test_data_that_is_not_sent(sdk: api.LiveKitAPI, server: Server, values: dict[str, Any], code: str) -> None:
    async with joined(server, "alice"):
        request = api.SendDataRequest(**({"room": ROOM} | values))
        assert (await refused(sdk.room.send_data(request)))[0] == code


async def test_a_participant_is_moved(sdk: api.LiveKitAPI, server: Server) -> None:
    async with joined(server, "alice") as alice:
        move = api.MoveParticipantRequest(room=ROOM, identity="alice", destination_room="other")
        await sdk.room.move_participant(move)
        assert (await alice.expect("room_moved")).room.name == "other"
        assert server.sfu.member("other", "alice") is not None
        assert await refused(sdk.room.move_participant(move)) == ("not_found", 404)
        move.room = "other"
        assert await refused(sdk.room.move_participant(move)) == ("invalid_argument", 400)


async def test_a_participant_is_forwarded(sdk: api.LiveKitAPI, server: Server) -> None:
    async with joined(server, "alice"):
        forward = api.ForwardParticipantRequest(room=ROOM, identity="alice", destination_room="other")
        await sdk.room.forward_participant(forward)
        (image,) = server.sfu.rooms.get("other").participants
        assert (image.identity, image.kind) == ("alice", "forwarded")
        assert await refused(sdk.room.forward_participant(forward)) == ("already_exists", 409)


Answer = Callable[[models.DataPacket], list[models.DataPacket]]


def ack(request: models.DataPacket) -> models.DataPacket:
    return models.DataPacket(
        rpc_ack=models.RpcAck(request_id=request.rpc_request.id),
        destination_identities=[request.participant_identity],
    )


def response(request: models.DataPacket, **values: Any) -> models.DataPacket:
    return models.DataPacket(
        rpc_response=models.RpcResponse(request_id=request.rpc_request.id, **values),
        destination_identities=[request.participant_identity],
    )


async def perform(server: Server, caller: Caller, answer: Answer, timeout_ms: int = 20_000) -> httpx.Response:
    """A backend calls a method, and the participant says what `answer` makes of it."""
    body = {
        "room": ROOM,
        "destinationIdentity": "alice",
        "method": "greet",
        "payload": "hi",
        "responseTimeoutMs": timeout_ms,
    }
    headers = bearer(admin_token(now=datetime.now(UTC)))
    async with httpx.AsyncClient(base_url=server.http_url, timeout=WITHIN) as http:
        asked = asyncio.create_task(http.post("/twirp/livekit.RoomService/PerformRpc", json=body, headers=headers))
        label, request = await heard(caller)
        assert (label, request.rpc_request.method, request.rpc_request.payload) == ("_reliable", "greet", "hi")
        assert (request.rpc_request.version, request.rpc_request.response_timeout_ms) == (1, timeout_ms)
        for packet in answer(request):
            await caller.say("_reliable", packet)
        return await asked


@pytest.mark.parametrize(
    ("answer", "status", "told"),
    [
        (lambda request: [ack(request), response(request, payload="hello")], 200, {"payload": "hello"}),
        (lambda request: [response(request, payload="hello")], 200, {"payload": "hello"}),
        (
            lambda request: [ack(request), response(request, error=models.RpcError(code=1400, message="no"))],
            501,
            {"code": "unimplemented", "msg": "no", "meta": {"rpc_code": "1400", "rpc_message": "no", "rpc_data": ""}},
        ),
        (
            lambda request: [ack(request), response(request, error=models.RpcError(code=7, message="m", data="d"))],
            409,
            {"code": "aborted", "msg": "m", "meta": {"rpc_code": "7", "rpc_message": "m", "rpc_data": "d"}},
        ),
    ],
)
async def test_a_method_is_called(server: Server, answer: Answer, status: int, told: dict[str, Any]) -> None:
    async with calling(server, "alice") as alice:
        answered = await perform(server, alice, answer)
        assert (answered.status_code, answered.json()) == (status, told)


@pytest.mark.parametrize(
    ("answer", "timeout_ms", "code"),
    [(lambda request: [], 300, "1501"), (lambda request: [ack(request)], 3_000, "1502")],
)
async def test_a_method_that_is_not_answered(server: Server, answer: Answer, timeout_ms: int, code: str) -> None:
    async with calling(server, "alice") as alice:
        answered = await perform(server, alice, answer, timeout_ms)
        assert (answered.status_code, answered.json()["meta"]["rpc_code"]) == (408, code)


async def test_somebody_else_cannot_answer(server: Server) -> None:
    async with calling(server, "alice") as alice, calling(server, "bob") as bob:
        forged: asyncio.Future[models.DataPacket] = asyncio.get_running_loop().create_future()

        def answer(request: models.DataPacket) -> list[models.DataPacket]:
            forged.set_result(response(request, payload="answer"))
            return [ack(request)]

        asked = asyncio.create_task(perform(server, alice, answer))
        async with asyncio.timeout(WITHIN):
            packet = await forged
        await bob.say("_reliable", packet)
        await bob.say("_reliable", models.DataPacket(user=models.UserPacket(payload=b"after")))
        assert (await heard(alice))[1].user.payload == b"after"
        assert not asked.done()
        await alice.say("_reliable", packet)
        assert (await asked).json() == {"payload": "answer"}


async def test_who_leaves_does_not_answer(server: Server) -> None:
    async with calling(server, "alice") as alice:
        member = server.sfu.member(ROOM, "alice")
        assert member is not None

        def leave(_: models.DataPacket) -> list[models.DataPacket]:
            member.close()
            return []

        answered = await perform(server, alice, leave)
        assert (answered.status_code, answered.json()["meta"]["rpc_code"]) == (503, "1503")


ONES_OWN: dict[str, Any] = {"room_admin": True, "room_join": False}


@pytest.mark.parametrize(
    ("method", "body", "grants"),
    [
        ("CreateRoom", {"name": ROOM}, {"room_list": True, "room_admin": True}),
        ("CreateRoom", {"name": "other"}, {"room_create": True, "room": ROOM}),
        ("ListRooms", {}, {"room_create": True}),
        ("DeleteRoom", {"room": ROOM}, {"room_admin": True}),
        ("MoveParticipant", {"room": ROOM, "destination_room": "other"}, ONES_OWN),
        ("ForwardParticipant", {"room": ROOM, "destination_room": "b"}, ONES_OWN | {"destination_room": "other"}),
        *(
            (method, {"room": room}, grants)
            for method in (
                "ListParticipants",
                "GetParticipant",
                "RemoveParticipant",
                "MutePublishedTrack",
                "UpdateParticipant",
                "UpdateSubscriptions",
                "SendData",
                "UpdateRoomMetadata",
                "ForwardParticipant",
                "MoveParticipant",
                "PerformRpc",
            )
            for room, grants in (("other", ONES_OWN), (ROOM, {"room_create": True, "room_list": True}))
        ),
    ],
)
async def test_every_method_takes_its_grant(
    http: httpx.AsyncClient, method: str, body: dict[str, Any], grants: dict[str, Any]
) -> None:
    await http.post("/v1/rooms", json={"name": ROOM}, headers=bearer(admin_token()))
    nothing = {"room_admin": False, "room_create": False, "room_list": False, "room": ROOM}
    headers = bearer(admin_token(**(nothing | grants)))
    refusal = await http.post(f"/twirp/livekit.RoomService/{method}", json=body, headers=headers)
    assert (refusal.status_code, refusal.json()["code"]) == (401, "unauthenticated")


def test_every_method_of_the_service_is_there(app: FastAPI) -> None:
    described = proto.DESCRIPTOR.services_by_name["RoomService"]
    made = RoomService(app.state.context, app.state.server_data).methods
    assert described.full_name == room_service.NAME
    assert {name: method.request.DESCRIPTOR for name, method in made.items()} == {
        method.name: method.input_type for method in described.methods
    }
