"""Answering to the right names only."""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import problem_response


class TrustedHosts:
    """ASGI middleware: 421 (RFC 9110, 15.5.20) unless Host is one of `hosts`; `*.example.org` means its subdomains."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._names = {host.lower() for host in hosts if not host.startswith("*.")}
        self._suffixes = tuple(host[1:].lower() for host in hosts if host.startswith("*."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._is_trusted(host_name(Headers(scope=scope).get("host", ""))):
            await self._app(scope, receive, send)
            return
        detail = "This server does not answer to that name; the setting trusted_hosts lists those it does."
        await problem_response(421, "untrusted-host", detail)(scope, receive, send)

    def _is_trusted(self, name: str) -> bool:
        return name in self._names or bool(self._suffixes and name.endswith(self._suffixes))


def host_name(header: str) -> str:
    """The host of a Host header, without port and without IPv6 brackets (RFC 9110, 7.2)."""
    header = header.strip().lower()
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.rpartition(":")[0] if ":" in header else header
