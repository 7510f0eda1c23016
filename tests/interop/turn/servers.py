"""`sluice turn` in a process of its own on the loopback, and ways in."""

import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.relays import HOST, Site, TurnProcess
from tests.interop.turn.client import Client
from tests.interop.turn.links import Link, tcp, tls, udp
from tests.turn.client import REALM_NAME
from turn.credentials import password
from turn.datapath import Address

_MAIN = "from api.cli import main; main()"
OPEN_TO_LOOPBACK = ("--peers", "open", "--allow-peer", "127.0.0.0/8", "--allow-peer", "::1/128")
PERMITTED = "127.0.0.2"
OPEN_TO_ONE = ("--peers", "open", "--allow-peer", PERMITTED)
RELAYS_ON_LOOPBACK = ("--relay-ip", HOST, "--relay-ip", "::1")
LINKS: dict[str, Callable[[Address, str], Link]] = {"udp": udp, "tcp": tcp, "tls": tls}

# One client of a test asks more often than any of the world's.
UNHURRIED = ("--request-rate", "100000")


class SluiceTurn(TurnProcess):
    """Use as a context manager. It serves HOST, and ::1 besides, on one UDP and TCP port and one TLS port."""

    def __init__(self, site: Site, *options: str, hosts: Sequence[str] = (HOST, "[::1]")) -> None:
        command = [sys.executable, "-c", _MAIN, "turn", "--secret", site.secret, "--realm", REALM_NAME]
        for host in hosts:
            command += ["--listen", f"{host}:{{udp}}"]
        command += ["--tls-listen", f"{HOST}:{{tls}}", "--cert", str(site.certificate), "--key", str(site.key)]
        super().__init__("sluice-turn", site, [*command, *options])
        self.secret = site.secret

    @property
    def address(self) -> Address:
        """UDP and TCP."""
        return HOST, self.udp_port

    @property
    def tls_address(self) -> Address:
        return HOST, self.tls_port

    def credentials(self, user: str, *, seconds: int = 300, secret: str | None = None) -> tuple[str, str]:
        """As somebody with the shared secret makes them; seconds: for how long they admit, from now."""
        username = f"{int(time.time()) + seconds}:{user}"
        return username, password(secret or self.secret, username)

    def link(self, protocol: str = "udp", source: str = "") -> Link:
        return LINKS[protocol](self.tls_address if protocol == "tls" else self.address, source)

    def client(self, user: str, protocol: str = "udp", source: str = "") -> Client:
        return Client(self.link(protocol, source), *self.credentials(user))

    def resident_kib(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def indiscretions(log: Path) -> list[str]:
    """What a server has logged that tells of a client, a secret or a bug of ours."""
    found = []
    for line in log.read_text(errors="replace").splitlines():
        # What refuses a peer is a rule, which looks like an address. What is no log message is what it says at first.
        message = _RULE.sub("", line)
        if _BUG.search(message) or (_LOGGED.match(message) and _TOLD.search(message)):
            found.append(line)
    return found


_LOGGED = re.compile(r"\d{4}-\d\d-\d\d ")
_RULE = re.compile(r"by the rule '[^']*'")
_BUG = re.compile(r"Traceback|panicked")
_TOLD = re.compile(
    "|".join(
        (
            r"\b\d{1,3}(\.\d{1,3}){3}\b",  # an IPv4 address
            r"::\d|\b[0-9a-f]{1,4}(:[0-9a-f]{0,4}){3,}",  # an IPv6 address
            r"\b\d{10}:",  # a user name
            r"[A-Za-z0-9+/]{27}=",  # a password
        )
    )
)
