"""coturn's client tools (Debian package coturn), each run bounded in time."""

import contextlib
import re
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.relays import HOST
from bench.server import free_port
from tests.interop.turn.servers import SluiceTurn

WITHIN = 40.0
MESSAGES, MESSAGE_BYTES = 5, 120
_TRAFFIC = re.compile(r"start_mclient: tot_send_bytes ~ (\d+), tot_recv_bytes ~ (\d+)")


@dataclass(frozen=True)
class Outcome:
    """Bytes that all of its clients sent and received, 0 where it gave up before; and what it printed."""

    sent: int
    received: int
    output: str


class Tool:
    """One of them at work."""

    def __init__(self, log: Path, *command: str) -> None:
        assert shutil.which(command[0]) is not None, f"{command[0]} is missing: apt-get install coturn"
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=log.parent
            )

    def outcome(self, within: float = WITHIN) -> Outcome:
        """When it has ended. subprocess.TimeoutExpired: it has not."""
        self._process.wait(within)
        output = self._log.read_text(errors="replace")
        traffic = _TRAFFIC.findall(output)
        sent, received = map(int, traffic[-1]) if traffic else (0, 0)
        return Outcome(sent, received, output)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


class Tools:
    """Many at once, all killed in the end. Each has a user and a source address of its own: limits go by these."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._tools: list[Tool] = []

    def start(self, *command: str) -> Tool:
        tool = Tool(self._directory / f"{len(self._tools)}.log", *command)
        self._tools.append(tool)
        return tool

    def uclient(self, server: SluiceTurn, *options: str, secret: str | None = None) -> Tool:
        """`turnutils_uclient`: sends MESSAGES of MESSAGE_BYTES, and counts what comes back."""
        number = len(self._tools)
        port = server.tls_port if "-S" in options else server.udp_port
        command = ["turnutils_uclient", "-u", f"tool-{number}", "-W", secret or server.secret]
        command += ["-L", f"127.0.1.{number}", "-p", str(port), "-n", str(MESSAGES), "-l", str(MESSAGE_BYTES)]
        return self.start(*command, *options, server.address[0])

    def peer(self) -> int:
        """The port of `turnutils_peer`, an echo server on HOST and ::1; the next is for RTCP."""
        port = _free_pair()
        self.start("turnutils_peer", "-L", HOST, "-L", "::1", "-p", str(port))
        return port

    def end(self) -> None:
        for tool in self._tools:
            tool.end()


def _free_pair() -> int:
    """A UDP port that is free on every address, like the next one."""
    while True:
        port = free_port(socket.SOCK_DGRAM)
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as following:
            following.bind(("::", port + 1))
            return port
