"""All transports together: limits, deadlines, and events about what is gone."""

import pytest

from sfu._datapath import LayerChanged
from sfu.errors import Overloaded
from sfu.transport import TransportState
from tests.sfu.meeting import Meeting


def test_handshakes_in_flight_are_limited_and_finished_ones_make_room() -> None:
    meeting = Meeting(max_handshakes=1)
    planned = meeting.offer()
    transport = meeting.open(planned)
    with pytest.raises(Overloaded) as caught:
        meeting.open(planned, "more")
    assert caught.value.code == "too-many-handshakes"
    meeting.connect(meeting.client_of(transport, planned))
    meeting.open(planned, "more")


def test_transports_are_limited_and_closed_ones_make_room() -> None:
    meeting = Meeting(max_transports=1)
    transport = meeting.open(meeting.offer())
    with pytest.raises(Overloaded) as caught:
        meeting.open(meeting.offer(), "more")
    assert caught.value.code == "too-many-sessions"
    transport.close()
    meeting.open(meeting.offer(), "more")


def test_the_earliest_deadline_of_all_is_known() -> None:
    meeting = Meeting()
    meeting.open(meeting.offer())
    meeting.now += 5
    late = meeting.open(meeting.offer(), "late")
    assert meeting.transports.next_deadline() == 16.0
    meeting.pass_time(10)
    assert meeting.transports.next_deadline() == 21.0
    late.close()
    assert meeting.transports.next_deadline() is None


def test_consent_expires() -> None:
    """RFC 7675, 5.1: 30 seconds without a check."""
    meeting = Meeting()
    planned = meeting.offer()
    transport = meeting.open(planned)
    reasons: list[str] = []
    transport.closed.connect(reasons.append)
    meeting.connect(meeting.client_of(transport, planned))
    for _ in range(35):
        meeting.pass_time(1)
    assert reasons == ["consent-expired"]
    assert transport.state is TransportState.CLOSED


def test_everything_is_closed_in_the_end() -> None:
    meeting = Meeting()
    transports = [meeting.open(meeting.offer(), ufrag) for ufrag in ("first", "second")]
    meeting.transports.close()
    assert {transport.state for transport in transports} == {TransportState.CLOSED}
    assert meeting.transports.next_deadline() is None


def test_layer_changes_are_passed_on() -> None:
    meeting = Meeting()
    heard: list[LayerChanged] = []
    meeting.transports.layer_changed.connect(heard.append)
    meeting.settle()
    assert heard == []
