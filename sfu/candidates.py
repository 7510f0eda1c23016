"""Our host candidates: every announced address with the one media port (RFC 8445, 5.1; RFC 8421 on the order).

Those for TCP are passive (RFC 6544): a server is connected to. They come last, for clients whose UDP does not get
through.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from sfu.attributes import MAX_CANDIDATES, Candidate

# RFC 6544, 4.2: those for TCP have a lower type preference; as libwebrtc's.
_UDP_TYPE_PREFERENCE = 126
_TCP_TYPE_PREFERENCE = 90
_PASSIVE_DIRECTION_PREFERENCE = 4
_RTP_COMPONENT = 1


def host_candidates(addresses: Iterable[tuple[str, int]], *, tcp: bool = False) -> tuple[Candidate, ...]:
    """One UDP candidate per (IP address, port), best first: in the given order, IPv6 and IPv4 taking turns; with
    `tcp`, as many for TCP behind them.

    Beyond `MAX_CANDIDATES` they are left out. ValueError: not an IP address.
    """
    ordered = _interleaved(list(dict.fromkeys(addresses)))[: MAX_CANDIDATES // 2 if tcp else MAX_CANDIDATES]
    by_udp = [_udp(rank, *address) for rank, address in enumerate(ordered)]
    by_tcp = [_tcp(rank, len(ordered) + rank, *address) for rank, address in enumerate(ordered)] if tcp else []
    return (*by_udp, *by_tcp)


def _udp(rank: int, address: str, port: int) -> Candidate:
    priority = _priority(_UDP_TYPE_PREFERENCE, 0xFFFF - rank)
    return Candidate(str(rank + 1), _RTP_COMPONENT, "udp", priority, address, port, "host")


def _tcp(rank: int, foundation: int, address: str, port: int) -> Candidate:
    """RFC 6544, 4.5."""
    priority = _priority(_TCP_TYPE_PREFERENCE, (_PASSIVE_DIRECTION_PREFERENCE << 13) + 0x1FFF - rank)
    return Candidate(str(foundation + 1), _RTP_COMPONENT, "tcp", priority, address, port, "host", "tcptype passive")


def _interleaved(addresses: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    versions: dict[int, list[tuple[str, int]]] = {6: [], 4: []}
    for address in addresses:
        versions[ipaddress.ip_address(address[0]).version].append(address)
    return [address for pair in zip_longest(versions[6], versions[4]) for address in pair if address is not None]


def _priority(type_preference: int, local_preference: int) -> int:
    """RFC 8445, 5.1.2.1."""
    return type_preference << 24 | local_preference << 8 | 256 - _RTP_COMPONENT
