"""Calls of real LiveKit clients: what they publish is what the others see and hear."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.server import ServerProcess
from tests.interop.livekit.callers import call

pytestmark = pytest.mark.interop
both_modes = pytest.mark.parametrize("single", [True, False], ids=["one-connection", "two-connections"])

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
        await bob.receives(her_voice, frames=50, matching=sounds(440.0))
        await bob.receives(her_face, frames=10, matching=shows(RED))
        await alice.receives(his_voice, frames=50, matching=sounds(880.0))
        await alice.receives(his_face, frames=10, matching=shows(BLUE))
        assert alice.alive
        assert bob.alive
