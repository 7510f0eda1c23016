"""Which relayed addresses there are to have, by the settings."""

from collections.abc import Callable, Sequence

from turn.addresses import VIRTUAL_PORTS, RandomBytes, RelayedAddresses, virtual
from turn.attribute_forms import Family, family
from turn.attributes import Transport
from turn.datapath import Address, Bound
from turn.settings import TurnSettings


def announced_ips(settings: TurnSettings, own_addresses: Sequence[Address]) -> list[tuple[str, str]]:
    """(ours, as announced) of every IP address with relayed addresses. Raises ValueError for what does not pair.

    With policy "self" an address is only announced; where none of a family is given, that of `own_addresses`, if any.
    """
    pairs: list[tuple[str, str]] = []
    for each in Family:
        ours, public = _of(each, settings.relay_ips), _of(each, settings.public_ips)
        if settings.policy == "self":
            pairs += [(ip, ip) for ip in public or ours or _of(each, [ip for ip, _ in own_addresses])[:1]]
            continue
        if public and len(public) != len(ours):
            raise ValueError(f"{len(public)} public addresses for {len(ours)} relay addresses of {each.name}")
        pairs += zip(ours, public or ours, strict=True)
    if settings.policy == "open" and not pairs:
        raise ValueError('policy "open" needs addresses to relay at')
    return pairs


def _of(each: Family, ips: Sequence[str]) -> list[str]:
    return [ip for ip in ips if family(ip) is each]


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
