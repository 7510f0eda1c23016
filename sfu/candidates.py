"""Our host candidates: every announced address with the one media port (RFC 8445, 5.1; RFC 8421 on the order)."""

import ipaddress
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from sfu.attributes import MAX_CANDIDATES, Candidate

_HOST_TYPE_PREFERENCE = 126
_RTP_COMPONENT = 1


def host_candidates(addresses: Iterable[tuple[str, int]]) -> tuple[Candidate, ...]:
    """One UDP candidate per (IP address, port), best first: in the given order, IPv6 and IPv4 taking turns.

    Beyond `MAX_CANDIDATES` they are left out. ValueError: not an IP address.
    """
    ordered = _interleaved(list(dict.fromkeys(addresses)))[:MAX_CANDIDATES]
    return tuple(
        Candidate(
            foundation=str(rank + 1),
            component=_RTP_COMPONENT,
            transport="udp",
            priority=_priority(local_preference=0xFFFF - rank),
            address=address,
            port=port,
            type="host",
        )
        for rank, (address, port) in enumerate(ordered)
    )


def _interleaved(addresses: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    versions: dict[int, list[tuple[str, int]]] = {6: [], 4: []}
    for address in addresses:
        versions[ipaddress.ip_address(address[0]).version].append(address)
    return [address for pair in zip_longest(versions[6], versions[4]) for address in pair if address is not None]


def _priority(local_preference: int) -> int:
    """RFC 8445, 5.1.2.1."""
    return _HOST_TYPE_PREFERENCE << 24 | local_preference << 8 | 256 - _RTP_COMPONENT
