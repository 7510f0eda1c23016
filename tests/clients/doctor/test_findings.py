"""Errors in words."""

import ssl

import pytest
from aioice import stun

from clients.doctor.findings import Fault, fault_of, host_port


def refused(code: int) -> stun.TransactionFailed:
    response = stun.Message(stun.Method.ALLOCATE, stun.Class.ERROR)
    response.attributes["ERROR-CODE"] = (code, "Allocation Quota Reached")
    return stun.TransactionFailed(response)


@pytest.mark.parametrize(
    ("error", "fault", "words"),
    [
        (TimeoutError(), Fault.SILENCE, "no answer"),
        (stun.TransactionTimeout(), Fault.SILENCE, "no answer"),
        (ConnectionRefusedError(111, "Connection refused"), Fault.CLOSED_PORT, "nobody listens"),
        (ConnectionResetError(), Fault.REFUSED, "was ended"),
        (OSError(101, "Network is unreachable"), Fault.NO_ROUTE, "Network is unreachable"),
        (ssl.SSLCertVerificationError("self-signed certificate"), Fault.CERTIFICATE, "TLS failed"),
        (refused(486), Fault.REFUSED, "486 Allocation Quota"),
        (ValueError("not STUN"), Fault.REFUSED, "not STUN"),
    ],
)
def test_an_error_is_a_fault_and_words(error: Exception, fault: Fault, words: str) -> None:
    found, said = fault_of(error)
    assert found is fault
    assert words in said


def test_ipv6_addresses_stand_in_brackets() -> None:
    assert [host_port(("::1", 1)), host_port(("192.0.2.1", 2))] == ["[::1]:1", "192.0.2.1:2"]
