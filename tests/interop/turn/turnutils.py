"""coturn's client tools (Debian package coturn), each run bounded in time."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.interop.turn.servers import SluiceTurn

WITHIN = 40.0
MESSAGES, MESSAGE_BYTES = 5, 120
_TRAFFIC = re.compile(r"start_mclient: tot_send_bytes ~ (\d+), tot_recv_bytes ~ (\d+)")


@dataclass(frozen=True)
class Outcome:
    """Bytes that all of its clients sent and received; None where it gave up before."""

    sent: int | None
    received: int | None
    output: str


class Tool:
    """One of them at work. Its output is kept in a file."""

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
        sent, received = map(int, traffic[-1]) if traffic else (None, None)
        return Outcome(sent, received, output)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


def uclient(log: Path, server: SluiceTurn, user: str, source: str, *options: str, secret: str | None = None) -> Tool:
    """`turnutils_uclient`: sends MESSAGES of MESSAGE_BYTES, and counts what comes back. source: its IP address."""
    port = server.tls_port if "-S" in options else server.udp_port
    command = ["turnutils_uclient", "-u", user, "-W", secret or server.secret, "-L", source, "-p", str(port)]
    command += ["-n", str(MESSAGES), "-l", str(MESSAGE_BYTES), *options, server.address[0]]
    return Tool(log, *command)
