"""From the networks that are worst, Chromium publishes and watches: by the best way, and through the relay alone."""

import asyncio
import shutil
import time
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.interop.browser import until_numbers_advance, write_capture
from tests.nat.browser import browser, join, seen
from tests.nat.findings import Finding, Findings
from tests.nat.serving import Server
from tests.net.natlab import recipes
from tests.net.natlab.internet import Internet
from tests.net.natlab.recipes import Recipe
from tests.waiting import eventually

pytestmark = [
    pytest.mark.interop,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(shutil.which("certutil") is None, reason="certutil (libnss3-tools) is not installed"),
]


@pytest.fixture(scope="session")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the camera shows: the numbered test picture."""
    path = tmp_path_factory.mktemp("capture") / "numbered.y4m"
    write_capture(path)
    return path


@pytest.mark.parametrize(
    ("network", "policy"),
    [
        pytest.param(network, policy, id=f"{network.name}-{policy}", marks=() if policy == worst else pytest.mark.nat)
        for network, worst in ((recipes.SYMMETRIC, None), (recipes.UDP_DROPPED, None), (recipes.ONLY_TCP_443, "relay"))
        for policy in ("all", "relay")
    ],
)
async def test_chromium_publishes_and_watches(
    internet: Internet,
    server: Server,
    findings: Findings,
    capture: Path,
    tmp_path: Path,
    network: Recipe,
    policy: str,
) -> None:
    room = f"chromium {network.name} {policy}"
    with findings.row(network.name, "Chromium", policy) as row:
        (host,) = internet.behind(network).hosts
        async with browser(internet.world, host, server, tmp_path, capture) as chromium:
            publisher = await join(chromium, server, "whip", room, policy)
            row.publisher = await _connected(publisher)
            viewer = await join(chromium, server, "whep", room, policy)
            await _note(viewer, row)
            seen_there = await asyncio.gather(server.way_of("whip", room), server.way_of("whep", room))
            assert [*seen_there] == [row.publisher, row.viewer]
        ways = {row.publisher, row.viewer}
        if policy == "relay":
            assert all(way.startswith("relay ") for way in ways)
        if network is recipes.ONLY_TCP_443:
            assert ways == {"relay tls"}
        elif network is recipes.UDP_DROPPED:
            assert not any(way.endswith(" udp") for way in ways)


@pytest.mark.nat
async def test_chromium_follows_an_address_that_changes(
    internet: Internet, server: Server, findings: Findings, capture: Path, tmp_path: Path
) -> None:
    with findings.row("rebinding", "Chromium") as row:
        site = internet.behind(recipes.PORT_RESTRICTED)
        async with browser(internet.world, site.hosts[0], server, tmp_path, capture) as chromium:
            row.publisher = await _connected(await join(chromium, server, "whip", "chromium rebinding", "all"))
            viewer = await join(chromium, server, "whep", "chromium rebinding", "all")
            await _note(viewer, row)
            moved, address = time.monotonic(), site.move("203.0.113.202").public
            for identity in ("whip", "whep"):
                await server.until_reached_from(address, identity, "chromium rebinding")
            await until_numbers_advance(viewer, distinct=10)
            row.remark = f"goes on {time.monotonic() - moved:.0f} s after the change"


async def _connected(page: Page) -> str:
    """The way that media takes."""

    async def look() -> str:
        figures = await seen(page)
        return figures["path"] if figures["state"] == "connected" else ""

    return await eventually(look, "the session is connected", within=30)


async def _note(viewer: Page, row: Finding) -> None:
    """Wait for moving pictures and note what they came by."""
    row.viewer = await _connected(viewer)
    await until_numbers_advance(viewer)
    row.seconds = (await seen(viewer))["first_frame_ms"] / 1e3
