"""TURN servers as `GET /v1/ice-servers` offers them: dictionaries as browsers take them, with URIs of RFC 7065."""

import re
from dataclasses import dataclass, field
from typing import Literal

Transport = Literal["udp", "tcp", "tls"]
PREFERENCE: tuple[Transport, ...] = ("udp", "tcp", "tls")
"""What loses least for media first: no head-of-line blocking, then no second encryption."""

MAX_SERVERS = 16
"""More than this many are not looked at."""

_URI = re.compile(
    r"(turns?):(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::([0-9]{1,5}))?(?:\?transport=(udp|tcp))?"
)
_DEFAULT_PORTS = {"turn": 3478, "turns": 5349}


@dataclass(frozen=True, slots=True)
class TurnServer:
    """One way to one server. `host` is a name or an address, without brackets."""

    host: str
    port: int
    transport: Transport
    username: str
    credential: str = field(repr=False)

    def __str__(self) -> str:
        return f"turn/{self.transport}"


def turn_servers(offered: object) -> list[TurnServer]:
    """The ways that `{"iceServers": [...]}` offers and that we can go, in its order; what cannot be read is skipped."""
    entries = offered.get("iceServers") if isinstance(offered, dict) else None
    found: list[TurnServer] = []
    for entry in entries[:MAX_SERVERS] if isinstance(entries, list) else ():
        if not isinstance(entry, dict):
            continue
        urls, username, credential = entry.get("urls"), entry.get("username"), entry.get("credential")
        if not isinstance(username, str) or not isinstance(credential, str):
            continue
        for url in urls if isinstance(urls, list) else [urls]:
            server = _server(url, username, credential)
            if server is not None:
                found.append(server)
    return found[:MAX_SERVERS]


def _server(url: object, username: str, credential: str) -> TurnServer | None:
    match = _URI.fullmatch(url) if isinstance(url, str) else None
    if match is None:
        return None
    scheme, host, port_text, transport = match.groups()
    port = int(port_text) if port_text else _DEFAULT_PORTS[scheme]
    if not 0 < port < 65536:
        return None
    if scheme == "turns":
        # TURN over DTLS, turns: with transport=udp, is not spoken here.
        return None if transport == "udp" else TurnServer(host.strip("[]"), port, "tls", username, credential)
    return TurnServer(host.strip("[]"), port, "tcp" if transport == "tcp" else "udp", username, credential)
