"""Which relayed addresses there are to have, by the settings."""

from collections.abc import Callable, Sequence

from turn.addresses import VIRTUAL_PORTS, RandomBytes, RelayedAddresses, virtual
from turn.attribute_forms import Family, family
from turn.attributes import Transport
from turn.datapath import Address, Bound
from turn.settings import TurnSettings


def announced_ips(settings: TurnSettings, own_addresses: Sequence[Address]) -> list[tuple[str, str]]:
    """(ours, as announced) of every IP address with relayed addresses. Raises ValueError for what does not pair.

    With policy "self", where `relay_ips` are not given: the first of `own_addresses` of each family.
    """
    if settings.policy == "self":
        own = [ip for ip, _ in own_addresses]
        first = [next(ip for ip in own if family(ip) is each) for each in Family if each in set(map(family, own))]
        return [(ip, ip) for ip in settings.relay_ips or first]
    if not settings.relay_ips:
        raise ValueError('policy "open" needs addresses to relay at')
    pairs: list[tuple[str, str]] = []
    for each in Family:
        ours = [ip for ip in settings.relay_ips if family(ip) is each]
        public = [ip for ip in settings.public_ips if family(ip) is each] or ours
        if len(public) != len(ours):
            raise ValueError(f"{len(public)} public addresses for {len(ours)} relay addresses of {each.name}")
        pairs += zip(ours, public, strict=True)
    return pairs


def pools(
    settings: TurnSettings,
    ips: Sequence[tuple[str, str]],
    own_addresses: Sequence[Address],
    open_socket: Callable[[str, int], Bound] | None,
    open_listener: Callable[[str, int], Bound] | None,
    random_bytes: RandomBytes,
) -> dict[Transport, RelayedAddresses]:
    """By transport, which is what REQUESTED-TRANSPORT may ask for."""
    if settings.policy == "self":
        return {Transport.UDP: RelayedAddresses(ips, VIRTUAL_PORTS, virtual(own_addresses), random_bytes)}
    if open_socket is None:
        raise ValueError('policy "open" needs relay sockets')
    found = {Transport.UDP: RelayedAddresses(ips, settings.relay_ports, open_socket, random_bytes)}
    if settings.tcp_allocations and open_listener is not None:
        found[Transport.TCP] = RelayedAddresses(ips, settings.relay_ports, open_listener, random_bytes)
    return found
