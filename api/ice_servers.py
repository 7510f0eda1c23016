"""STUN and TURN servers in `Link` headers (RFC 9725, 4.6)."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class IceServer:
    """One STUN or TURN server; `url` is a `stun:`, `turn:` or `turns:` URI (RFC 7064, RFC 7065)."""

    url: str
    username: str | None = None
    credential: str | None = field(default=None, repr=False)


def link_header(server: IceServer) -> str:
    """The value of one Link header; each server gets a header of its own."""
    parts = [f"<{server.url}>", 'rel="ice-server"']
    if server.username is not None and server.credential is not None:
        parts += [f"username={_quoted(server.username)}", f"credential={_quoted(server.credential)}"]
        parts.append('credential-type="password"')
    return "; ".join(parts)


def link_headers(servers: Sequence[IceServer]) -> list[tuple[str, str]]:
    return [("Link", link_header(server)) for server in servers]


def _quoted(text: str) -> str:
    """RFC 9110, 5.6.4: quoted-string. Other characters that would end the header are not let through."""
    if not text.isprintable() or not text.isascii():
        raise ValueError("an ICE server's credentials must be printable ASCII")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
