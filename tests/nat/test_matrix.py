"""From every network, publisher and viewer reach the server and each other's pictures."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.nat.certificates import issue
from tests.nat.findings import Finding, Findings
from tests.nat.serving import Server, serving
from tests.nat.sessions import publishing, watching
from tests.net.natlab import recipes
from tests.net.natlab.internet import SERVER_IPV6, Internet, Site
from tests.net.natlab.recipes import Recipe

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]

WAYS = {
    recipes.FULL_CONE: "direct udp",
    recipes.ADDRESS_RESTRICTED: "direct udp",
    recipes.PORT_RESTRICTED: "direct udp",
    recipes.SYMMETRIC: "direct udp",
    recipes.HAIRPIN: "direct udp",
    recipes.UDP_DROPPED: "relay tcp",
    recipes.UDP_REJECTED: "relay tcp",
    recipes.ONLY_TCP_443: "relay tls",
}
WORST = (recipes.SYMMETRIC, recipes.UDP_DROPPED, recipes.ONLY_TCP_443)
"""What `make test` tries as well."""


@pytest.mark.parametrize(
    ("network", "way"),
    [
        pytest.param(network, way, id=network.name, marks=() if network in WORST else pytest.mark.nat)
        for network, way in WAYS.items()
    ],
)
async def test_publisher_and_viewer_connect(
    internet: Internet, server: Server, findings: Findings, network: Recipe, way: str
) -> None:
    with findings.row(network.name, "aiortc") as row:
        site = internet.behind(network, hosts=2)
        url = server.https if network is recipes.ONLY_TCP_443 else server.http
        await _meet(site, url, server, network.name, row)
        assert row.publisher == row.viewer == way


async def test_ipv6_only(internet: Internet, server: Server, findings: Findings) -> None:
    with findings.row("IPv6 only", "aiortc") as row:
        await _meet(internet.ipv6_only(hosts=2), server.at(SERVER_IPV6).http, server, "ipv6", row)
        assert row.publisher == row.viewer == "direct udp"


@pytest.mark.nat
@pytest.mark.parametrize("network", ["symmetric", "IPv6 only"])
async def test_nothing_but_the_relay(internet: Internet, server: Server, findings: Findings, network: str) -> None:
    """Of IPv6 it makes IPv4, if it must: aioice asks for no family, and then there is but the one of RFC 8656."""
    with findings.row(network, "aiortc", "relay") as row:
        site = internet.ipv6_only(hosts=2) if network == "IPv6 only" else internet.behind(recipes.SYMMETRIC, hosts=2)
        url = server.at(SERVER_IPV6).http if network == "IPv6 only" else server.http
        await _meet(site, url, server, f"{network} relay", row, relay=True)
        assert row.publisher == row.viewer == "relay udp"


@pytest.mark.nat
async def test_a_public_address_that_changes(internet: Internet, server: Server, findings: Findings) -> None:
    with findings.row("rebinding", "aiortc") as row:
        site = internet.behind(recipes.PORT_RESTRICTED, hosts=2)
        await _meet(site, server.http, server, "rebinding", row, move_to="203.0.113.201")


@pytest.mark.nat
async def test_a_server_behind_a_one_to_one_nat(internet: Internet, tmp_path: Path, findings: Findings) -> None:
    """For clients elsewhere, and for those that are behind the same NAT and know its public address only."""
    inside, outside = internet.behind(recipes.ONE_TO_ONE, hosts=3), internet.behind(recipes.PORT_RESTRICTED, hosts=2)
    certificates = issue(tmp_path, inside.public)
    beside = replace(inside, hosts=inside.hosts[1:])
    options = ("--public-ip", inside.public)
    async with serving(
        internet.world, inside.hosts[0], inside.public, certificates, tmp_path / "server.log", *options
    ) as server:
        with findings.row("server behind 1:1 NAT", "aiortc") as row:
            await _meet(outside, server.http, server, "outside", row)
        with findings.row("the same, from beside it", "aiortc") as row:
            await _meet(beside, server.http, server, "beside", row)


async def _meet(
    site: Site, url: str, server: Server, room: str, row: Finding, *, relay: bool = False, move_to: str = ""
) -> None:
    """One host of a site publishes, the next watches."""
    async with (
        publishing(site.world, site.hosts[0], url, server, room, relay=relay) as row.publisher,
        watching(site.world, site.hosts[1], url, server, room, relay=relay) as viewer,
    ):
        figures = await viewer.until_seen()
        row.viewer, row.seconds = figures["path"], figures["first_frame_ms"] / 1e3
        seen = await asyncio.gather(server.way_of("publisher", room), server.way_of("viewer", room))
        assert [*seen] == [row.publisher, row.viewer]
        if move_to:
            site.move(move_to)
            moved = time.monotonic()
            await viewer.until_still()
            figures = await viewer.until_seen(within=60)
            row.remark = f"goes on {time.monotonic() - moved:.0f} s after the change, session {figures['sessions']}"
