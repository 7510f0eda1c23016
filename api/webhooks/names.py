"""Host names to addresses, in a thread that nobody waits for: a resolver may take half a minute to give up, and the
end of the process must not."""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress

FRESH_SECONDS = 5.0


class NameLookup:
    """Of one host. A result is used for FRESH_SECONDS; at most one lookup runs at a time, for everybody who asks."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._running: asyncio.Future[Sequence[str]] | None = None
        self._fresh_until = float("-inf")

    async def __call__(self) -> Sequence[str]:
        """IP addresses, the best first (RFC 6724); none: the name does not resolve."""
        with suppress(ValueError):
            return [str(ipaddress.ip_address(self._host))]
        loop = asyncio.get_running_loop()
        if self._running is None or (self._running.done() and loop.time() >= self._fresh_until):
            self._running = loop.create_future()
            self._running.add_done_callback(lambda _: self._renewed(loop.time()))
            arguments = (self._host, self._port, loop, self._running)
            threading.Thread(target=_look_up, args=arguments, name="webhook-name", daemon=True).start()
        return await asyncio.shield(self._running)

    def _renewed(self, now: float) -> None:
        self._fresh_until = now + FRESH_SECONDS


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
