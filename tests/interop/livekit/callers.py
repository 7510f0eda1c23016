"""The participants of a call under test, each a real LiveKit client in its process."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.server import ServerProcess
from tests.waiting import eventually

_ROOT = Path(__file__).parents[3]
PATIENCE = 30.0


class GoneError(Exception):
    """The client's process has ended: a message of ours may have killed it."""


class Caller:
    """`events` are in the order they were told. Use as an async context manager."""

    def __init__(self, identity: str, command: Sequence[str] = ()) -> None:
        """command: what goes before the client's own command line, as to run it in a namespace."""
        self.identity = identity
        self._command = (*command, sys.executable, "-m", "tests.interop.livekit.sdk")
        self.events: list[dict[str, Any]] = []
        self._process: asyncio.subprocess.Process | None = None
        self._asked = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._reading: list[asyncio.Task[None]] = []
        self._errors: list[str] = []

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=_ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=2**22,
        )
        self._reading = [asyncio.ensure_future(self._read()), asyncio.ensure_future(self._read_errors())]
        await self.told("ready")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def ask(self, what: str, **arguments: Any) -> Any:
        """RuntimeError: the client says no. GoneError: it is dead."""
        self._check()
        assert self._process is not None
        assert self._process.stdin is not None
        self._asked += 1
        answer = self._answers[self._asked] = asyncio.get_running_loop().create_future()
        request = {"id": self._asked, "do": what, "with": arguments}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        async with asyncio.timeout(PATIENCE):
            return await answer

    async def told(self, event: str, matching: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """Wait until this was told, now or before."""

        async def look() -> dict[str, Any] | None:
            self._check()
            return next((one for one in self.events if one["event"] == event and matching(one)), None)

        return await _there(look, f"{self.identity} is told {event}")

    def forget(self) -> None:
        """What was told so far does not count any more."""
        self.events.clear()

    async def receives(
        self,
        sid: str,
        *,
        frames: int = 5,
        matching: Callable[[dict[str, Any]], bool] = lambda _: True,
    ) -> dict[str, Any]:
        """Wait for so many more frames of a track, and until what they show is right."""
        before = (await self.ask("media")).get(sid, {"frames": 0})["frames"]

        async def look() -> dict[str, Any] | None:
            figures: dict[str, Any] = (await self.ask("media")).get(sid, {"frames": 0})
            return figures if figures["frames"] >= before + frames and matching(figures) else None

        return await _there(look, f"{self.identity} receives {sid}")

    async def receives_all(self, tracks: Mapping[str, Callable[[dict[str, Any]], bool]]) -> None:
        """Wait until some frames of each of these tracks have come, and show what is right."""

        async def look() -> dict[str, Any] | None:
            media = await self.ask("media")
            missing = [sid for sid, right in tracks.items() if sid not in media or not right(media[sid])]
            return None if missing else {"media": media}

        await _there(look, f"{self.identity} receives everything")

    async def sees(self, matching: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the room is like that to this client."""

        async def look() -> dict[str, Any] | None:
            found: dict[str, Any] = await self.ask("state")
            return found if matching(found) else None

        return await _there(look, f"{self.identity} sees the room so")

    def _check(self) -> None:
        if not self.alive:
            raise GoneError(self._obituary())

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            message = json.loads(line)
            if "event" in message:
                self.events.append(message)
            elif (answer := self._answers.pop(message["re"], None)) is not None and not answer.done():
                if "error" in message:
                    answer.set_exception(RuntimeError(message["error"]))
                else:
                    answer.set_result(message["value"])
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(GoneError(self._obituary()))

    async def _read_errors(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self._errors = [*self._errors[-40:], line.decode(errors="replace")]

    def _obituary(self) -> str:
        code = self._process.returncode if self._process else None
        return f"{self.identity} has ended ({code}):\n{''.join(self._errors)}"


async def _there(look: Callable[[], Awaitable[dict[str, Any] | None]], what: str) -> dict[str, Any]:
    found = await eventually(look, what, PATIENCE)
    assert found is not None
    return found


@contextlib.asynccontextmanager
async def call(
    server: ServerProcess, room: str, *identities: str, single: bool, **options: Any
) -> AsyncIterator[list[Caller]]:
    """Clients who have joined, in this order."""
    async with contextlib.AsyncExitStack() as stack:
        callers = [await stack.enter_async_context(Caller(identity)) for identity in identities]
        for caller in callers:
            await join(server, room, caller, single=single, **options)
        yield callers


async def join(
    server: ServerProcess, room: str, caller: Caller, *, single: bool, token: str = "", url: str = "", **options: Any
) -> None:
    token = token or server.token(caller.identity, room, publish=True, watch=True)
    await caller.ask("connect", url=(url or server.url).replace("http", "ws"), token=token, single=single, **options)
