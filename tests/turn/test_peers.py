"""The one place where a peer is let through or not: by family, by policy, and with a word to the operator."""

from collections.abc import Callable

import pytest

from tests.turn.recording import FivePath, RecordingPath
from tests.turn.world import MEDIA
from turn.addresses import Relayed
from turn.allocation import Allocation, Owner
from turn.attributes import Transport
from turn.datapath import Address
from turn.errors import Refused
from turn.leases import Lease
from turn.peers import Peers
from turn.policy import HOST_RULE, Verdict


class Rules:
    """Says what it was made to say."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict

    def judge_ip(self, ip: str) -> Verdict:
        return self.verdict

    def judge(self, peer: Address) -> Verdict:
        return self.verdict


def allocation(transport: Transport) -> Allocation:
    """Of IPv4."""
    lease = Lease("alice", transport, Relayed(MEDIA, MEDIA))
    return Allocation(
        RecordingPath(),
        1,
        FivePath(MEDIA, ("192.0.2.7", 1)),
        Owner("", "alice"),
        [lease],
        expiry=600.0,
        max_permissions=1,
        max_channels=1,
    )


@pytest.mark.parametrize(
    ("verdict", "transport", "rule"),
    [
        (Verdict(), Transport.UDP, None),
        (Verdict(), Transport.TCP, None),
        (Verdict(inside=True), Transport.UDP, None),
        (Verdict(inside=True), Transport.TCP, HOST_RULE),
        (Verdict("a rule"), Transport.UDP, "a rule"),
    ],
)
def test_verdicts_are_carried_out(verdict: Verdict, transport: Transport, rule: str | None) -> None:
    peers = Peers(Rules(verdict))
    checks: list[Callable[[], bool]] = [
        lambda: peers.check_ip(allocation(transport), "9.9.9.9"),
        lambda: peers.check(allocation(transport), ("9.9.9.9", 1)),
    ]
    for check in checks:
        if rule is None:
            assert check() == verdict.inside
        else:
            with pytest.raises(Refused, match="403"):
                check()
    assert peers.denied == ({} if rule is None else {rule: 2})


def test_another_family_is_not_asked_about() -> None:
    peers = Peers(Rules(Verdict("a rule")))
    with pytest.raises(Refused, match="443"):
        peers.check_ip(allocation(Transport.UDP), "2a00::1")
    with pytest.raises(Refused, match="443"):
        peers.check(allocation(Transport.UDP), ("2a00::1", 0))
    with pytest.raises(Refused, match="400"):
        peers.check(allocation(Transport.UDP), ("9.9.9.9", 0))
    assert peers.denied == {}
