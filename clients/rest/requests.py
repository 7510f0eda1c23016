"""HTTP requests to the REST API: with a token, repeated where that is safe, and with their problems as exceptions."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import httpx
from pydantic import BaseModel, ValidationError

from clients.backoff import Backoff
from clients.rest.errors import ApiError, UnreachableError, api_error
from clients.rest.tokens import EVERYTHING, sign

ATTEMPTS = 4
TIMEOUT = 15.0
TOKEN_TTL = timedelta(minutes=10)
# A token is renewed when less than this is left of it, which no request outlives.
TOKEN_REST = timedelta(minutes=2)
# Answers after which the same may succeed (RFC 9110, 15.5.9, 15.6.3 to 15.6.5; RFC 6585, 4).
TRY_AGAIN = frozenset({408, 429, 502, 503, 504})

Answer = TypeVar("Answer", bound=BaseModel)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Requests:
    """Owns its HTTP connections. A request that may have been lost is made again, up to ATTEMPTS times: none of them
    does more the second time, those that create something because of their Idempotency-Key.
    """

    def __init__(
        self,
        url: str,
        key: str,
        secret: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        now: Callable[[], datetime] = utc_now,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._key = key
        self._secret = secret
        self._now = now
        self._wait = wait
        self._token = ""
        self._expires = datetime.min.replace(tzinfo=UTC)
        self._http = httpx.AsyncClient(base_url=url, timeout=TIMEOUT, transport=transport, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()

    async def read(self, kind: type[Answer], method: str, path: str, **values: Any) -> Answer:
        """The answer. ApiError, UnreachableError."""
        response = await self.send(method, path, **values)
        try:
            return kind.model_validate_json(response.content)
        except ValidationError as error:
            text = "the answer is not that of a Sluice server"
            raise ApiError(response.status_code, "unreadable-answer", text) from error

    async def pages(
        self, kind: type[Answer], path: str, page_size: int, params: Mapping[str, str]
    ) -> AsyncIterator[Answer]:
        """The items of a list, whose pages are asked for one after the other. ApiError, UnreachableError."""
        page_token: str | None = None
        while True:
            query = {**params, "page_size": str(page_size)} | ({"page_token": page_token} if page_token else {})
            page = await self.read(_Page, "GET", path, params=query)
            for item in page.items:
                yield kind.model_validate(item)
            page_token = page.next_page_token
            if page_token is None:
                return

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        params: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> httpx.Response:
        """token: in place of our own; "": none. ApiError, UnreachableError."""
        creates = {"Idempotency-Key": str(uuid4())} if method == "POST" else {}
        backoff = Backoff(random.random)
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            bearer = self._own_token() if token is None else token
            headers = creates | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
            try:
                response = await self._http.request(method, path, json=body, params=params, headers=headers)
            except httpx.TransportError as error:
                if last:
                    raise UnreachableError(f"no answer to {method} {path}") from error
                await self._wait(backoff.next())
                continue
            gone = method == "DELETE" and response.status_code == 404 and attempt > 1
            if response.is_success or gone:  # an earlier attempt may have removed it
                return response
            failure = api_error(response)
            if last or response.status_code not in TRY_AGAIN:
                raise failure
            await self._wait(backoff.next(failure.retry_after))
        raise AssertionError("the last attempt returns or raises")

    def _own_token(self) -> str:
        now = self._now()
        if self._expires - now < TOKEN_REST:
            self._token = sign(self._key, self._secret, now=now, ttl=TOKEN_TTL, video=EVERYTHING)
            self._expires = now + TOKEN_TTL
        return self._token

    def token_for(self, room: str, identity: str) -> str:
        """What a participant would come with."""
        grant = {"roomJoin": True, "room": room}
        return sign(self._key, self._secret, now=self._now(), ttl=TOKEN_TTL, video=grant, identity=identity)


class _Page(BaseModel):
    items: list[dict[str, Any]]
    next_page_token: str | None
