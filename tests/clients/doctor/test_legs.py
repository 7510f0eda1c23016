"""Ways that work and ways that do not, by real sockets. The relay's are tried against the real server elsewhere."""

import ssl

import pytest

from clients.doctor import asking, legs
from clients.doctor.findings import Fault, Status, host_port
from clients.turn import TurnServer
from tests.clients.doctor.responder import Responder, by_tcp, by_udp, closed_port, scratch

TLS = ssl.create_default_context()


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "TRY_SECONDS", 0.02)
    monkeypatch.setattr(legs, "ALLOCATE_SECONDS", 0.2)


async def test_a_direct_way_is_timed() -> None:
    async with by_udp(Responder()) as udp, by_tcp(Responder()) as tcp:
        direct = await legs.direct_udp(scratch(udp=[udp]))
        connected = await legs.direct_tcp(scratch(tcp=[tcp]))
    assert (direct.leg, direct.status, direct.where) == ("direct udp", Status.OK, host_port(udp))
    assert direct.round_trip_ms is not None
    assert direct.setup_ms is None
    assert (connected.leg, connected.status) == ("direct tcp", Status.OK)
    assert connected.setup_ms is not None


async def test_one_candidate_that_answers_is_enough_and_the_others_are_named() -> None:
    async with by_udp(Responder()) as server:
        finding = await legs.direct_udp(scratch(udp=[closed_port(), server]))
    assert finding.status is Status.OK
    assert host_port(closed_port()) in finding.detail


async def test_a_direct_way_fails_by_silence_by_a_closed_port_and_by_a_strangers_answer() -> None:
    async with by_udp(Responder(deaf=100)) as silent, by_udp(Responder(key=b"of another session")) as stranger:
        faults = [(await legs.direct_udp(scratch(udp=[each]))).fault for each in (silent, closed_port(), stranger)]
    assert faults == [Fault.SILENCE, Fault.CLOSED_PORT, Fault.REFUSED]
    async with by_tcp(None) as ending:
        faults = [(await legs.direct_tcp(scratch(tcp=[each]))).fault for each in (ending, closed_port())]
    assert faults == [Fault.REFUSED, Fault.CLOSED_PORT]


async def test_what_the_server_does_not_offer_is_skipped() -> None:
    finding = await legs.direct_tcp(scratch())
    assert (finding.status, finding.fault) == (Status.SKIPPED, Fault.NOT_OFFERED)


async def test_a_relay_that_does_not_answer_and_one_that_is_not_there() -> None:
    async with by_udp(Responder(deaf=100)) as silent:
        found = await legs.relayed(TurnServer(*silent, "udp", "u", "p"), None, TLS)
    assert (found.leg, found.status, found.fault) == ("relay udp", Status.FAILED, Fault.SILENCE)
    found = await legs.relayed(TurnServer(*closed_port(), "tls", "u", "p"), None, TLS)
    assert (found.leg, found.fault) == ("relay tls", Fault.CLOSED_PORT)


async def test_a_service_that_speaks_no_tls_is_told_from_one_that_is_silent() -> None:
    async with by_tcp(None) as ending:
        found = await legs.relayed(TurnServer(*ending, "tls", "u", "p"), None, TLS)
    assert found.status is Status.FAILED
    assert found.fault in (Fault.CERTIFICATE, Fault.REFUSED)


async def test_the_public_address_is_as_the_server_sees_it() -> None:
    async with by_udp(Responder(key=None)) as server:
        finding, mapped = await legs.reflexive(server)
    assert mapped is not None
    assert mapped[0] == "127.0.0.1"
    assert host_port(mapped) in finding.detail
    finding, mapped = await legs.reflexive(closed_port())
    assert (finding.fault, mapped) == (Fault.CLOSED_PORT, None)


async def test_without_a_nat_there_is_none_and_filtering_takes_two_addresses() -> None:
    async with by_udp(Responder(key=None)) as server:
        mapping, filtering = await legs.nat_behaviour(server)
    assert (mapping.detail, mapping.status) == ("no NAT", Status.OK)
    assert (filtering.status, filtering.fault) == (Status.SKIPPED, Fault.NOT_OFFERED)
