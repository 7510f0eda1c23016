"""Programs that run in a world beside a test."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from tests.net.natlab.world import World

OUTPUT_TIMEOUT = 30.0


@contextlib.asynccontextmanager
async def running(
    world: World, name: str, *arguments: str, log: Path | None = None, environment: dict[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program in a namespace, killed in the end if it still runs. Its output goes to `log` or else to a pipe."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
    with contextlib.ExitStack() as files:
        output = files.enter_context(log.open("ab")) if log else asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *world.command(name, *arguments),
            env=inherited | (environment or {}),
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def output_of(world: World, name: str, *arguments: str) -> str:
    """What a program prints. TimeoutError: it did not end in time."""
    async with running(world, name, *arguments) as process:
        output, _ = await asyncio.wait_for(process.communicate(), OUTPUT_TIMEOUT)
    return output.decode()


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """The command line of a module of this project."""
    return (sys.executable, "-m", module, *arguments)


async def probe(world: World, name: str, what: str, host: str, port: int) -> str:
    """See `tests.net.natlab.probe`."""
    return (await output_of(world, name, *python("tests.net.natlab.probe", what, host, str(port)))).strip()
