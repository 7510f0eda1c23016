"""STUN and TURN servers as LiveKit's clients are told of them."""

from collections.abc import Iterable

from livekit.protocol import rtc

from api.ice_servers import IceServer


def ice_servers(servers: Iterable[IceServer]) -> list[rtc.ICEServer]:
    """Those with the same credential are one entry."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for server in servers:
        grouped.setdefault((server.username or "", server.credential or ""), []).append(server.url)
    return [
        rtc.ICEServer(urls=urls, username=username, credential=credential)
        for (username, credential), urls in grouped.items()
    ]
