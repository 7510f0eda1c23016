"""Which addresses our candidates announce."""

import ipaddress
from collections.abc import Iterable, Sequence

import ifaddr


def announced_addresses(
    bound: Iterable[tuple[str, int]],
    interfaces: Sequence[str],
    *,
    public_ips: Sequence[str] = (),
    include_loopback: bool = False,
) -> list[tuple[str, int]]:
    """(IP address, port) of every way in, in order, once each.

    bound: the sockets. A wildcard stands for every usable one of `interfaces` in its family, an explicit address for
    itself. public_ips replace them all (a NAT forwards the port to us); each takes the port of its family, or any.
    """
    sockets = [(ipaddress.ip_address(host), port) for host, port in bound]
    if public_ips:
        ports = {address.version: port for address, port in reversed(sockets)}
        return [(ip, ports.get(ipaddress.ip_address(ip).version, sockets[0][1])) for ip in public_ips]
    found: dict[tuple[str, int], None] = {}
    for address, port in sockets:
        if not address.is_unspecified:
            found[str(address), port] = None
            continue
        for interface in map(ipaddress.ip_address, interfaces):
            if interface.version == address.version and _is_usable(interface, include_loopback):
                found[str(interface), port] = None
    return list(found)


def expand_wildcards(bound: Iterable[tuple[str, int]], interfaces: Sequence[str]) -> list[tuple[str, int]]:
    """Every (IP address, port) there is to reach us at from this machine or beside it, in order, once each."""
    found: dict[tuple[str, int], None] = {}
    for host, port in bound:
        address = ipaddress.ip_address(host)
        same_family = (ip for ip in interfaces if ipaddress.ip_address(ip).version == address.version)
        found.update(((ip, port), None) for ip in (same_family if address.is_unspecified else (host,)))
    return list(found)


def interface_addresses() -> list[str]:
    """Every IP address of this machine, without scopes, loopback last."""
    addresses = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            addresses.append(ip.ip if isinstance(ip.ip, str) else ip.ip[0])
    return sorted(addresses, key=lambda address: ipaddress.ip_address(address).is_loopback)


def _is_usable(address: ipaddress.IPv4Address | ipaddress.IPv6Address, include_loopback: bool) -> bool:
    """Link-local IPv6 needs a scope, which candidates have none of (RFC 8445, 5.1.1.1)."""
    if address.is_loopback:
        return include_loopback
    return not (address.is_unspecified or address.is_multicast or address.is_link_local)
