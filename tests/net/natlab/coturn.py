"""coturn, as a TURN server and as a STUN server on two addresses, which RFC 5780 needs: a network as others see it."""

import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

from tests.net.natlab.internet import ALTERNATE, OTHER, SERVER, WAN
from tests.net.natlab.running import output_of, probe, running
from tests.net.natlab.world import World
from tests.waiting import eventually

PORT = 3478
USER, PASSWORD = "user", "password"


@contextlib.asynccontextmanager
async def coturn(world: World, log: Path, *options: str) -> AsyncIterator[None]:
    """Serve on SERVER and ALTERNATE, port 3478 and 3479, and on OTHER, TCP port 443."""
    arguments = ["-n", "-L", SERVER, "-L", ALTERNATE, f"--aux-server={OTHER}:443", "--no-cli", "--log-file=stdout"]
    arguments += ["--lt-cred-mech", f"--user={USER}:{PASSWORD}", "--realm=example.org"]
    arguments += ["--pidfile=/run/turnserver.pid", "--userdb=/run/turnserver.db", *options]

    async def answers() -> bool:
        return await probe(world, WAN, "mapped", SERVER, PORT) not in ("silence", "ECONNREFUSED")

    async with running(world, WAN, "turnserver", *arguments, log=log):
        await eventually(answers, "coturn answers")
        yield


async def discovered(world: World, host: str) -> tuple[str, str]:
    """Mapping and filtering (RFC 4787) of the NAT in front of a host, as `turnutils_natdiscovery` finds them."""
    output = await output_of(world, host, "turnutils_natdiscovery", "-m", "-f", SERVER)
    verdicts = [line.removeprefix("NAT with ").rstrip("!\n") for line in output.splitlines() if "NAT with " in line]
    return _verdict(verdicts, "Mapping"), _verdict(verdicts, "Filtering")


def _verdict(verdicts: list[str], kind: str) -> str:
    """`Address and Port Dependent Filtering`, for one, as RFC 4787 writes it."""
    for verdict in verdicts:
        behaviour, _, found = verdict.rpartition(" ")
        if found == kind:
            return re.sub(r" (?=(in)?dependent$)", "-", behaviour.lower())
    return ""
