"""From every network, publisher and viewer reach the server and each other's pictures."""

import pytest

from tests.nat.findings import Findings
from tests.nat.serving import Server
from tests.nat.sessions import publishing, watching
from tests.net.natlab import recipes
from tests.net.natlab.internet import SERVER_IPV6, Internet
from tests.net.natlab.recipes import Recipe

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]

NETWORKS = [*recipes.NATS[:-1], *recipes.FIREWALLS]
WAYS = {
    recipes.UDP_DROPPED: "relay tcp",
    recipes.UDP_REJECTED: "relay tcp",
    recipes.ONLY_TCP_443: "relay tls",
}


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
async def test_publisher_and_viewer_connect(
    internet: Internet, server: Server, findings: Findings, network: Recipe
) -> None:
    with findings.row(network.name, "aiortc") as row:
        site = internet.behind(network, hosts=2)
        url = server.https if network is recipes.ONLY_TCP_443 else server.http
        async with (
            publishing(internet.world, site.hosts[0], url, server, network.name) as row.publisher,
            watching(internet.world, site.hosts[1], url, server, network.name) as viewer,
        ):
            figures = await viewer.until_seen()
            row.viewer, row.seconds = figures["path"], figures["first_frame_ms"] / 1e3
        assert row.publisher == row.viewer == WAYS.get(network, "direct udp")


async def test_ipv6_only(internet: Internet, server: Server, findings: Findings) -> None:
    with findings.row("IPv6 only", "aiortc") as row:
        site = internet.ipv6_only(hosts=2)
        server = server.at(SERVER_IPV6)
        async with (
            publishing(internet.world, site.hosts[0], server.http, server, "ipv6") as row.publisher,
            watching(internet.world, site.hosts[1], server.http, server, "ipv6") as viewer,
        ):
            figures = await viewer.until_seen()
            row.viewer, row.seconds = figures["path"], figures["first_frame_ms"] / 1e3
        assert row.publisher == row.viewer == "direct udp"
