"""The settings that are TURN's, as the plain values it takes."""

import hmac
import ipaddress
from collections.abc import Iterable, Sequence

from api.settings import Settings
from api.turn_options import TurnOptions
from turn.settings import NatDiscovery, TurnSettings

Address = tuple[str, int]

DEFAULT_REALM = "sluice"
_LABEL = b"sluice turn credentials"


def served_with_media(settings: Settings, media: Sequence[Address], bound: Sequence[Address]) -> TurnSettings:
    """Beside the SFU. media: its addresses as clients are told; bound: as they are here."""
    is_open = settings.turn_peers == "open"
    return TurnSettings(
        realm=settings.domain or DEFAULT_REALM,
        secrets=tuple(secret.get_secret_value() for secret in settings.turn_secrets) or (_derived_secret(settings),),
        policy=settings.turn_peers,
        allow_peers=settings.turn_allow_peers,
        relay_ips=(settings.turn_relay_ip or first_of_each_family(ip for ip, _ in bound))
        if is_open
        else first_of_each_family(ip for ip, _ in media),
        public_ips=first_of_each_family(settings.public_ip) if is_open else (),
        relay_ports=settings.turn_relay_ports,
        nat_discovery=nat_discovery(bound, settings.nat_discovery_port),
    )


def alone(options: TurnOptions, bound: Sequence[Address]) -> TurnSettings:
    """Without an SFU. bound: every address of this machine that is listened on."""
    is_open = options.peers == "open"
    return TurnSettings(
        realm=options.realm,
        secrets=options.secrets,
        policy=options.peers,
        allow_peers=options.allow_peer,
        relay_ips=options.relay_ip or first_of_each_family(ip for ip, _ in bound),
        public_ips=options.public_ip,
        relay_ports=options.relay_ports,
        max_allocations=options.max_allocations,
        allocations_per_user=options.user_quota,
        max_bps=options.max_bps,
        tcp_allocations=is_open and options.tcp_allocations,
        mobility=options.mobility,
        anonymity=False,
        old_channels=options.old_channels,
        nat_discovery=nat_discovery(bound, options.nat_discovery_port),
    )


def nat_discovery(bound: Sequence[Address], port: int | None) -> NatDiscovery | None:
    """The first two addresses of a family that there is a second one of. None without, or without a second port."""
    for version in (4, 6):
        ips = list(dict.fromkeys(ip for ip, _ in bound if ipaddress.ip_address(ip).version == version))
        if port is not None and len(ips) > 1:
            return NatDiscovery((ips[0], bound[0][1]), (ips[1], port))
    return None


def first_of_each_family(addresses: Iterable[str]) -> tuple[str, ...]:
    found: dict[int, str] = {}
    for address in addresses:
        found.setdefault(ipaddress.ip_address(address).version, address)
    return tuple(found.values())


def _derived_secret(settings: Settings) -> str:
    """The same on every server with the same first API key, and telling nothing about it."""
    first = next(iter(settings.secrets.values()))
    return hmac.digest(first.encode(), _LABEL, "sha256").hex()
