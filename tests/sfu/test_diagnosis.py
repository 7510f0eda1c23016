"""What each kind of failure is called."""

from typing import Any, cast

import pytest

from sfu.candidates import host_candidates
from sfu.diagnosis import PATIENCE_SECONDS, Evidence, diagnose, ways_in
from sfu.remote_candidates import CandidateCount
from sfu.stats import PathStats

HOST, RELAY = CandidateCount("host", "udp", 2, 2), CandidateCount("relay", "udp", 1, 0)


def path(**seen: Any) -> PathStats:
    nothing = PathStats(
        local=("192.0.2.1", 3478),
        remote=("198.51.100.7", 5000),
        protocol="udp",
        id=0,
        via=None,
        client=None,
        checks=0,
        refused={},
        nominations=0,
        validated=False,
        selected=False,
        dtls=0,
        media=0,
        media_dropped=0,
        age_ms=14_000,
        idle_ms=500,
    )
    return cast("PathStats", {**nothing, **seen})


def evidence(*paths: PathStats, **known: Any) -> Evidence:
    defaults: dict[str, Any] = {
        "offered": [HOST],
        "ways": "UDP or TCP port 3478",
        "waited": 15.0,
        "ended": "handshake-timeout",
    }
    return Evidence(paths=paths, **(defaults | known))


CHECKED = path(checks=9, nominations=3, validated=True, selected=True)
FORGED = path(checks=4, refused={"bad-integrity": 4})


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        (evidence(), "no check ever arrived on UDP or TCP port 3478: a firewall between, or a wrong --public-ip"),
        (evidence(offered=[]), "; the client named no candidate of its own"),
        (evidence(offered=[RELAY]), "; the client offers relayed candidates only"),
        (evidence(offered=[HOST, RELAY]), "or a wrong --public-ip"),
        (evidence(FORGED), "checks arrived with wrong credentials (bad-integrity)"),
        (evidence(FORGED, path(checks=1, refused={"role-conflict": 1})), "wrong credentials (bad-integrity, role-con"),
        (evidence(path(checks=1, refused={"bad-fingerprint": 1})), "something between rewrites packets"),
        (evidence(path(checks=1, refused={"role-conflict": 1})), "were refused (role-conflict)"),
        (evidence(CHECKED, FORGED), "checks arrived by udp and were answered, but no DTLS followed"),
        (evidence(CHECKED, path(checks=1, protocol="tls")), "by udp and tls and"),
        (evidence(path(checks=1, protocol="relay", id=3, via="tcp")), "arrived by tcp through the relay and"),
        (
            evidence(CHECKED, path(checks=5, protocol="tcp", dtls=2)),
            "DTLS began by udp and tcp and was not done in tim",
        ),
        (evidence(CHECKED, ended="handshake-failed", dtls_failure="no common cipher"), "DTLS failed: no common cipher"),
        (evidence(CHECKED, ended="peer-closed"), "the client ended DTLS before it was done"),
        (evidence(CHECKED, ended="internal-error", connected=True), "an error of ours"),
        (evidence(CHECKED, ended="consent-expired", connected=True), "no check for 30 s"),
        (evidence(ended="consent-expired"), "no check ever arrived"),
        (evidence(ended="closed"), "no check ever arrived"),
        (evidence(ended=None), "no check ever arrived"),
    ],
)
def test_the_failing_leg_is_named(known: Evidence, sentence: str) -> None:
    problem = diagnose(known)
    assert problem is not None
    assert sentence in problem
    assert "198.51" not in problem


@pytest.mark.parametrize(
    "known",
    [
        evidence(CHECKED, connected=True, ended=None),
        evidence(CHECKED, connected=True, ended="closed"),
        evidence(CHECKED, connected=True, ended="peer-closed"),
        evidence(ended=None, waited=PATIENCE_SECONDS - 0.1),
        evidence(ended="closed", waited=PATIENCE_SECONDS - 0.1),
    ],
)
def test_nothing_is_said_when_nothing_is_wrong_or_it_is_too_early(known: Evidence) -> None:
    assert diagnose(known) is None


def test_the_ways_in_are_those_of_our_candidates() -> None:
    addresses = [("192.0.2.1", 3478), ("2001:db8::1", 3478)]
    assert ways_in(host_candidates(addresses)) == "UDP port 3478"
    assert ways_in(host_candidates(addresses, tcp=True)) == "UDP or TCP port 3478"
