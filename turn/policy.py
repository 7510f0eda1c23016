"""Which peers relays may send to and hear from (RFC 8656, 10.2, 12.2 and 21.1.5)."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Protocol

from turn.datapath import Address
from turn.spellings import IpAddress, meanings, refusal

Network = IPv4Network | IPv6Network

# Special-purpose addresses (IANA's registries, RFC 6890), and what behind them is nobody's business.
DENIED: tuple[Network, ...] = tuple(
    ip_network(prefix)
    for prefix in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the metadata service of many clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relay anycast
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",  # with the broadcast address
        "::/128",
        "::1/128",
        "64:ff9b::/96",
        "100::/64",
        "100:0:0:1::/64",
        "2001::/23",
        "2001:db8::/32",
        "2620:4f:8000::/48",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
HOST_RULE = "this host"
SELF_RULE = "peers: self"


@dataclass(frozen=True, slots=True)
class Verdict:
    """rule: what forbids it, in words for the operator, or None. inside: only without the network (see OpenPolicy)."""

    rule: str | None = None
    inside: bool = False


class PeerPolicy(Protocol):
    def judge_ip(self, ip: str) -> Verdict:
        """Of a permission, which is for every port of that IP address."""

    def judge(self, peer: Address) -> Verdict:
        """Of a channel or a connection to one port."""


class SelfPolicy:
    """Nobody but ourselves: our own media addresses, and the relayed addresses of our own allocations.

    own_addresses: as peers name them. relay_ips: where relayed addresses are. is_relayed: whether one is in use. All
    of that is reached without the network, and with nothing but virtual addresses nothing else can be.
    """

    def __init__(
        self, own_addresses: Iterable[Address], relay_ips: Iterable[str], is_relayed: Callable[[Address], bool]
    ) -> None:
        self._own = frozenset(own_addresses)
        self._ips = frozenset(ip for ip, _ in self._own) | frozenset(relay_ips)
        self._is_relayed = is_relayed

    def judge_ip(self, ip: str) -> Verdict:
        return Verdict(None if ip in self._ips else SELF_RULE)

    def judge(self, peer: Address) -> Verdict:
        return Verdict(None if peer in self._own or self._is_relayed(peer) else SELF_RULE)


class OpenPolicy:
    """Everybody with a public address, and ourselves as by `own`; but nothing else on this host.

    host_addresses: every IP address of this machine and those that are forwarded to it. allow: prefixes that are taken
    out of what is denied. An address that leads to another must pass in each of its meanings. Ourselves is `inside`:
    a permission is for an IP address, and the data path must not let it reach the host's other ports.
    """

    def __init__(self, own: SelfPolicy, host_addresses: Iterable[str], allow: Collection[str] = ()) -> None:
        self._own = own
        self._host = frozenset(map(ip_address, host_addresses))
        self._allow: tuple[Network, ...] = tuple(map(ip_network, allow))

    def judge_ip(self, ip: str) -> Verdict:
        return self._judge(ip, self._own.judge_ip(ip))

    def judge(self, peer: Address) -> Verdict:
        return self._judge(peer[0], self._own.judge(peer))

    def _judge(self, ip: str, own: Verdict) -> Verdict:
        address = ip_address(ip)
        rule = refusal(address) or next(filter(None, map(self._denial, meanings(address))), None)
        return Verdict(inside=True) if rule is not None and own.rule is None else Verdict(rule)

    def _denial(self, address: IpAddress) -> str | None:
        if any(address in network for network in self._allow):
            return None
        if address in self._host:
            return HOST_RULE
        return next((str(network) for network in DENIED if address in network), None)
