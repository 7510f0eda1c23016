"""STUN and TURN servers as clients look for them: `Link` headers (RFC 9725, 4.6) and W3C's RTCIceServer."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from api.schemas import IceServerEntry


@dataclass(frozen=True, slots=True)
class IceServer:
    """One STUN or TURN server; `url` is a `stun:`, `turn:` or `turns:` URI (RFC 7064, RFC 7065)."""

    url: str
    username: str | None = None
    credential: str | None = field(default=None, repr=False)


def ice_urls(
    addresses: Iterable[tuple[str, int]], *, domain: str | None, tls: tuple[str, int] | None
) -> tuple[Sequence[str], Sequence[str]]:
    """URIs of STUN and of TURN, best first. Clients ask every one of them, so they are few.

    addresses: (IP address, port) of the media; the first of each family is used, or `domain` in its place. tls: (host,
    port) of TURN over TLS.
    """
    hosts = [f"{domain}:{port}" for _, port in addresses][:1] if domain else list(_first_of_each_family(addresses))
    stun = [f"stun:{host}" for host in hosts]
    turn = [f"turn:{host}?transport={protocol}" for protocol in ("udp", "tcp") for host in hosts]
    secure = [] if tls is None else [f"turns:{_host(tls[0])}:{tls[1]}?transport=tcp"]
    return stun, turn + secure


def link_headers(servers: Sequence[IceServer]) -> list[tuple[str, str]]:
    """One Link header for each server."""
    return [("Link", link_header(server)) for server in servers]


def link_header(server: IceServer) -> str:
    parts = [f"<{server.url}>", 'rel="ice-server"']
    if server.username is not None and server.credential is not None:
        parts += [f"username={_quoted(server.username)}", f"credential={_quoted(server.credential)}"]
        parts.append('credential-type="password"')
    return "; ".join(parts)


def entries(servers: Sequence[IceServer]) -> list[IceServerEntry]:
    """As RTCConfiguration.iceServers has them: those with the same credential are one entry."""
    grouped: dict[tuple[str | None, str | None], list[str]] = {}
    for server in servers:
        grouped.setdefault((server.username, server.credential), []).append(server.url)
    return [
        IceServerEntry(urls=urls, username=username, credential=credential)
        for (username, credential), urls in grouped.items()
    ]


def _first_of_each_family(addresses: Iterable[tuple[str, int]]) -> Iterable[str]:
    seen = set()
    for ip, port in addresses:
        version = ipaddress.ip_address(ip).version
        if version not in seen:
            seen.add(version)
            yield f"{_host(ip)}:{port}"


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _quoted(text: str) -> str:
    """RFC 9110, 5.6.4: quoted-string. Other characters that would end the header are not let through."""
    if not text.isprintable() or not text.isascii():
        raise ValueError("an ICE server's credentials must be printable ASCII")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
