"""The settings that are the SFU's, as the plain values it takes."""

from collections.abc import Iterable

from api.addresses import SocketAddress
from api.listeners import has_ipv6
from api.settings import Settings
from sfu.settings import SfuSettings


def sfu_settings(settings: Settings) -> SfuSettings:
    listen = expand(settings.rtc)
    discovery = settings.nat_discovery_port
    return SfuSettings(
        listen=listen,
        unannounced=() if discovery is None else tuple((host, discovery) for host, _ in listen),
        tls=expand((settings.tls,)) if settings.tls is not None else (),
        proxies=settings.proxy_protocol,
        workers=settings.workers,
        public_ips=settings.public_ip,
        include_loopback=settings.dev,
        last_n=settings.call_last_n,
        may_unmute=settings.call_remote_unmute,
        max_rooms=settings.max_rooms,
        max_participants_per_room=settings.max_participants_per_room,
        max_sessions=settings.max_sessions,
        max_handshakes=settings.max_handshakes,
    )


def expand(addresses: Iterable[SocketAddress]) -> tuple[tuple[str, int], ...]:
    """A wildcard becomes one for IPv4 and, where the machine has it, one for IPv6."""
    found: list[tuple[str, int]] = []
    for address in addresses:
        if address.host:
            found.append((address.host, address.port))
        else:
            found.append(("0.0.0.0", address.port))
            if has_ipv6():
                found.append(("::", address.port))
    return tuple(found)
