"""What can be chosen about TURN, as plain values."""

from dataclasses import dataclass
from typing import Literal

from turn.datapath import Address


@dataclass(frozen=True, slots=True)
class NatDiscovery:
    """Two addresses that differ in IP and in port. We must listen on all four combinations by UDP (RFC 5780, 6)."""

    primary: Address
    alternate: Address


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """secrets: the first makes credentials, each verifies them. Times are seconds.

    policy "self": peers are our own addresses, relayed addresses are virtual. policy "open": everybody with a public
    address, and whom `allow_peers` (prefixes) names besides; relayed addresses are sockets on `relay_ips`, with ports
    of the range `relay_ports` (both ends included), announced as the `public_ips`, one for one by family, where given.
    max_bps: bits per second of one allocation in each direction, 0 is unlimited. connections: of one TCP allocation,
    which there are with policy "open" only. anonymity: clients that can shall hide their name (RFC 8489, 9.2), of which
    we know only those minted here. old_channels: channel numbers up to 0x7ffe, as before RFC 8656.
    """

    realm: str
    secrets: tuple[str, ...]
    policy: Literal["self", "open"] = "self"
    allow_peers: tuple[str, ...] = ()
    relay_ips: tuple[str, ...] = ()
    public_ips: tuple[str, ...] = ()
    relay_ports: tuple[int, int] = (49152, 65535)
    credential_ttl: int = 300
    default_lifetime: int = 600
    max_lifetime: int = 3600
    max_allocations: int = 20_000
    allocations_per_user: int = 12
    permissions: int = 10
    channels: int = 64
    connections: int = 16
    max_bps: int = 50_000_000
    tcp_allocations: bool = False
    mobility: bool = False
    anonymity: bool = True
    old_channels: bool = False
    nat_discovery: NatDiscovery | None = None
