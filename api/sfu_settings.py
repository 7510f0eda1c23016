"""The settings that are the SFU's, as the plain values it takes."""

from api.listeners import has_ipv6
from api.settings import Settings
from sfu.settings import SfuSettings


def sfu_settings(settings: Settings) -> SfuSettings:
    """A wildcard media address becomes one for IPv4 and, where the machine has it, one for IPv6."""
    listen: list[tuple[str, int]] = []
    for address in settings.rtc:
        if address.host:
            listen.append((address.host, address.port))
        else:
            listen.append(("0.0.0.0", address.port))
            if has_ipv6():
                listen.append(("::", address.port))
    return SfuSettings(
        listen=tuple(listen),
        workers=settings.workers,
        public_ips=settings.public_ip,
        include_loopback=settings.dev,
        max_rooms=settings.max_rooms,
        max_participants_per_room=settings.max_participants_per_room,
        max_sessions=settings.max_sessions,
        max_handshakes=settings.max_handshakes,
    )
