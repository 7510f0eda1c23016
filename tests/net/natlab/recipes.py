"""What stands between a client and the internet, as nftables rules.

Every rule set sees two interfaces, `lan` and `ext`, and the definitions $public (our address on `ext`), $prefix (the
LAN) and $inside (its first host). Mapping and filtering are said in the terms of RFC 4787, sections 4.1 and 5.

The input chain that drops is part of every NAT: without it an unsolicited packet makes the NAT itself answer, and its
connection-tracking entry takes the port that the next mapping would have kept.
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
    """A router. `mapping` and `filtering` are None where no UDP gets through or where nothing is translated."""

    name: str
    rules: str
    mapping: Behaviour | None = None
    filtering: Behaviour | None = None
    hairpin: bool = False
    ipv6: bool = False


_INPUT = """
 chain input { type filter hook input priority filter; policy drop;
  iifname "lo" accept
  ct state established,related accept
  icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
 }
"""
_MASQUERADE = """
 chain post { type nat hook postrouting priority srcnat; policy accept;
  oifname "ext" masquerade
 }
"""
_CONE = """
 map cone { type inet_service : ipv4_addr . inet_service; flags dynamic,timeout; timeout 120s; size 65535; }
 set seen { type inet_service . ipv4_addr; flags dynamic,timeout; timeout 120s; size 65535; }
 chain learn { type filter hook forward priority filter; policy accept;
  iifname "lan" oifname "ext" meta l4proto udp update @cone { udp sport : ip saddr . udp sport }
  iifname "lan" oifname "ext" meta l4proto udp update @seen { udp sport . ip daddr }
 }
"""


def _nat(rules: str) -> str:
    return f"table ip nat {{{rules}{_INPUT.replace('icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept', '')}}}\n"


def _forwarding(*verdicts: str) -> str:
    lines = "".join(f"  {verdict}\n" for verdict in verdicts)
    return f"\n chain forwarding {{ type filter hook forward priority filter; policy accept;\n{lines} }}\n"


FULL_CONE = Recipe(
    "full cone",
    _nat(
        _MASQUERADE
        + _CONE
        + """
 chain pre { type nat hook prerouting priority dstnat; policy accept;
  iifname "ext" meta l4proto udp dnat ip to udp dport map @cone
 }
"""
    ),
    Behaviour.ENDPOINT_INDEPENDENT,
    Behaviour.ENDPOINT_INDEPENDENT,
)
