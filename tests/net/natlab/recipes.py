"""What stands between a client and the internet, as nftables rules.

The rules see two interfaces, `lan` and `ext`, and the definitions $public (the router's address on `ext`), $lan (the
prefix inside) and $inside (the first host there). Mapping and filtering are said in the terms of RFC 4787, sections
4.1 and 5. All of these NATs keep the source port where they can.
"""

from dataclasses import dataclass
from enum import StrEnum


class Behaviour(StrEnum):
    """How much of a destination decides about a mapping, or about who may send through it."""

    ENDPOINT_INDEPENDENT = "endpoint-independent"
    ADDRESS_DEPENDENT = "address-dependent"
    ADDRESS_AND_PORT_DEPENDENT = "address and port-dependent"


@dataclass(frozen=True, slots=True)
class Recipe:
    """A router: its maps and sets, and the rules of its prerouting, forward and postrouting chains.

    `mapping` and `filtering` are None where no UDP gets through.
    """

    name: str
    mapping: Behaviour | None
    filtering: Behaviour | None
    post: tuple[str, ...] = ('oifname "ext" masquerade',)
    pre: tuple[str, ...] = ()
    forward: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    hairpin: bool = False

    def ruleset(self, public: str, lan: str, inside: str) -> str:
        """For nft(8)."""
        return _RULESET.format(
            public=public,
            lan=lan,
            inside=inside,
            state="\n ".join(self.state),
            pre="\n  ".join(self.pre),
            forward="\n  ".join(self.forward),
            post="\n  ".join(self.post),
        )


# The input chain that drops is part of every NAT: without it an unsolicited packet makes the NAT itself answer, and
# the connection-tracking entry of that answer takes the port that the next mapping would have kept.
_RULESET = """
define public = {public}
define lan = {lan}
define inside = {inside}
table ip nat {{
 {state}
 chain pre {{ type nat hook prerouting priority dstnat; policy accept;
  {pre}
 }}
 chain forwarding {{ type filter hook forward priority filter; policy accept;
  {forward}
 }}
 chain post {{ type nat hook postrouting priority srcnat; policy accept;
  {post}
 }}
 chain input {{ type filter hook input priority filter; policy drop;
  iifname "lo" accept
  ct state established,related accept
 }}
}}
"""

IPV6_FIREWALL = """
table ip6 firewall {
 chain forwarding { type filter hook forward priority filter; policy drop;
  ct state established,related accept
  iifname "lan" accept
 }
}
"""
"""What a home router does with IPv6: no translation, and nobody comes in unasked."""

_MASQUERADE = 'oifname "ext" masquerade'
_CONE = "map cone { type inet_service : ipv4_addr . inet_service; flags dynamic,timeout; timeout 120s; size 65535; }"
_SEEN = "set seen { type inet_service . ipv4_addr; flags dynamic,timeout; timeout 120s; size 65535; }"
_LEARN_CONE = 'iifname "lan" oifname "ext" meta l4proto udp update @cone { udp sport : ip saddr . udp sport }'
_LEARN_SEEN = 'iifname "lan" oifname "ext" meta l4proto udp update @seen { udp sport . ip daddr }'
_TO_CONE = "dnat ip to udp dport map @cone"

FULL_CONE = Recipe(
    "full cone",
    Behaviour.ENDPOINT_INDEPENDENT,
    Behaviour.ENDPOINT_INDEPENDENT,
    state=(_CONE,),
    forward=(_LEARN_CONE,),
    pre=(f'iifname "ext" meta l4proto udp {_TO_CONE}',),
)
ADDRESS_RESTRICTED = Recipe(
    "address-restricted cone",
    Behaviour.ENDPOINT_INDEPENDENT,
    Behaviour.ADDRESS_DEPENDENT,
    state=(_CONE, _SEEN),
    forward=(_LEARN_CONE, _LEARN_SEEN),
    pre=(f'iifname "ext" udp dport . ip saddr @seen {_TO_CONE}',),
)
PORT_RESTRICTED = Recipe(
    "port-restricted cone", Behaviour.ENDPOINT_INDEPENDENT, Behaviour.ADDRESS_AND_PORT_DEPENDENT, post=(_MASQUERADE,)
)
SYMMETRIC = Recipe(
    "symmetric",
    Behaviour.ADDRESS_AND_PORT_DEPENDENT,
    Behaviour.ADDRESS_AND_PORT_DEPENDENT,
    post=('oifname "ext" meta l4proto udp masquerade fully-random', _MASQUERADE),
)
HAIRPIN = Recipe(
    "hairpin",
    Behaviour.ENDPOINT_INDEPENDENT,
    Behaviour.ENDPOINT_INDEPENDENT,
    state=(_CONE,),
    forward=(_LEARN_CONE,),
    pre=(f'iifname {{ "ext", "lan" }} ip daddr $public meta l4proto udp {_TO_CONE}',),
    post=('oifname "lan" ip saddr $lan ct status dnat snat to $public', _MASQUERADE),
    hairpin=True,
)
"""Two hosts inside reach each other by their public addresses, and see each other's (RFC 4787, REQ-9)."""

UDP_DROPPED = Recipe("UDP dropped", None, None, forward=('iifname "lan" meta l4proto udp drop',))
UDP_REJECTED = Recipe(
    "UDP rejected", None, None, forward=('iifname "lan" meta l4proto udp reject with icmp type admin-prohibited',)
)
ONLY_TCP_443 = Recipe(
    "only TCP 443", None, None, forward=('iifname "lan" tcp dport 443 accept', 'iifname "lan" ct state new drop')
)
ONE_TO_ONE = Recipe(
    "1:1",
    Behaviour.ENDPOINT_INDEPENDENT,
    Behaviour.ENDPOINT_INDEPENDENT,
    pre=("ip daddr $public dnat to $inside",),
    post=('oifname "lan" ip saddr $lan ct status dnat snat to $public', 'oifname "ext" snat to $public'),
    hairpin=True,
)
"""A cloud's: one public address is one private address. What is inside can use the public one, too."""

NATS = (FULL_CONE, ADDRESS_RESTRICTED, PORT_RESTRICTED, SYMMETRIC, HAIRPIN, ONE_TO_ONE)
FIREWALLS = (UDP_DROPPED, UDP_REJECTED, ONLY_TCP_443)
