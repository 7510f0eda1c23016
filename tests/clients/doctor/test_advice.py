"""For every failure, what to change."""

import pytest

from clients.doctor.advice import advised
from clients.doctor.findings import MEDIA_LEGS, Fault, Finding, Leg, Status

SERVER = Finding("http", Status.OK, "", "sfu.example:443")


def failed(leg: Leg, fault: Fault, where: str = "198.51.100.1:3478") -> Finding:
    return Finding(leg, Status.FAILED, "", where, fault)


def about(finding: Finding, *others: Finding) -> str:
    (advice,) = [each.advice for each in advised([*others, finding]) if each.leg == finding.leg]
    assert advice is not None
    return advice


@pytest.mark.parametrize("leg", ["http", "stun udp", *MEDIA_LEGS])
@pytest.mark.parametrize("fault", [Fault.SILENCE, Fault.CLOSED_PORT, Fault.NO_ROUTE])
def test_there_is_some_for_every_leg_that_is_not_reached(leg: Leg, fault: Fault) -> None:
    assert "{" not in about(failed(leg, fault))


@pytest.mark.parametrize("leg", ["relay udp", "relay tcp", "relay tls"])
@pytest.mark.parametrize("fault", [Fault.NOT_OFFERED, Fault.REFUSED, Fault.NOT_THROUGH, Fault.CERTIFICATE])
def test_there_is_some_for_whatever_a_relay_does(leg: Leg, fault: Fault) -> None:
    assert "{" not in about(failed(leg, fault))


def test_the_place_is_named() -> None:
    assert "TCP to 198.51.100.1:3478" in about(failed("direct tcp", Fault.SILENCE))


def test_a_private_address_behind_a_public_server_is_to_be_announced_otherwise() -> None:
    advice = about(failed("direct udp", Fault.SILENCE, "10.0.0.5:3478"), SERVER)
    assert "--public-ip" in advice
    assert "10.0.0.5:3478 is private" in advice
    on_the_same_network = Finding("http", Status.OK, "", "10.0.0.5:7880")
    assert "private" not in about(failed("direct udp", Fault.SILENCE, "10.0.0.5:3478"), on_the_same_network)


def test_udp_that_stun_gets_through_is_not_blocked() -> None:
    stun = Finding("stun udp", Status.OK, "", "203.0.113.1:3478")
    assert "--public-ip" in about(failed("direct udp", Fault.SILENCE), SERVER, stun)


def test_what_works_and_what_could_not_be_tried_needs_none() -> None:
    findings = [SERVER, Finding("direct udp", Status.SKIPPED, "", fault=Fault.NOT_TRIED)]
    assert [finding.advice for finding in advised(findings)] == [None, None]
