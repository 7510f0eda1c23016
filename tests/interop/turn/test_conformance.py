"""coturn's client tools against `sluice turn`, in every mode they have.

Judged by the bytes that came back, not by exit status, which tells little. They take seconds, nearly all of them
waiting, so they all run at once. DTLS towards clients (-S without -t) is not spoken.
"""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.relays import HOST, Site
from bench.server import free_port
from tests.interop.turn.servers import SluiceTurn
from tests.interop.turn.turnutils import MESSAGE_BYTES, MESSAGES, Tool, uclient
from tests.turn.client import code
import socket

pytestmark = pytest.mark.interop


@dataclass(frozen=True)
class Mode:
    """options: beside the peer's address. flows: how many streams of messages there are, RTCP's among them."""

    options: tuple[str, ...]
    flows: int = 2
    peer: str | None = HOST


V4 = ("-X", "-g")
MODES = {
    "channels": Mode(V4),
    "indications": Mode((*V4, "-s")),
    "tcp": Mode((*V4, "-t")),
    "tcp-indications": Mode((*V4, "-t", "-s")),
    "tls": Mode((*V4, "-t", "-S")),
    "client-to-client": Mode((*V4, "-y"), flows=4),
    "client-to-client-indications": Mode((*V4, "-y", "-s"), flows=4),
    "tcp-allocations": Mode(("-X", "-T"), peer=None),
    "tcp-allocations-tls": Mode(("-X", "-T", "-S"), peer=None),
    "mobility": Mode((*V4, "-M")),
    "mobility-tcp": Mode((*V4, "-M", "-t")),
    "extra-requests": Mode((*V4, "-G")),
    "random-disconnect": Mode((*V4, "-B")),
    "no-rtcp": Mode((*V4, "-c"), flows=1),
    "padding": Mode((*V4, "-D")),
    "padding-tcp": Mode((*V4, "-D", "-t")),
    "dual-to-ipv4": Mode(("-Z", "-g"), flows=1),
    "dual-to-ipv6": Mode(("-Z", "-g"), flows=1, peer="::1"),
    "ipv6": Mode(("-x", "-g"), peer="::1"),
}


class Tools:
    """All that run, each with a user and a source address of its own: quotas and limits go by these."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._tools: list[Tool] = []

    def uclient(self, server: SluiceTurn, *options: str, secret: str | None = None) -> Tool:
        number = len(self._tools) + 1
        tool = uclient(
            self._directory / f"{number}.log",
            server,
            f"tool-{number}",
            f"127.0.1.{number}",
            *options,
            secret=secret,
        )
        return self._keep(tool)

    def tool(self, *command: str) -> Tool:
        return self._keep(Tool(self._directory / f"{len(self._tools) + 1}.log", *command))

    def end(self) -> None:
        for tool in self._tools:
            tool.end()

    def _keep(self, tool: Tool) -> Tool:
        self._tools.append(tool)
        return tool


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    tools = Tools(tmp_path_factory.mktemp("tools"))
    yield tools
    tools.end()


@pytest.fixture(scope="module")
def echo_port(tools: Tools) -> int:
    """Of coturn's echo server, on HOST and ::1; RTCP's is the next."""
    port = free_port(socket.SOCK_DGRAM)
    tools.tool("turnutils_peer", "-L", HOST, "-L", "::1", "-p", str(port))
    return port


@pytest.fixture(scope="module")
def running(tools: Tools, relay: SluiceTurn, echo_port: int) -> dict[str, Tool]:
    return {
        name: tools.uclient(relay, *mode.options, *(("-e", mode.peer, "-r", str(echo_port)) if mode.peer else ()))
        for name, mode in MODES.items()
    }


@pytest.mark.parametrize("name", MODES)
def test_all_that_is_sent_comes_back(name: str, running: dict[str, Tool]) -> None:
    outcome = running[name].outcome()
    expected = MODES[name].flows * MESSAGES * MESSAGE_BYTES
    assert (outcome.sent, outcome.received) == (expected, expected), outcome.output[-1000:]
