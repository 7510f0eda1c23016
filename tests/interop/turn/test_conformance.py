"""coturn's client tools against `sluice turn`, in every mode they have.

Judged by the bytes that came back, not by exit status, which tells little. They take seconds, nearly all of them
waiting, so they all run at once. DTLS towards clients (-S without -t) is not spoken. A dual allocation (-Z) is asked
for by the number it had in a draft before RFC 8656, so that the tool gets one address only; `test_relaying` has both.
"""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bench.relays import HOST
from tests.interop.turn.peers import Peer
from tests.interop.turn.servers import SluiceTurn
from tests.interop.turn.turnutils import MESSAGE_BYTES, MESSAGES, Tool, Tools
from tests.turn.client import relayed

pytestmark = pytest.mark.interop


@dataclass(frozen=True)
class Mode:
    """flows: how many streams of messages there are, RTCP's among them. peer: where they are sent back."""

    options: tuple[str, ...]
    flows: int = 2
    peer: str | None = HOST


V4 = ("-X", "-g")
# By TLS the tool takes what it reads at once for one message, so that there must not be two.
SECURE = ("-t", "-S", "-z", "1000")
ELSEWHERE = "127.0.0.5"
MODES = {
    "channels": Mode(V4),
    "indications": Mode((*V4, "-s")),
    "tcp": Mode((*V4, "-t")),
    "tcp-indications": Mode((*V4, "-t", "-s")),
    "tls": Mode((*V4, *SECURE)),
    "client-to-client": Mode((*V4, "-y"), flows=4, peer=None),
    "client-to-client-indications": Mode((*V4, "-y", "-s"), flows=4, peer=None),
    "tcp-allocations": Mode(("-X", "-T"), peer=None),
    "tcp-allocations-tls": Mode(("-X", "-T", *SECURE), peer=None),
    "mobility": Mode((*V4, "-M")),
    "mobility-tcp": Mode((*V4, "-M", "-t")),
    "extra-requests": Mode((*V4, "-G")),
    "random-disconnect": Mode((*V4, "-B")),
    "no-rtcp": Mode((*V4, "-c"), flows=1),
    "padding": Mode((*V4, "-D")),
    "padding-tcp": Mode((*V4, "-D", "-t")),
    "ipv6": Mode(("-x", "-g"), peer="::1"),
}


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    tools = Tools(tmp_path_factory.mktemp("tools"))
    yield tools
    tools.end()


@pytest.fixture(scope="module")
def running(tools: Tools, relay: SluiceTurn) -> dict[str, Tool]:
    """All modes, and one for which there is a test of its own."""
    port = str(tools.peer())
    modes = MODES | {"passive": PASSIVE}
    return {
        name: tools.uclient(relay, *mode.options, *(("-e", mode.peer, "-r", port) if mode.peer else ()))
        for name, mode in modes.items()
    }


@pytest.mark.parametrize("name", MODES)
def test_all_that_is_sent_comes_back(name: str, running: dict[str, Tool]) -> None:
    outcome = running[name].outcome()
    expected = MODES[name].flows * MESSAGES * MESSAGE_BYTES
    assert (outcome.sent, outcome.received) == (expected, expected), outcome.output[-1000:]


PASSIVE = Mode(("-X", "-P", "-T"), peer=None)


def test_peers_connect_to_a_tcp_allocation(running: dict[str, Tool]) -> None:
    """The tool's own peers send nothing back, so that half of what it counts as sent cannot come."""
    outcome = running["passive"].outcome()
    expected = PASSIVE.flows * MESSAGES * MESSAGE_BYTES
    assert (outcome.sent, outcome.received) == (expected, expected // 2), outcome.output[-1000:]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((*V4, "-e", ELSEWHERE), "channel bind: error 403"),
        ((*V4, "-s", "-e", ELSEWHERE), "create permission error 403"),
        (("-X", "-T"), "error 442"),
        ((*V4, "-M", "-y"), "error 405"),
        (("-Z", "-e", "::1"), "relay addr cannot be received"),
    ],
)
def test_what_is_not_for_everybody_is_refused(
    options: tuple[str, ...], told: str, tools: Tools, closed: SluiceTurn
) -> None:
    outcome = tools.uclient(closed, *options).outcome()
    assert told in outcome.output
    assert outcome.received == 0


def test_without_peers_in_the_network_clients_reach_each_other(tools: Tools, closed: SluiceTurn) -> None:
    outcome = tools.uclient(closed, *V4, "-y").outcome()
    assert outcome.received == outcome.sent == 4 * MESSAGES * MESSAGE_BYTES, outcome.output[-1000:]


def test_another_secret_is_none(tools: Tools, relay: SluiceTurn) -> None:
    outcome = tools.uclient(relay, *V4, "-t", "-y", secret="not the secret of this server").outcome()
    assert "Cannot complete Allocation" in outcome.output
    assert outcome.sent == 0


@pytest.mark.parametrize("carrier", [(), ("-t",), ("-t", "-S")])
@pytest.mark.parametrize("nonsense", ["-N", "-R"])
def test_nonsense_ends_and_leaves_others_alone(
    nonsense: str, carrier: tuple[str, ...], tools: Tools, relay: SluiceTurn
) -> None:
    """-N asks for what must be refused; -R breaks one message in ten, and may wait for its answer for ever."""
    tool = tools.uclient(relay, *V4, *carrier, nonsense, "-e", HOST)
    try:
        assert tool.outcome(within=3.0).received == 0 or nonsense == "-R"
    except subprocess.TimeoutExpired:
        assert nonsense == "-R"
        tool.end()
    with Peer(HOST) as peer, relay.client(f"after {nonsense} {carrier}") as client:
        relayed(client.allocate())
        assert client.bind(0x4000, peer.address) == 0
        client.send(0x4000, b"still there?")
        peer.echo()
        assert client.receive() == (0x4000, b"still there?")


def test_nat_discovery(tools: Tools, discovery: SluiceTurn) -> None:
    """RFC 5780 on two addresses; there is no NAT on the loopback."""
    port = str(discovery.udp_port)
    outcome = tools.start("turnutils_natdiscovery", "-m", "-f", "-p", port, "-L", HOST, HOST).outcome()
    assert "receive timeout" not in outcome.output
    assert "NAT with Endpoint Independent Mapping!" in outcome.output
    assert "NAT with Endpoint Independent Filtering!" in outcome.output
    assert "Other addr: : 127.0.0.2:" in outcome.output
    outcome = tools.start("turnutils_stunclient", "-f", "-p", port, HOST).outcome(within=5.0)
    assert "RFC 5780 response 3" in outcome.output


def test_a_stun_client(tools: Tools, relay: SluiceTurn) -> None:
    outcome = tools.start("turnutils_stunclient", "-p", str(relay.udp_port), HOST).outcome(within=5.0)
    assert "UDP reflexive addr: 127.0.0.1:" in outcome.output
