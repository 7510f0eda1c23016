"""Host names to addresses, in a thread that nobody waits for: a resolver may take half a minute to give up, and the
end of the process must not."""

import asyncio
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress


class NameLookup:
    """Of one host. At most one lookup runs at a time; who asks meanwhile gets its result."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._running: asyncio.Future[Sequence[str]] | None = None

    async def __call__(self) -> Sequence[str]:
        """IP addresses, the best first (RFC 6724); none: the name does not resolve."""
        if self._running is None or self._running.done():
            loop = asyncio.get_running_loop()
            self._running = loop.create_future()
            arguments = (self._host, self._port, loop, self._running)
            threading.Thread(target=_look_up, args=arguments, name="webhook-name", daemon=True).start()
        return await asyncio.shield(self._running)


def _look_up(host: str, port: int, loop: asyncio.AbstractEventLoop, running: asyncio.Future[Sequence[str]]) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # UnicodeError: a label that is too long
        found = []
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
    with suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(_settle, running, addresses)


def _settle(running: asyncio.Future[Sequence[str]], addresses: Sequence[str]) -> None:
    if not running.done():
        running.set_result(addresses)
