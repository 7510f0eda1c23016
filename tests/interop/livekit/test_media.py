"""Calls of real LiveKit clients: what they publish is what the others see and hear."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.server import ServerProcess
from tests.interop.livekit.callers import Caller, call, join
from tests.interop.livekit.modes import both_modes, each_mode

pytestmark = pytest.mark.interop

Matching = Callable[[dict[str, Any]], bool]

RED, GREEN, BLUE = [220, 30, 30], [30, 200, 30], [30, 30, 220]


def shows(colour: list[int]) -> Matching:
    """Whether the last picture has about this colour."""

    def matching(figures: dict[str, Any]) -> bool:
        seen = figures.get("colour", [-99] * 3)
        return all(abs(wanted - found) < 45 for wanted, found in zip(colour, seen, strict=True))

    return matching


def sounds(tone: float) -> Matching:
    return lambda figures: abs(figures.get("tone", 0.0) - tone) < 25 and figures["level"] > 1_000


@both_modes
async def test_two_see_and_hear_each_other(server: ServerProcess, single: bool) -> None:
    async with call(server, f"two-{single}", "alice", "bob", single=single) as (alice, bob):
        her_voice = await alice.ask("publish_audio", tone=440.0)
        her_face = await alice.ask("publish_video", colour=RED)
        his_voice = await bob.ask("publish_audio", tone=880.0)
        his_face = await bob.ask("publish_video", colour=BLUE)
        await bob.receives(her_voice, frames=5, matching=sounds(440.0))
        await bob.receives(her_face, frames=10, matching=shows(RED))
        await alice.receives(his_voice, frames=5, matching=sounds(880.0))
        await alice.receives(his_face, frames=10, matching=shows(BLUE))
        assert alice.alive
        assert bob.alive


@pytest.mark.parametrize(("single", "people"), [(True, 8), (False, 4)], ids=["8-by-one", "4-by-two"])
async def test_everybody_sees_and_hears_everybody(server: ServerProcess, single: bool, people: int) -> None:
    names = [f"guest {number}" for number in range(people)]
    async with call(server, f"many-{single}", *names, single=single) as callers:
        tracks: dict[str, tuple[Caller, Matching]] = {}
        for number, caller in enumerate(callers):
            colour = [40 + 25 * number, 200 - 20 * number, 128]
            face = await caller.ask("publish_video", colour=colour, size=[160, 96], fps=3)
            tracks[face] = (caller, shows(colour))
        # Eight clients who decode everybody's sound are more than two cores can run: two of them speak.
        for number, caller in enumerate(callers[:2]):
            voice = await caller.ask("publish_audio", tone=400.0 + 200.0 * number)
            tracks[voice] = (caller, sounds(400.0 + 200.0 * number))
        for caller in callers:
            others = {sid: right for sid, (publisher, right) in tracks.items() if publisher is not caller}
            await caller.receives_all(others)


@each_mode
async def test_a_screen_is_shared_beside_the_camera(server: ServerProcess, single: bool) -> None:
    async with call(server, f"screen-{single}", "alice", "bob", single=single) as (alice, bob):
        face = await alice.ask("publish_video", colour=RED)
        screen = await alice.ask("publish_video", colour=GREEN, source="screen_share", size=[640, 360])
        sound = await alice.ask("publish_audio", tone=600.0, source="screen_share_audio")
        assert (await bob.receives(face, matching=shows(RED)))["source"] == "camera"
        assert (await bob.receives(screen, matching=shows(GREEN)))["source"] == "screen_share"
        assert (await bob.receives(sound, matching=sounds(600.0)))["source"] == "screen_share_audio"
        await alice.ask("unpublish", sid=screen)
        await bob.told("track_unpublished", lambda event: screen in event["about"])
        await bob.receives(face, matching=shows(RED))
        again = await alice.ask("publish_video", colour=BLUE, source="screen_share", size=[640, 360])
        await bob.receives(again, matching=shows(BLUE))


@each_mode
async def test_mute_is_told_and_unmute_brings_the_sound_back(server: ServerProcess, single: bool) -> None:
    async with call(server, f"mute-{single}", "alice", "bob", single=single) as (alice, bob):
        voice = await alice.ask("publish_audio", tone=500.0)
        await bob.receives(voice, matching=sounds(500.0))
        await alice.ask("mute", sid=voice, muted=True)
        await bob.told("track_muted")
        await bob.sees(lambda state: state["others"]["alice"]["tracks"][voice]["muted"])
        await bob.receives(voice, matching=lambda figures: figures["level"] < 100)
        await alice.ask("mute", sid=voice, muted=False)
        await bob.told("track_unmuted")
        await bob.receives(voice, matching=sounds(500.0))


@each_mode
async def test_only_what_is_subscribed_to_comes(server: ServerProcess, single: bool) -> None:
    async with call(server, f"select-{single}", "alice", "bob", single=single, auto_subscribe=False) as (alice, bob):
        face = await alice.ask("publish_video", colour=RED)
        voice = await alice.ask("publish_audio", tone=500.0)
        await bob.told("track_published", lambda event: voice in event["about"])
        assert await bob.ask("media") == {}
        await bob.ask("subscribe", sid=face, wanted=True)
        await alice.told("local_track_subscribed")
        await bob.receives(face, matching=shows(RED))
        await bob.ask("subscribe", sid=voice, wanted=True)
        await bob.receives(voice, matching=sounds(500.0))
        await bob.ask("subscribe", sid=face, wanted=False)
        await bob.told("track_unsubscribed")
        await bob.ask("subscribe", sid=face, wanted=True)
        await bob.receives(face, matching=shows(RED))


@each_mode
async def test_each_viewer_has_the_layer_it_asks_for(server: ServerProcess, single: bool) -> None:
    async with call(server, f"layers-{single}", "alice", "bob", "carol", single=single) as (alice, bob, carol):
        face = await alice.ask("publish_video", colour=GREEN, size=[1280, 720], simulcast=True)
        await bob.receives(face, matching=shows(GREEN))
        await bob.ask("quality", sid=face, quality="low")
        await bob.receives(face, matching=lambda figures: figures["size"][0] <= 320)
        await carol.receives(face, matching=lambda figures: figures["size"][0] >= 960)
        await bob.ask("quality", sid=face, quality="high")
        await bob.receives(face, matching=lambda figures: figures["size"][0] >= 960)


@each_mode
async def test_who_comes_later_has_it_all(server: ServerProcess, single: bool) -> None:
    async with call(server, f"late-{single}", "alice", "bob", single=single) as (alice, bob):
        tracks = [await alice.ask("publish_video", colour=RED), await bob.ask("publish_video", colour=BLUE)]
        async with Caller("carol") as carol:
            await join(server, f"late-{single}", carol, single=not single)
            await carol.receives(tracks[0], matching=shows(RED))
            await carol.receives(tracks[1], matching=shows(BLUE))
            hers = await carol.ask("publish_video", colour=GREEN)
            for caller in (alice, bob):
                await caller.receives(hers, matching=shows(GREEN))
            await carol.ask("disconnect")
            await alice.told("participant_disconnected", lambda event: event["about"] == ["carol"])
