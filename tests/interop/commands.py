"""The `sluice` command and other publishers as processes of their own."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from bench.server import ServerProcess

_MAIN = "from api.cli import main; main()"
_ROOT = Path(__file__).parents[2]


@contextlib.asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Python process with these arguments, killed in the end if it still runs. Its output is collected."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=_ROOT,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.communicate()


def sluice(*arguments: str) -> contextlib.AbstractAsyncContextManager[asyncio.subprocess.Process]:
    """`sluice ...`"""
    return process("-c", _MAIN, *arguments)


def publishing(
    server: ServerProcess, room: str, identity: str = "publisher"
) -> contextlib.AbstractAsyncContextManager[asyncio.subprocess.Process]:
    """`sluice publish` of the test picture into a room."""
    token = server.token(identity, room, publish=True)
    return sluice("publish", room, "testsrc", "--url", server.url, "--token", token)


def ffmpeg_publishing(
    server: ServerProcess, room: str, seconds: float
) -> contextlib.AbstractAsyncContextManager[asyncio.subprocess.Process]:
    """FFmpeg's WHIP muxer with H.264 and Opus."""
    token = server.token("ffmpeg", room, publish=True)
    return process("-m", "tests.interop.ffmpeg_whip", f"{server.url}/whip/{room}", token, str(seconds))
