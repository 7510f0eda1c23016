"""What a backend does to a call of LiveKit clients, by LiveKit's own server SDK."""

import json

import pytest
from livekit.api import (
    CreateRoomRequest,
    DeleteRoomRequest,
    ForwardParticipantRequest,
    MoveParticipantRequest,
    MuteRoomTrackRequest,
    ParticipantPermission,
    RoomParticipantIdentity,
    SendDataRequest,
    TwirpError,
    UpdateParticipantRequest,
    UpdateRoomMetadataRequest,
    UpdateSubscriptionsRequest,
)
from livekit.protocol.models import DataPacket
from livekit.rtc import DisconnectReason

from bench.server import ServerProcess
from tests.interop.livekit.backend import backend
from tests.interop.livekit.callers import call
from tests.interop.livekit.modes import each_mode
from tests.interop.livekit.test_media import BLUE, RED, shows, sounds
from tests.interop.livekit.watching import interruptions, stops

# The secret of --dev is short, and LiveKit's SDK says so.
pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")]


@each_mode
async def test_permissions_are_taken_and_given_back(server: ServerProcess, single: bool) -> None:
    room = f"permissions-{single}"
    async with backend(server) as livekit, call(server, room, "alice", "bob", single=single) as (alice, bob):

        async def permit(identity: str, **given: bool) -> None:
            permission = ParticipantPermission(can_publish=True, can_subscribe=True, can_publish_data=True)
            for name, permitted in given.items():
                setattr(permission, name, permitted)
            await livekit.room.update_participant(
                UpdateParticipantRequest(room=room, identity=identity, permission=permission)
            )

        face = await alice.ask("publish_video", colour=RED)
        his = await bob.ask("publish_video", colour=BLUE)
        await bob.receives(face, matching=shows(RED))
        await alice.receives(his, matching=shows(BLUE))
        await permit("alice", can_publish=False)
        await alice.told("participant_permissions_changed")
        await bob.told("track_unpublished", lambda event: face in event["about"])
        await bob.sees(lambda state: state["others"]["alice"]["tracks"] == {})
        await alice.receives(his, matching=shows(BLUE))
        with pytest.raises(RuntimeError):
            await alice.ask("publish_video", colour=RED)
        await permit("alice", can_subscribe=False)
        await stops(alice, his)
        await permit("alice", can_publish_data=False)
        await alice.receives(his, matching=shows(BLUE))
        await alice.ask("send", payload="unheard")
        await permit("alice")
        await alice.told("participant_permissions_changed", lambda event: "can_publish_data: true" in str(event))
        await alice.ask("send", payload="heard")
        await bob.told("data", lambda event: event["text"] == "heard")
        assert not [event for event in bob.events if event.get("text") == "unheard"]
        again = await alice.ask("publish_video", colour=RED)
        await bob.receives(again, matching=shows(RED))
        assert not interruptions(alice)


@each_mode
async def test_who_is_removed_is_out_and_stays_out(server: ServerProcess, single: bool) -> None:
    room = f"kick-{single}"
    async with backend(server) as livekit, call(server, room, "alice", "bob", "carol", single=single) as callers:
        alice, bob, carol = callers
        face = await carol.ask("publish_video", colour=RED)
        await bob.receives(face)
        await livekit.room.remove_participant(RoomParticipantIdentity(room=room, identity="alice"))
        assert (await alice.told("disconnected"))["about"] == [DisconnectReason.PARTICIPANT_REMOVED]
        await bob.told("participant_disconnected", lambda event: event["about"] == ["alice"])
        await bob.receives(face, frames=20, matching=shows(RED))
        assert [event["event"] for event in alice.events if "reconnect" in event["event"]] == []
        assert sorted((await bob.ask("state"))["others"]) == ["carol"]
        with pytest.raises(TwirpError, match="not_found"):
            await livekit.room.remove_participant(RoomParticipantIdentity(room=room, identity="alice"))


@each_mode
async def test_a_track_is_muted_and_not_unmuted(server: ServerProcess, single: bool) -> None:
    room = f"mute-{single}"
    async with backend(server) as livekit, call(server, room, "alice", "bob", single=single) as (alice, bob):
        voice = await alice.ask("publish_audio", tone=500.0)
        await bob.receives(voice, matching=sounds(500.0))
        mute = MuteRoomTrackRequest(room=room, identity="alice", track_sid=voice, muted=True)
        await livekit.room.mute_published_track(mute)
        for caller in (alice, bob):
            await caller.told("track_muted")
        await bob.receives(voice, matching=lambda figures: figures["level"] < 100)
        mute.muted = False
        with pytest.raises(TwirpError):
            await livekit.room.mute_published_track(mute)
        await alice.ask("mute", sid=voice, muted=False)
        await bob.receives(voice, matching=sounds(500.0))


@each_mode
async def test_what_a_backend_says_everybody_hears(server: ServerProcess, single: bool) -> None:
    room = f"says-{single}"
    async with backend(server) as livekit, call(server, room, "alice", "bob", "carol", single=single) as callers:
        alice, bob, carol = callers
        update = UpdateParticipantRequest(room=room, identity="alice", name="Dr. Alice", metadata="doctor")
        update.attributes["floor"] = "3"
        await livekit.room.update_participant(update)
        for caller in (bob, carol):
            state = await caller.sees(lambda state: state["others"]["alice"]["attributes"] == {"floor": "3"})
            assert (state["others"]["alice"]["name"], state["others"]["alice"]["metadata"]) == ("Dr. Alice", "doctor")
        await alice.sees(lambda state: state["me"]["name"] == "Dr. Alice")
        agenda = json.dumps({"agenda": "<script>"})
        await livekit.room.update_room_metadata(UpdateRoomMetadataRequest(room=room, metadata=agenda))
        for caller in callers:
            await caller.sees(lambda state: state["metadata"] == agenda)
        said = SendDataRequest(room=room, data=b"to you", kind=DataPacket.RELIABLE, topic="t", nonce=bytes(range(16)))
        said.destination_identities.append("bob")
        await livekit.room.send_data(said)
        packet = await bob.told("data", lambda event: event["text"] == "to you")
        assert (packet["from"], packet["topic"], packet["reliable"]) == (None, "t", True)
        await livekit.room.send_data(SendDataRequest(room=room, data=b"to all", kind=DataPacket.RELIABLE))
        for caller in callers:
            await caller.told("data", lambda event: event["text"] == "to all")
        for caller in (alice, carol):
            assert [event["text"] for event in caller.events if event["event"] == "data"] == ["to all"]


@each_mode
async def test_a_backend_subscribes_for_others(server: ServerProcess, single: bool) -> None:
    room = f"choose-{single}"
    async with backend(server) as livekit, call(server, room, "alice", "bob", single=single) as (alice, bob):
        face = await alice.ask("publish_video", colour=RED)
        await bob.receives(face, matching=shows(RED))
        update = UpdateSubscriptionsRequest(room=room, identity="bob", track_sids=[face], subscribe=False)
        await livekit.room.update_subscriptions(update)
        await stops(bob, face)
        update.subscribe = True
        await livekit.room.update_subscriptions(update)
        await bob.receives(face, matching=shows(RED))


@each_mode
async def test_somebody_moves_to_another_room(server: ServerProcess, single: bool) -> None:
    room, other = f"here-{single}", f"there-{single}"
    async with (
        backend(server) as livekit,
        call(server, room, "alice", "bob", single=single) as (alice, bob),
        call(server, other, "carol", single=single) as (carol,),
    ):
        face = await alice.ask("publish_video", colour=RED)
        his = await bob.ask("publish_video", colour=BLUE)
        hers = await carol.ask("publish_audio", tone=700.0)
        await bob.receives(face, matching=shows(RED))
        await alice.receives(his, matching=shows(BLUE))
        await livekit.room.move_participant(MoveParticipantRequest(room=room, identity="alice", destination_room=other))
        await alice.told("moved")
        await bob.told("participant_disconnected", lambda event: event["about"] == ["alice"])
        await carol.receives(face, matching=shows(RED))
        await alice.receives(hers, matching=sounds(700.0))
        await stops(bob, face)
        state = await alice.sees(lambda state: list(state["others"]) == ["carol"])
        assert list(state["me"]["tracks"]) == [face]
        await alice.ask("send", payload="hello there")
        await carol.told("data", lambda event: event["text"] == "hello there")
        assert not [event for event in bob.events if event["event"] == "data"]
        assert not interruptions(carol)


@each_mode
async def test_somebody_is_in_two_rooms(server: ServerProcess, single: bool) -> None:
    room, other = f"stage-{single}", f"overflow-{single}"
    async with (
        backend(server) as livekit,
        call(server, room, "alice", "bob", single=single) as (alice, bob),
        call(server, other, "carol", single=single) as (carol,),
    ):
        face = await alice.ask("publish_video", colour=RED)
        await bob.receives(face, matching=shows(RED))
        await livekit.room.forward_participant(
            ForwardParticipantRequest(room=room, identity="alice", destination_room=other)
        )
        state = await carol.sees(lambda state: len(state["others"].get("alice", {"tracks": {}})["tracks"]) == 1)
        (copy,) = state["others"]["alice"]["tracks"]
        await carol.receives(copy, matching=shows(RED))
        await bob.receives(face, matching=shows(RED))
        voice = await alice.ask("publish_audio", tone=600.0)
        await bob.receives(voice, matching=sounds(600.0))
        await carol.sees(lambda state: len(state["others"]["alice"]["tracks"]) == 2)
        await alice.ask("disconnect")
        for caller in (bob, carol):
            await caller.told("participant_disconnected", lambda event: event["about"] == ["alice"])


@each_mode
async def test_a_room_is_deleted(server: ServerProcess, single: bool) -> None:
    room = f"deleted-{single}"
    async with backend(server) as livekit:
        await livekit.room.create_room(CreateRoomRequest(name=room, metadata="short-lived"))
        async with call(server, room, "alice", "bob", single=single) as (alice, bob):
            assert (await alice.ask("state"))["metadata"] == "short-lived"
            await livekit.room.delete_room(DeleteRoomRequest(room=room))
            for caller in (alice, bob):
                assert (await caller.told("disconnected"))["about"] == [DisconnectReason.ROOM_DELETED]
                assert not [event for event in caller.events if "reconnect" in event["event"]]
                assert caller.alive
