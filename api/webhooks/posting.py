"""One attempt to deliver an event: a POST to the address that was checked, and to no other."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from api.webhooks.connection import Connection, NoAnswerError
from api.webhooks.outcomes import Outcome, of_status
from api.webhooks.public import refusal
from api.webhooks.targets import Target

MAX_ADDRESSES = 4
MAX_IDLE = 8  # connections kept for another request; more are closed
IDLE_SECONDS = 4.0  # many servers close theirs after five
HEADERS = {"Content-Type": "application/webhook+json", "User-Agent": "Sluice", "Accept-Encoding": "identity"}

Lookup = Callable[[], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for a connection with its TLS handshake, for all of an attempt, for the rest of an answer whose status
    is known."""

    connect: float = 4.0
    attempt: float = 10.0
    answer: float = 1.0


class Poster:
    """For one target. `lookup` is asked for addresses at each attempt.

    The request goes to an address that passed the rules, as such, so that no second lookup can lead elsewhere; the
    host's name stands in the Host header and is what TLS verifies. Neither redirects nor proxies are followed.
    """

    def __init__(
        self,
        target: Target,
        lookup: Lookup,
        *,
        tls: ssl.SSLContext,
        allow_private: bool = False,
        patience: Patience | None = None,
    ) -> None:
        self._target = target
        self._lookup = lookup
        self._tls = tls if target.scheme == "https" else None
        self._allow_private = allow_private
        self._patience = patience or Patience()
        self._idle: list[tuple[Connection, float]] = []  # with the time they may be used until

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Whatever comes of it: only a bug of ours is an exception."""
        try:
            async with asyncio.timeout(self._patience.attempt):
                return await self._post(body, headers)
        except TimeoutError:
            return Outcome("failed", f"no answer within {self._patience.attempt:g} s")
        except NoAnswerError as error:
            return Outcome("failed", str(error))
        except OSError:
            return Outcome("failed", "the connection broke")

    def close(self) -> None:
        """Not while an attempt is made."""
        while self._idle:
            self._idle.pop()[0].close()

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> Outcome:
        addresses = await self._lookup()
        if not addresses:
            return Outcome("failed", "its name does not resolve")
        rules = [None if self._allow_private else refusal(address) for address in addresses]
        allowed = [address for address, rule in zip(addresses, rules, strict=True) if rule is None]
        if not allowed:
            return Outcome("refused", f"its address is not public ({rules[0]}); webhook_allow_private would allow it")
        connection = self._kept(allowed) or await self._connected(allowed[:MAX_ADDRESSES])
        if connection is None:
            return Outcome("failed", "it cannot be connected to, or its certificate is wrong")
        try:
            status = await connection.post(self._target.path, self._fields(headers), body)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience.answer):
                    await connection.finish()
        finally:
            self._keep(connection)
        return of_status(status)

    def _fields(self, headers: Mapping[str, str]) -> Iterable[tuple[str, str]]:
        return {"Host": self._target.authority, **HEADERS, **headers}.items()

    async def _connected(self, addresses: Sequence[str]) -> Connection | None:
        for address in addresses:
            with suppress(OSError):  # which a TimeoutError is as well
                async with asyncio.timeout(self._patience.connect):
                    return await Connection.open(address, self._target.port, self._tls, self._target.host)
        return None

    def _kept(self, allowed: Sequence[str]) -> Connection | None:
        """One that has been used before, to an address that would be connected to now."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection, until = self._idle.pop()
            if connection.usable and connection.address in allowed and now < until:
                return connection
            connection.close()
        return None

    def _keep(self, connection: Connection) -> None:
        if connection.usable and len(self._idle) < MAX_IDLE:
            self._idle.append((connection, asyncio.get_running_loop().time() + IDLE_SECONDS))
        else:
            connection.close()
