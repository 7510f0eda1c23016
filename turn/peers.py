"""Whom an allocation may have to do with, asked in one place by every request that names a peer."""

import logging
from collections import Counter

from turn.allocation import Allocation
from turn.attribute_forms import family
from turn.attributes import Transport
from turn.datapath import Address
from turn.errors import Refused
from turn.policy import HOST_RULE, PeerPolicy, Verdict

log = logging.getLogger(__name__)


class Peers:
    """`denied` counts by rule, of which there are only so many. Raises Refused: 403 by policy, 443 another family."""

    def __init__(self, policy: PeerPolicy) -> None:
        self.denied = Counter[str]()
        self._policy = policy

    def check_ip(self, allocation: Allocation, ip: str) -> bool:
        """For a permission, which is for every port. Whether it is for what is inside only."""
        self._check_family(allocation, ip)
        return self._enforce(allocation, self._policy.judge_ip(ip))

    def check(self, allocation: Allocation, peer: Address) -> bool:
        """For a channel or a connection; likewise."""
        self._check_family(allocation, peer[0])
        if peer[1] == 0:
            raise Refused(400, "no peer has port 0")
        return self._enforce(allocation, self._policy.judge(peer))

    @staticmethod
    def _check_family(allocation: Allocation, ip: str) -> None:
        if family(ip) not in allocation.families:
            raise Refused(443, "peer address family mismatch")

    def _enforce(self, allocation: Allocation, verdict: Verdict) -> bool:
        """Connections are the network's; there are none inside."""
        rule = HOST_RULE if verdict.inside and allocation.transport is Transport.TCP else verdict.rule
        if rule is None:
            return verdict.inside
        self.denied[rule] += 1
        if self.denied[rule] == 1:
            log.warning("A relay was refused a peer, by the rule %r; see --peers and --allow-peer", rule)
        raise Refused(403, "forbidden peer")
