"""`sluice turn` as a process."""

import asyncio
import contextlib
import re
import signal
import sys
from collections.abc import AsyncIterator

import pytest
from aioice import stun

from tests.api.turn_clients import SECRET, Clients, allocate, credential
from tests.waiting import eventually


@contextlib.asynccontextmanager
async def running(*options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The process and the line it said when it was ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "from api.cli import main; main()", "turn", "--listen", "127.0.0.1:0", *options),
        env={"SLUICE_TURN_SECRET": SECRET},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            yield process, (await process.stdout.readline()).decode()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def port(line: str) -> int:
    found = re.search(r"UDP and TCP 127\.0\.0\.1:(\d+)", line)
    assert found is not None, line
    return int(found[1])


async def test_two_clients_reach_each_other_through_it_by_udp_and_tcp() -> None:
    async with running() as (process, line):
        server = ("127.0.0.1", port(line))
        clients = Clients()
        alice, heard_by_alice = await clients.allocate(server, *credential("alice"), "udp")
        bob, heard_by_bob = await clients.allocate(server, *credential("bob"), "tcp")
        addresses = [endpoint.get_extra_info("sockname") for endpoint in (alice, bob)]

        async def heard() -> bool:
            """What comes before the other has permitted it is lost."""
            alice.sendto(b"from alice", addresses[1])
            bob.sendto(b"from bob", addresses[0])
            return bool(heard_by_alice.datagrams and heard_by_bob.datagrams)

        await eventually(heard, "each has heard the other")
        assert heard_by_bob.datagrams[0] == (b"from alice", addresses[0])
        assert heard_by_alice.datagrams[0] == (b"from bob", addresses[1])
        await clients.close()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await process.wait() == 0


async def test_another_secret_gets_nowhere() -> None:
    async with running() as (_, line):
        with pytest.raises(stun.TransactionFailed) as refused:
            await allocate(("127.0.0.1", port(line)), *credential("eve", "f" * 32))
        assert refused.value.response.attributes["ERROR-CODE"][0] == 401


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--listen", "192.0.2.1:3478"), "is not an address of this machine"),
        (("--secret", "short"), "shorter than 32 bytes"),
        (("--tls-listen", "127.0.0.1:0", "--cert", "/none.pem", "--key", "/none.pem"), "cannot read /none.pem"),
    ],
)
async def test_what_cannot_be_is_explained_in_a_line(options: tuple[str, ...], complaint: str) -> None:
    async with running(*options) as (process, line):
        assert line == ""
        assert process.stderr is not None
        said = (await process.stderr.read()).decode()
        assert complaint in said
        assert said.count("\n") == 1
        assert await process.wait() == 2
