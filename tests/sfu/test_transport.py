"""One transport from its first check to its end, over the real core in virtual time."""

import pytest

from sfu.dtls import DtlsState
from sfu.transport import LINGER_SECONDS, TransportState
from tests.sfu import offers
from tests.sfu.handshakes import certificate
from tests.sfu.meeting import Meeting, plan_of


@pytest.mark.parametrize("setup", ["actpass", "active", "passive"])
def test_it_connects_in_either_dtls_role(setup: str) -> None:
    meeting = Meeting()
    planned = meeting.offer(setup=setup)
    transport = meeting.open(planned)
    heard: list[str] = []
    transport.connected.connect(lambda: heard.append("connected"))
    transport.closed.connect(heard.append)
    client = meeting.client_of(transport, planned)
    meeting.connect(client)
    assert client.checker.answered == 1
    assert client.dtls.state is DtlsState.CONNECTED
    assert transport.state is TransportState.CONNECTED
    transport.close()
    transport.close()
    assert heard == ["connected", "closed"]


def test_a_stranger_with_the_right_credentials_and_another_certificate_gets_no_keys() -> None:
    meeting = Meeting()
    announced = plan_of(offers.CHROME, certificate(), "actpass")
    transport = meeting.open(announced)
    reasons: list[str] = []
    transport.closed.connect(reasons.append)
    meeting.connect(meeting.client_of(transport, announced))
    assert reasons == ["handshake-failed"]
    assert transport.failure == "certificate does not match the offered fingerprint"
    assert meeting.core.stats() == [] or not any(entry["encrypted"] for entry in meeting.core.stats())


def test_a_handshake_has_a_deadline() -> None:
    meeting = Meeting()
    transport = meeting.open(meeting.offer())
    reasons: list[str] = []
    transport.closed.connect(reasons.append)
    deadlines = [transport.deadline]
    meeting.pass_time(14.9)
    assert reasons == []
    meeting.pass_time(0.1)
    assert reasons == ["handshake-timeout"]
    deadlines.append(transport.deadline)
    assert deadlines == [16.0, None]


def test_the_peers_goodbye_ends_it() -> None:
    meeting = Meeting()
    planned = meeting.offer()
    transport = meeting.open(planned)
    reasons: list[str] = []
    transport.closed.connect(reasons.append)
    client = meeting.client_of(transport, planned)
    meeting.connect(client)
    meeting.now += 60
    client.dtls.close()
    meeting.settle()
    assert reasons == ["peer-closed"]


def test_a_viewers_openssl_state_is_let_go_and_goodbye_is_still_said() -> None:
    meeting = Meeting()
    planned = meeting.offer(name=offers.CHROME_WATCH)
    transport = meeting.open(planned)
    client = meeting.client_of(transport, planned)
    meeting.connect(client)
    deadlines = [transport.deadline]
    meeting.pass_time(LINGER_SECONDS)
    deadlines.append(transport.deadline)
    assert deadlines == [meeting.now, None]
    transport.handle_dtls(bytes(20), meeting.now)
    transport.close()
    meeting.settle()
    assert client.dtls.state is DtlsState.CLOSED


def test_ice_restarts_under_new_credentials() -> None:
    meeting = Meeting()
    planned = meeting.offer()
    transport = meeting.open(planned)
    client = meeting.client_of(transport, planned)
    meeting.connect(client)
    transport.restart_ice(type(transport.ice)("again", "n" * 24), "anew")
    client.checker.restart("anew", "again", "n" * 24)
    meeting.receive(client, client.checker.request())
    meeting.settle()
    assert client.checker.answered == 2
    assert transport.state is TransportState.CONNECTED


def test_nothing_happens_after_the_end() -> None:
    meeting = Meeting()
    transport = meeting.open(meeting.offer())
    transport.close()
    transport.handle_timeout(meeting.now + 100)
    transport.handle_ice_connected(meeting.now)
    transport.handle_dtls(b"\x16", meeting.now)
    transport.handle_closed("consent-expired", [])
    assert transport.state is TransportState.CLOSED


def test_where_a_client_tried_is_known_while_it_tries_and_afterwards() -> None:
    meeting = Meeting()
    planned = meeting.offer()
    transport = meeting.open(planned)
    assert not transport.paths
    client = meeting.client_of(transport, planned)
    meeting.receive(client, client.checker.request(key=b"of another session"))
    (before,) = transport.paths
    assert (before["remote"], before["refused"]) == (client.address, {"bad-integrity": 1})
    meeting.pass_time(15)
    assert (transport.ended, transport.was_connected) == ("handshake-timeout", False)
    assert list(transport.paths) == [before | {"age_ms": 15_000, "idle_ms": 15_000}]
    assert transport.dtls is DtlsState.CONNECTING


def test_what_the_data_path_saw_of_one_that_fell_silent_is_kept() -> None:
    meeting = Meeting()
    planned = meeting.offer()
    transport = meeting.open(planned)
    meeting.connect(meeting.client_of(transport, planned))
    for _ in range(35):
        meeting.pass_time(1)
    assert (transport.ended, transport.was_connected) == ("consent-expired", True)
    (path,) = transport.paths
    assert path["dtls"] > 0
    assert (path["idle_ms"] // 1000, transport.dtls) == (30, DtlsState.CONNECTED)


def test_application_data_is_passed_on_and_sent() -> None:
    meeting = Meeting()
    planned = meeting.offer()
    transport = meeting.open(planned)
    heard: list[bytes] = []
    transport.data_received.connect(heard.append)
    client = meeting.client_of(transport, planned)
    transport.send_data(b"too early")
    meeting.connect(client)
    client.dtls.send(b"ping")
    meeting.settle()
    transport.send_data(b"pong")
    meeting.settle()
    assert transport.carries_data
    assert (heard, client.dtls.received()) == ([b"ping"], [b"pong"])
    meeting.now += LINGER_SECONDS + 1
    client.dtls.send(b"last")
    client.dtls.close()
    meeting.settle()
    transport.send_data(b"too late")
    assert heard == [b"ping", b"last"]
    assert transport.ended == "peer-closed"


def test_as_dtls_client_it_carries_no_application_data() -> None:
    meeting = Meeting()
    planned = meeting.offer(setup="passive")
    transport = meeting.open(planned)
    client = meeting.client_of(transport, planned)
    meeting.connect(client)
    client.dtls.send(b"ping")
    transport.send_data(b"pong")
    meeting.settle()
    assert not transport.carries_data
    assert client.dtls.received() == []
    assert transport.state is TransportState.CONNECTED
