"""IPv6 addresses that mean an IPv4 address: what a rule about the one says must hold for the other, too."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network

IpAddress = IPv4Address | IPv6Address

# What no relay sends to, whatever is allowed. 6to4 and Teredo are tunnels that may lead back here (RFC 6156, 9.1); the
# next are for the use of one machine's own software, and a peer with IPv4 is named by IPv4; of the last only its
# operator knows where in it the IPv4 address stands.
REFUSED = tuple(
    IPv6Network(prefix)
    for prefix in (
        "2002::/16",  # 6to4 (RFC 3056)
        "2001::/32",  # Teredo (RFC 4380)
        "::ffff:0:0/96",  # IPv4-mapped (RFC 4291, 2.5.5.2)
        "::ffff:0:0:0/96",  # IPv4-translated (RFC 2765, 2.1)
        "::/96",  # IPv4-compatible (RFC 4291, 2.5.5.1)
        "64:ff9b:1::/48",  # translation within one network (RFC 8215)
    )
)
_NO_IPV4_INSIDE = (IPv6Address("::"), IPv6Address("::1"))  # although they begin as IPv4-compatible ones do
_TRANSLATED = IPv6Network("64:ff9b::/96")  # to the IPv4 Internet (RFC 6052, 2.1)


def refusal(address: IpAddress) -> str | None:
    """The prefix for which no relay ever sends to that address, or None."""
    if address in _NO_IPV4_INSIDE:
        return None
    return next((str(network) for network in REFUSED if address in network), None)


def meanings(address: IpAddress) -> Iterator[IpAddress]:
    """The address itself, and the IPv4 address at which a packet to it may come out."""
    yield address
    if address in _TRANSLATED:
        yield IPv4Address(address.packed[12:])
