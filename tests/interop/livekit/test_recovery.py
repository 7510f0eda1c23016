"""LiveKit clients come back: the socket is cut, the network is gone for a while, the server starts again."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bench.server import ServerProcess
from tests.interop.browser import RESULTS
from tests.interop.livekit.callers import Caller, call, join
from tests.interop.livekit.gate import Gate
from tests.interop.livekit.modes import both_modes, each_mode
from tests.interop.livekit.test_media import RED, shows, sounds
from tests.nat.certificates import issue
from tests.nat.serving import serving
from tests.net.natlab.internet import SERVER, WAN, Internet
from tests.net.natlab.recipes import FULL_CONE
from tests.net.natlab.world import why_not

pytestmark = pytest.mark.interop
NOTHING_PASSES = """
table inet gone {
 chain nothing { type filter hook forward priority -10; policy drop; }
}
"""


def tracks_of(state: dict[str, Any], identity: str) -> set[str]:
    return set(state["others"].get(identity, {"tracks": {}})["tracks"])


@both_modes
async def test_a_cut_socket_is_resumed(server: ServerProcess, single: bool) -> None:
    room = f"cut-{single}"
    async with (
        Gate(server.http_port) as gate,
        call(server, room, "alice", single=single) as (alice,),
        Caller("bob") as bob,
    ):
        await join(server, room, bob, single=single, url=gate.url)
        face = await alice.ask("publish_video", colour=RED)
        his = await bob.ask("publish_audio", tone=700.0)
        await bob.receives(face, matching=shows(RED))
        await alice.receives(his, matching=sounds(700.0))
        gate.cut()
        await bob.told("reconnecting")
        voice = await alice.ask("publish_audio", tone=500.0)
        await bob.told("reconnected")
        await bob.receives(face, matching=shows(RED))
        await bob.receives(voice, matching=sounds(500.0))
        await alice.receives(his, matching=sounds(700.0))
        await alice.ask("send", payload="still there?")
        await bob.told("data", lambda event: event["text"] == "still there?")
        # To the others nothing happened.
        assert not [
            event for event in alice.events if event["event"] in ("participant_disconnected", "track_unpublished")
        ]


@both_modes
async def test_who_cannot_come_back_at_once_joins_anew_and_knows_what_happened(
    server: ServerProcess, single: bool
) -> None:
    room = f"shut-{single}"
    async with (
        Gate(server.http_port) as gate,
        call(server, room, "alice", "carol", single=single) as (alice, carol),
        Caller("bob") as bob,
    ):
        await join(server, room, bob, single=single, url=gate.url)
        his = await bob.ask("publish_audio", tone=700.0)
        await alice.receives(his, matching=sounds(700.0))
        gate.shut()
        await bob.told("reconnecting")
        face = await alice.ask("publish_video", colour=RED)
        await carol.ask("disconnect")
        await alice.told("participant_disconnected", lambda event: event["about"] == ["carol"])
        gate.open()
        await bob.told("reconnected")
        await bob.sees(lambda state: set(state["others"]) == {"alice"})
        await bob.receives(face, matching=shows(RED))
        state = await alice.sees(lambda state: bool(tracks_of(state, "bob") - {his}))
        (again,) = tracks_of(state, "bob")
        await alice.receives(again, matching=sounds(700.0))


@each_mode
async def test_a_server_that_starts_again_has_everybody_back(tmp_path: Path, single: bool) -> None:
    RESULTS.mkdir(exist_ok=True)
    with ServerProcess(RESULTS / "test_recovery.restart.log") as server:
        async with call(server, "again", "alice", "bob", single=single) as (alice, bob):
            face = await alice.ask("publish_video", colour=RED)
            await bob.receives(face, matching=shows(RED))
            for caller in (alice, bob):
                caller.forget()
            await asyncio.to_thread(server.stop)
            await bob.told("reconnecting")
            await asyncio.to_thread(server.start)
            await bob.told("reconnected")
            await alice.told("reconnected")
            state = await bob.sees(lambda state: bool(tracks_of(state, "alice") - {face}))
            (face,) = state["others"]["alice"]["tracks"]
            await bob.receives(face, matching=shows(RED))


@each_mode
async def test_ten_seconds_without_a_network_are_survived(tmp_path: Path, single: bool) -> None:
    if reason := why_not():
        pytest.skip(reason)
    RESULTS.mkdir(exist_ok=True)
    with Internet() as internet:
        site = internet.behind(FULL_CONE)
        command = internet.world.command(site.hosts[0])
        certificates = issue(tmp_path, SERVER)
        log = RESULTS / "test_recovery.network.log"
        async with (
            serving(internet.world, WAN, SERVER, certificates, log) as server,
            Caller("alice", internet.world.command(WAN)) as alice,
            Caller("bob", command) as bob,
        ):
            for caller in (alice, bob):
                token = server.token(caller.identity, "hall", publish=True, watch=True)
                await caller.ask("connect", url=server.http.replace("http", "ws"), token=token, single=single)
            face = await alice.ask("publish_video", colour=RED)
            his = await bob.ask("publish_audio", tone=700.0)
            await bob.receives(face, matching=shows(RED))
            await alice.receives(his, matching=sounds(700.0))
            internet.world.run(site.router, "nft", "-f", "-", stdin=NOTHING_PASSES)
            await asyncio.sleep(10)
            internet.world.run(site.router, "nft", "delete table inet gone")
            await bob.receives(face, matching=shows(RED))
            (voice,) = (await alice.sees(lambda state: bool(state["others"]["bob"]["tracks"])))["others"]["bob"][
                "tracks"
            ]
            await alice.receives(voice, matching=sounds(700.0))


async def test_tokens_are_renewed(server: ServerProcess) -> None:
    async with call(server, "tokens", "alice", single=True) as (alice,):
        await alice.told("token_refreshed")
