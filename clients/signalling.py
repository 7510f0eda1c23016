"""What WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep-04) clients share: one offer by POST, one session to DELETE."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx

from clients.turn import TurnServer, turn_servers

MAX_ANSWER = 256 * 1024
"""Bytes; a longer answer is not read as SDP."""


class SignallingError(Exception):
    """The server did not give us a session. `status` is the HTTP status, None if no response came.

    `permanent` tells whether trying again unchanged is pointless, `retry_after` how long the server wants us to wait.
    """

    def __init__(self, message: str, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after

    @property
    def permanent(self) -> bool:
        return self.status is not None and 400 <= self.status < 500 and self.status not in (408, 409, 425, 429)


@dataclass(frozen=True, slots=True)
class Session:
    """What the POST brought: the session's URL (absolute), its answer (SDP), and the entity tag, quotes included."""

    url: str
    answer: str
    etag: str | None


class Endpoint:
    """One WHIP or WHEP endpoint and a bearer token for it; owns its HTTP connections."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        authority: Path | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """authority: a PEM file of certificates to trust besides the system's. OSError: it cannot be read."""
        self.url = url
        self.turn_tls = _trusting(authority)
        """For relays. Two contexts, because HTTP's makes its own protocol the only one to be spoken."""
        self.turn_tls.set_alpn_protocols(["stun.turn"])  # RFC 7443
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(10.0),
            follow_redirects=True,
            verify=_trusting(authority),
            transport=transport,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def ice_servers(self) -> object:
        """What `GET /v1/ice-servers` offers the token's holder, as JSON. Raises SignallingError."""
        endpoint = httpx.URL(self.url)
        room = endpoint.path.rpartition("/")[2]  # for a token that holds in every room
        url = endpoint.join("../v1/ice-servers").copy_with(params={"room": room})
        response = await self._request("GET", str(url))
        if response.status_code != httpx.codes.OK:
            raise _refusal(response)
        try:
            return response.json()
        except ValueError:
            raise SignallingError("the server's ICE servers cannot be read", response.status_code) from None

    async def turn_servers(self) -> list[TurnServer]:
        """The relays that the server offers; none if it offers none or cannot be asked."""
        try:
            return turn_servers(await self.ice_servers())
        except SignallingError:
            return []

    async def post(self, offer: str) -> Session:
        """Offer SDP, get a session (RFC 9725, 4.2). Raises SignallingError."""
        response = await self._request("POST", self.url, "application/sdp", offer)
        if response.status_code != httpx.codes.CREATED:
            raise _refusal(response)
        location = response.headers.get("location")
        if not location:
            raise SignallingError("the server's 201 names no Location", 201)
        if len(response.content) > MAX_ANSWER:
            raise SignallingError("the server's answer is too long", 201)
        return Session(str(response.url.join(location)), response.text, response.headers.get("etag"))

    async def patch(self, session: Session, fragment: str, if_match: str) -> httpx.Response:
        """Trickle candidates or restart ICE (RFC 9725, 4.3). Raises SignallingError unless the status is 200 or 204."""
        response = await self._request(
            "PATCH", session.url, "application/trickle-ice-sdpfrag", fragment, {"If-Match": if_match}
        )
        if response.status_code not in (httpx.codes.OK, httpx.codes.NO_CONTENT):
            raise _refusal(response)
        return response

    async def exists(self, session: Session) -> bool:
        """Whether the server still knows the session; True as well while the server cannot be asked."""
        try:
            response = await self._request("GET", session.url)
        except SignallingError:
            return True
        return response.status_code not in (httpx.codes.NOT_FOUND, httpx.codes.GONE)

    async def delete(self, session: Session) -> None:
        """End the session (RFC 9725, 4.2); one that is gone already is fine. Raises SignallingError."""
        response = await self._request("DELETE", session.url)
        if response.status_code not in (httpx.codes.OK, httpx.codes.NO_CONTENT, httpx.codes.NOT_FOUND):
            raise _refusal(response)

    async def _request(
        self, method: str, url: str, content_type: str = "", body: str = "", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        headers = dict(headers or {})
        if content_type:
            headers["Content-Type"] = content_type
        try:
            return await self._http.request(method, url, headers=headers, content=body.encode())
        except httpx.HTTPError as error:
            raise SignallingError(f"{method} failed: {error or type(error).__name__}") from error


def endpoint_url(server: str, kind: str, room: str) -> str:
    """`http://host` and a room's name to the URL of its WHIP or WHEP endpoint (`kind` is "whip" or "whep")."""
    return f"{server.rstrip('/')}/{kind}/{quote(room, safe='')}"


def _refusal(response: httpx.Response) -> SignallingError:
    """The error for an unwelcome response, with the text of its problem document (RFC 9457) where it has one."""
    detail = response.reason_phrase
    if "problem+json" in response.headers.get("content-type", ""):
        try:
            problem = response.json()
        except ValueError:
            problem = None
        if isinstance(problem, dict):
            detail = str(problem.get("detail") or problem.get("title") or detail)
    return SignallingError(f"{response.status_code} {detail}", response.status_code, _retry_after(response))


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds; the date form (RFC 9110, 10.2.3) is rare enough to be left to the caller's own backoff."""
    value = response.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) < 6 else None


def _trusting(authority: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if authority is not None:
        context.load_verify_locations(authority)
    return context
