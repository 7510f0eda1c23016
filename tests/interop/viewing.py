"""An aiortc viewer that runs beside a test."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from bench.server import ServerProcess
from clients.watch import Watcher
from tests.waiting import eventually


@contextlib.asynccontextmanager
async def watching(server: ServerProcess, room: str, identity: str = "watcher") -> AsyncIterator[Watcher]:
    """Follow a room until the block ends."""
    watcher = Watcher(server.url, room, server.token(identity, room, watch=True))

    async def follow() -> None:
        async with contextlib.aclosing(watcher.follow()) as moments:
            async for _ in moments:
                pass

    task = asyncio.ensure_future(follow())
    try:
        yield watcher
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until_seen(watcher: Watcher, frames: int = 20, within: float = 20.0) -> None:
    """Wait until so many more numbered pictures came."""
    before = watcher.video.frames

    async def look() -> bool:
        return watcher.video.frames >= before + frames and watcher.video.number() is not None

    await eventually(look, f"{frames} more numbered pictures", within)


async def until_heard(watcher: Watcher, within: float = 20.0) -> None:
    """Wait until there is sound."""

    async def look() -> bool:
        return watcher.audio.level_db > -40

    await eventually(look, "sound", within)


def watch_url(server: ServerProcess, room: str, identity: str) -> str:
    """The Watch page with its token."""
    return f"{server.url}/watch/{room}#token={server.token(identity, room, watch=True)}"


def broadcast_url(server: ServerProcess, room: str, identity: str = "broadcaster") -> str:
    """The Broadcast page with its token."""
    return f"{server.url}/broadcast?room={room}#token={server.token(identity, room, publish=True)}"
