"""Publishers and viewers on aiortc, each in a namespace of its own."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any

from tests.nat.serving import SLUICE, Server
from tests.net.natlab.running import python, running
from tests.net.natlab.world import World

ON_THE_AIR_TIMEOUT = 30.0
PICTURE_TIMEOUT = 30.0
ENOUGH_FRAMES = 20
"""Decoded frames that count as a picture that moves."""


class Viewer:
    """A viewer's figures as they come."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.figures: dict[str, Any] = {"frames": 0}

    async def until_seen(self, more: int = ENOUGH_FRAMES, within: float = PICTURE_TIMEOUT) -> dict[str, Any]:
        """Wait until so many more pictures were decoded, the newest with a time code in it; the figures then."""
        wanted = self.figures["frames"] + more
        async with self._waiting(f"{more} more pictures", within):
            while self.figures["frames"] < wanted or self.figures["number"] is None:
                await self._look()
        return self.figures

    async def until_still(self, within: float = PICTURE_TIMEOUT) -> None:
        """Wait until no picture comes any more."""
        before = -1
        async with self._waiting("standstill", within):
            while self.figures["frames"] != before:
                before = self.figures["frames"]
                await self._look()

    @contextlib.asynccontextmanager
    async def _waiting(self, what: str, within: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(within):
                yield
        except (TimeoutError, ValueError) as error:
            raise AssertionError(f"no {what} in {within:.0f} s: {self.figures} {error}") from None

    async def _look(self) -> None:
        assert self._process.stdout is not None
        self.figures = json.loads(await self._process.stdout.readline())


@contextlib.asynccontextmanager
async def publishing(
    world: World, host: str, url: str, server: Server, room: str, *, relay: bool = False
) -> AsyncIterator[str]:
    """`sluice publish` of the test picture; the way that it takes."""
    token = server.token("publisher", room, publish=True)
    options = ("--url", url, "--token", token, "--ca", str(server.authority), *(("--relay",) if relay else ()))
    said: list[str] = []
    async with running(world, host, *SLUICE, "publish", room, "testsrc", *options) as process:
        assert process.stdout is not None
        try:
            async with asyncio.timeout(ON_THE_AIR_TIMEOUT):
                while (on_the_air := re.search(r"On the air \((.*)\)", said[-1] if said else "")) is None:
                    line = (await process.stdout.readline()).decode()
                    assert line, "it ended"
                    said.append(line)
        except (TimeoutError, AssertionError) as error:
            raise AssertionError(f"nothing is published ({error!r}): {''.join(said)}") from None
        draining = asyncio.ensure_future(process.stdout.read())
        try:
            yield on_the_air[1]
        finally:
            draining.cancel()


@contextlib.asynccontextmanager
async def watching(
    world: World, host: str, url: str, server: Server, room: str, *, relay: bool = False
) -> AsyncIterator[Viewer]:
    """See `tests.nat.viewer`."""
    token = server.token("viewer", room, watch=True)
    options = ("--relay",) if relay else ()
    command = python("tests.nat.viewer", url, room, token, str(server.authority), *options)
    async with running(world, host, *command) as process:
        yield Viewer(process)
