"""One attempt to deliver an event: a POST to the address that was checked, and to no other."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import httpx

from api.webhooks.outcomes import Outcome, of_status
from api.webhooks.public import refusal
from api.webhooks.targets import Target

PARALLEL = 8  # requests to one target at once
MAX_ADDRESSES = 4
MAX_ANSWER = 16 << 10  # bytes read of an answer, so that its connection can be used again
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
    """For one target. Names are looked up anew for each attempt, by `lookup`.

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
        self._allow_private = allow_private
        self._patience = patience or Patience()
        self._client = httpx.AsyncClient(
            verify=tls,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(self._patience.attempt, connect=self._patience.connect),
            limits=httpx.Limits(max_connections=PARALLEL, max_keepalive_connections=PARALLEL),
        )

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Outcome:
        try:
            async with asyncio.timeout(self._patience.attempt):
                return await self._post(body, headers)
        except TimeoutError:
            return Outcome("failed", f"no answer within {self._patience.attempt:g} s")

    async def close(self) -> None:
        await self._client.aclose()

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> Outcome:
        addresses = await self._lookup()
        if not addresses:
            return Outcome("failed", "its name does not resolve")
        rules = [None if self._allow_private else refusal(address) for address in addresses]
        allowed = [address for address, rule in zip(addresses, rules, strict=True) if rule is None]
        if not allowed:
            return Outcome("refused", f"its address is not public ({rules[0]}); webhook_allow_private would allow it")
        for address in allowed[:MAX_ADDRESSES]:
            try:
                return await self._post_to(address, body, headers)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                return Outcome("failed", f"the request failed: {type(error).__name__}")
        return Outcome("failed", "it cannot be connected to, or its certificate is wrong")

    async def _post_to(self, address: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        target = self._target
        url = httpx.URL(scheme=target.scheme, host=address, port=target.port, raw_path=target.path.encode())
        async with self._client.stream(
            "POST",
            url,
            content=body,
            headers={**HEADERS, **headers, "Host": target.authority},
            extensions={"sni_hostname": target.host},
        ) as response:
            with suppress(TimeoutError, httpx.HTTPError):
                async with asyncio.timeout(self._patience.answer):
                    await _skip(response)
            return of_status(response.status_code)


async def _skip(response: httpx.Response) -> None:
    """As it comes: unpacking is what makes small answers large."""
    seen = 0
    async for chunk in response.aiter_raw():
        seen += len(chunk)
        if seen > MAX_ANSWER:
            return
