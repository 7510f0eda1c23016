"""What LiveKit clients are told of a room and of who is in it, and what they may say of themselves."""

from functools import partial
from typing import Any

import pytest
from livekit.api import CreateRoomRequest
from livekit.rtc import DisconnectReason

from bench.server import ServerProcess
from tests.interop.livekit.access import access
from tests.interop.livekit.backend import backend
from tests.interop.livekit.callers import Caller, call, join
from tests.interop.livekit.modes import each_mode
from tests.interop.livekit.test_media import BLUE, GREEN, RED, shows, sounds
from tests.interop.livekit.watching import stops

# The secret of --dev is short, and LiveKit's SDK says so.
pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")]


@each_mode
async def test_whoever_comes_again_takes_the_place_of_the_first(server: ServerProcess, single: bool) -> None:
    room = f"again-{single}"
    async with call(server, room, "alice", "bob", single=single) as (alice, bob), Caller("alice") as second:
        old = await alice.ask("publish_video", colour=RED)
        await bob.receives(old, matching=shows(RED))
        await join(server, room, second, single=single)
        assert (await alice.told("disconnected"))["about"] == [DisconnectReason.DUPLICATE_IDENTITY]
        new = await second.ask("publish_video", colour=GREEN)
        await bob.receives(new, matching=shows(GREEN))
        await bob.sees(lambda state: list(state["others"]["alice"]["tracks"]) == [new])
        state = await second.ask("state")
        assert list(state["others"]) == ["bob"]
        assert not [event for event in alice.events if event["event"] == "reconnecting"]
        assert second.alive


@each_mode
async def test_one_says_of_oneself_what_one_may(server: ServerProcess, single: bool) -> None:
    room = f"self-{single}"
    token = access("alice", room, name="Alice", metadata="old", attributes={"a": "1"}, can_update_own_metadata=True)
    async with Caller("alice") as alice, call(server, room, "bob", single=single) as (bob,):
        await join(server, room, alice, single=single, token=token)
        seen = (await bob.sees(lambda state: "alice" in state["others"]))["others"]["alice"]
        assert (seen["name"], seen["metadata"], seen["attributes"]) == ("Alice", "old", {"a": "1"})
        await alice.ask("set_name", name="Alice <b>Smith</b>")
        await alice.ask("set_metadata", metadata='{"new": "☃"}')
        await alice.ask("set_attributes", attributes={"a": "", "b": "2"})
        for caller, who in ((bob, "alice"), (alice, None)):
            state = await caller.sees(partial(_has, who, {"b": "2"}))
            assert _of(state, who)["name"] == "Alice <b>Smith</b>"
            assert _of(state, who)["metadata"] == '{"new": "☃"}'
        assert (await bob.told("participant_name_changed"))["about"][0] == "alice"
        assert (await bob.told("participant_metadata_changed"))["about"] == ["alice", "old", '{"new": "☃"}']
        # What is refused, this client does not tell its application.
        await bob.ask("set_name", name="The Boss")
        await bob.ask("set_attributes", attributes={"role": "boss"})
        await alice.ask("set_metadata", metadata="x" * 70_000)
        await bob.ask("send", payload="the last")
        await alice.told("data")
        await alice.ask("send", payload="the last")
        await bob.told("data")
        assert (await bob.ask("state"))["others"]["alice"]["metadata"] == '{"new": "☃"}'
        others = (await alice.ask("state"))["others"]
        assert (others["bob"]["name"], others["bob"]["attributes"]) == ("", {})


def _has(who: str | None, attributes: dict[str, str], state: dict[str, Any]) -> bool:
    return bool(_of(state, who)["attributes"] == attributes)


def _is_about(who: str, event: dict[str, Any]) -> bool:
    return bool(event["about"][0] == who)


def _of(state: dict[str, Any], who: str | None) -> dict[str, Any]:
    found: dict[str, Any] = state["others"][who] if who else state["me"]
    return found


@each_mode
async def test_the_hidden_see_and_are_not_seen(server: ServerProcess, single: bool) -> None:
    room = f"hidden-{single}"
    async with call(server, room, "alice", "bob", single=single) as (alice, bob), Caller("ghost") as ghost:
        face = await alice.ask("publish_video", colour=RED)
        await join(server, room, ghost, single=single, token=access("ghost", room, hidden=True, can_publish=False))
        await ghost.receives(face, matching=shows(RED))
        await alice.ask("send", payload="among us")
        await ghost.told("data", lambda event: event["text"] == "among us")
        await alice.ask("send", payload="for ghost", to=["ghost"])
        await ghost.told("data", lambda event: event["text"] == "for ghost")
        await ghost.ask("disconnect")
        voice = await bob.ask("publish_audio", tone=500.0)
        await alice.receives(voice, matching=sounds(500.0))
        for caller in (alice, bob):
            assert not [event for event in caller.events if "ghost" in str(event)]


@each_mode
async def test_a_publisher_says_who_may_have_its_tracks(server: ServerProcess, single: bool) -> None:
    async with call(server, f"allow-{single}", "alice", "bob", "carol", single=single) as (alice, bob, carol):
        await alice.ask("allow", everybody=False, tracks={"bob": None})
        face = await alice.ask("publish_video", colour=RED)
        voice = await alice.ask("publish_audio", tone=500.0)
        await bob.receives(face, matching=shows(RED))
        await bob.receives(voice, matching=sounds(500.0))
        await carol.sees(lambda state: len(state["others"]["alice"]["tracks"]) == 2)
        assert await carol.ask("media") == {}
        await alice.ask("allow", everybody=False, tracks={"carol": [face], "bob": [voice]})
        await carol.receives(face, matching=shows(RED))
        await stops(bob, face)
        await bob.receives(voice, matching=sounds(500.0))
        assert voice not in await carol.ask("media")
        await alice.ask("allow", everybody=True, tracks={})
        await carol.receives(voice, matching=sounds(500.0))
        await bob.receives(face, matching=shows(RED))


@each_mode
async def test_who_speaks_is_told(server: ServerProcess, single: bool) -> None:
    async with call(server, f"speak-{single}", "alice", "bob", single=single) as (alice, bob):
        voice = await alice.ask("publish_audio", tone=500.0)
        for caller in (alice, bob):
            await caller.told("active_speakers_changed", lambda event: event["about"] == [["alice"]])
        bob.forget()
        await alice.ask("mute", sid=voice, muted=True)
        await bob.told("active_speakers_changed", lambda event: event["about"] == [[]])


@each_mode
async def test_how_good_connections_are_is_told(server: ServerProcess, single: bool) -> None:
    async with call(server, f"quality-{single}", "alice", "bob", single=single) as (alice, bob):
        face = await alice.ask("publish_video", colour=RED)
        await bob.receives(face, matching=shows(RED))
        for caller in (alice, bob):
            for who in ("alice", "bob"):
                await caller.told("connection_quality_changed", partial(_is_about, who))


@each_mode
async def test_a_full_room_lets_nobody_in_but_who_is_in_it(server: ServerProcess, single: bool) -> None:
    room = f"full-{single}"
    async with backend(server) as livekit:
        await livekit.room.create_room(CreateRoomRequest(name=room, max_participants=2))
        async with (
            call(server, room, "alice", "bob", single=single) as (alice, bob),
            Caller("carol") as carol,
            Caller("bob") as bob_again,
        ):
            with pytest.raises(RuntimeError):
                await join(server, room, carol, single=single)
            await join(server, room, bob_again, single=single)
            await bob.told("disconnected")
            face = await alice.ask("publish_video", colour=BLUE)
            await bob_again.receives(face, matching=shows(BLUE))


@each_mode
async def test_what_happens_is_told_in_its_order(server: ServerProcess, single: bool) -> None:
    room = f"order-{single}"
    async with call(server, room, "bob", single=single) as (bob,), Caller("alice") as alice:
        await join(server, room, alice, single=single)
        face = await alice.ask("publish_video", colour=RED)
        await bob.receives(face)
        await alice.ask("mute", sid=face, muted=True)
        await bob.told("track_muted")
        await alice.ask("mute", sid=face, muted=False)
        await bob.told("track_unmuted")
        await alice.ask("unpublish", sid=face)
        await bob.told("track_unpublished")
        await alice.ask("disconnect")
        await bob.told("participant_disconnected")
        story = [
            event["event"] for event in bob.events if {"alice", face} & {str(one) for one in event.get("about", ())}
        ]
        assert [event for event in story if event != "connection_quality_changed"] == [
            "participant_connected",
            "track_published",
            "track_subscribed",
            "track_muted",
            "track_unmuted",
            "track_unsubscribed",
            "track_unpublished",
            "participant_disconnected",
        ]
