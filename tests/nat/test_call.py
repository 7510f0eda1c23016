"""Two behind symmetric NATs cannot reach each other; through the relay they can, and the server sees no more of it."""

import pytest

from tests.nat.findings import Findings
from tests.nat.serving import Server
from tests.nat.sessions import Viewer
from tests.net.natlab import recipes
from tests.net.natlab.internet import Internet
from tests.net.natlab.recipes import Recipe
from tests.net.natlab.running import python, running

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize(
    ("network", "way"),
    [(recipes.SYMMETRIC, "relay udp"), (recipes.ONLY_TCP_443, "relay tls")],
    ids=lambda each: getattr(each, "name", each),
)
async def test_a_call_through_the_relay(
    internet: Internet, server: Server, findings: Findings, network: Recipe, way: str
) -> None:
    """The caller behind a symmetric NAT, the one who is called behind `network`."""
    (caller,), (called,) = internet.behind(recipes.SYMMETRIC).hosts, internet.behind(network).hosts
    options = [
        (role, server.https, server.token(role, "call", publish=True), str(server.authority))
        for role in ("offer", "answer")
    ]
    with findings.row(f"call: symmetric to {network.name}", "aiortc") as row:
        async with (
            running(internet.world, caller, *python("tests.nat.caller", *options[0])) as offering,
            running(internet.world, called, *python("tests.nat.caller", *options[1])) as answering,
        ):
            for speaker, listener in ((offering, answering), (answering, offering)):
                assert speaker.stdout is not None
                assert listener.stdin is not None
                description = await speaker.stdout.readline()
                assert b'"sdp"' in description, (description + await speaker.stdout.read()).decode()
                listener.stdin.write(description)
            ends = [await Viewer(process).until_seen() for process in (offering, answering)]
        row.publisher, row.viewer = ends[0]["path"], ends[1]["path"]
        row.seconds = ends[1]["first_frame_ms"] / 1e3
        assert [row.publisher, row.viewer] == ["relay udp", way]
