"""Each packet here does harm to aiortc 1.16, and none passes; what real peers say does."""

from collections.abc import Callable
from struct import error, pack
from typing import cast
from unittest.mock import patch

import pytest
from aiortc import rtcsctptransport
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcsctptransport import RTCSctpTransport, parse_packet
from hypothesis import given
from hypothesis import strategies as st

from sfu.errors import Malformed, Rejected, SfuError
from sfu.sctp_guard import MAX_CHUNKS, MAX_LABEL_BYTES, MAX_PACKET_BYTES, Contents, check, check_control_message
from tests.sfu.sctp_packets import (
    ABORT,
    COOKIE_ACK,
    COOKIE_ECHO,
    DATA,
    ERROR,
    EXTENSIONS,
    FORWARD_TSN,
    HEARTBEAT,
    HEARTBEAT_ACK,
    INIT,
    INIT_ACK,
    RE_CONFIG,
    SACK,
    SHUTDOWN,
    SHUTDOWN_COMPLETE,
    chunk,
    data,
    dcep_open,
    in_a_loop,
    init,
    packet,
    parameter,
    sack,
)

ENDLESS = 10_000


class _EndlessError(Exception):
    """The parser has read more than any packet holds."""


class _Carrier:
    """Takes what is sent."""

    state = "connected"
    _role = "server"

    def __init__(self) -> None:
        self.sent = 0

    async def _send_data(self, _: bytes) -> None:
        self.sent += 1

    def _register_data_receiver(self, _: object) -> None: ...
    def _unregister_data_receiver(self, _: object) -> None: ...


def unguarded(*chunks: bytes, tag: bool = True) -> int:
    """What plain aiortc does with it once it has the peer's INIT: raises, or the number of packets it answers."""
    answers = 0

    def step() -> None:
        nonlocal answers
        carrier = _Carrier()
        sctp = RTCSctpTransport(cast("RTCDtlsTransport", carrier))
        sctp._remote_port = 5000
        for spoken in (packet(init(EXTENSIONS)), packet(*chunks, tag=sctp._local_verification_tag if tag else 0)):
            carrier.sent = 0
            with pytest.raises(StopIteration):
                sctp._handle_data(spoken).send(None)
        answers = carrier.sent

    reads = 0

    def count(*arguments: object) -> object:
        nonlocal reads
        reads += 1
        if reads > ENDLESS:
            raise _EndlessError
        return _unpack_from(*arguments)

    with patch.object(rtcsctptransport, "unpack_from", count):
        in_a_loop(step)
    return answers


_unpack_from: Callable[..., object] = rtcsctptransport.unpack_from  # type: ignore[attr-defined]
_ZERO = parameter(1, length=0)
_ENDLESS = {
    "a HEARTBEAT": chunk(HEARTBEAT, _ZERO),
    "a HEARTBEAT ACK": chunk(HEARTBEAT_ACK, _ZERO),
    "an ABORT": chunk(ABORT, _ZERO),
    "an ERROR": chunk(ERROR, _ZERO),
    "a RE-CONFIG": chunk(RE_CONFIG, _ZERO),
    "an INIT": init(_ZERO),
    "an INIT ACK": chunk(INIT_ACK, pack("!LLHHL", 1, 1, 1, 1, 1) + _ZERO),
}


@pytest.mark.parametrize("where", _ENDLESS)
def test_a_parameter_without_length_never_ends(where: str) -> None:
    with pytest.raises(_EndlessError):
        unguarded(_ENDLESS[where], tag=where != "an INIT")
    with pytest.raises(Malformed, match="parameter"):
        check(packet(_ENDLESS[where]))


_RAISING: dict[str, tuple[type[Exception], bytes]] = {
    "DATA cut short": (error, chunk(DATA, bytes(11))),
    "INIT cut short": (error, chunk(INIT, bytes(15))),
    "INIT ACK cut short": (error, chunk(INIT_ACK, bytes(15))),
    "SACK cut short": (error, chunk(SACK, bytes(11))),
    "SACK with fewer gap blocks than it says": (error, chunk(SACK, pack("!LLHH", 0, 0, 2, 0) + bytes(4))),
    "SACK with fewer duplicates than it says": (error, chunk(SACK, pack("!LLHH", 0, 0, 0, 2) + bytes(4))),
    "SHUTDOWN cut short": (error, chunk(SHUTDOWN, bytes(3))),
    "FORWARD TSN cut short": (error, chunk(FORWARD_TSN, bytes(3))),
    "FORWARD TSN with half a stream": (error, chunk(FORWARD_TSN, bytes(6))),
    "an INIT in company": (AssertionError, init() + chunk(COOKIE_ACK)),
}


@pytest.mark.parametrize("what", _RAISING)
def test_what_is_cut_short_raises(what: str) -> None:
    kind, hostile = _RAISING[what]
    with pytest.raises(kind):
        unguarded(hostile, tag=what != "INIT cut short")
    with pytest.raises(Malformed):
        check(packet(hostile))


@pytest.mark.parametrize(("kind", "length"), [(13, 11), (13, 15), (16, 7), (17, 7)])
def test_a_reconfiguration_that_is_cut_short_raises(kind: int, length: int) -> None:
    parse = rtcsctptransport.RECONFIG_PARAM_TYPES[kind].parse
    with pytest.raises(error):
        parse(bytes(length))
    with pytest.raises(Malformed, match="RE-CONFIG"):
        check(packet(chunk(RE_CONFIG, parameter(kind, bytes(length)))))


def test_an_acknowledgement_can_name_more_than_any_packet_holds() -> None:
    hostile = packet(sack(0, [(1, 65_535)] * 280))
    (parsed,) = parse_packet(hostile)[3]
    assert isinstance(parsed, rtcsctptransport.SackChunk)
    assert sum(end - start + 1 for start, end in parsed.gaps) > 18_000_000
    assert len(hostile) < 1200
    with pytest.raises(Malformed, match="overlap"):
        check(hostile)


def test_an_empty_gap_block_is_refused() -> None:
    for gap in ((2, 1), (0, 1), (0, 0)):
        with pytest.raises(Malformed, match="empty"):
            check(packet(sack(0, [gap])))


def test_data_without_a_byte_takes_memory_and_no_window() -> None:
    with pytest.raises(Malformed, match="empty"):
        check(packet(data(1, b"")))


def test_a_packet_of_requests_is_answered_by_a_flood() -> None:
    requests = [chunk(HEARTBEAT)] * 9
    assert unguarded(*requests) == 9
    with pytest.raises(Malformed, match="too many chunks"):
        check(packet(*requests))


_REFUSED = {
    "no chunk": packet(),
    "nothing": b"",
    "too large": packet(chunk(HEARTBEAT, parameter(1, bytes(MAX_PACKET_BYTES)))),
    "too many DATA chunks": packet(*[data(1, b"x")] * (MAX_CHUNKS + 1)),
    "a chunk shorter than its head": packet(chunk(HEARTBEAT, length=3)),
    "a chunk longer than the packet": packet(chunk(HEARTBEAT, length=9)),
    "half a chunk": packet(chunk(COOKIE_ACK)) + b"\0\0",
    "too many parameters": packet(chunk(HEARTBEAT, parameter(1) * 33)),
    "too many reconfigurations": packet(chunk(RE_CONFIG, parameter(17, bytes(8)) * 3)),
    "half a parameter": packet(chunk(HEARTBEAT, b"\0\1")),
    "a parameter longer than its chunk": packet(chunk(HEARTBEAT, parameter(1, length=9))),
    "no tag": packet(init(tag=0)),
    "no streams": packet(init(streams=0)),
    "an INIT ACK in company": packet(chunk(INIT_ACK, init()[4:]), chunk(COOKIE_ACK)),
    "a SHUTDOWN COMPLETE in company": packet(chunk(COOKIE_ACK), chunk(SHUTDOWN_COMPLETE)),
}


@pytest.mark.parametrize("what", _REFUSED)
def test_it_is_refused(what: str) -> None:
    with pytest.raises(Malformed) as refusal:
        check(_REFUSED[what])
    assert refusal.value.code == "malformed-sctp"


def test_what_peers_say_passes_and_is_told() -> None:
    assert check(packet(init(EXTENSIONS, parameter(0x8001, bytes(4))))) == Contents(is_init=True)
    both = check(packet(chunk(COOKIE_ECHO, bytes(24)), data(7, b"x", stream=2), data(8, b"y")))
    assert both == Contents(tsns=[7, 8], streams=[2, 0])
    assert check(packet(sack(5, [(2, 3), (5, 9)], [4, 4]))).acknowledged == [(5, 9)]
    assert check(packet(chunk(FORWARD_TSN, pack("!LHHHH", 9, 1, 2, 3, 4)))) == Contents(forward=[9], streams=[1, 3])
    assert check(packet(chunk(77, b"of a later RFC"))) == Contents()
    reset = parameter(13, bytes(12) + pack("!HH", 0, 2))
    assert check(packet(chunk(RE_CONFIG, reset + parameter(16, bytes(8))), sack(5))).acknowledged == [(5, 0)]
    assert check(packet(*[data(1, b"x")] * MAX_CHUNKS)).tsns == [1] * MAX_CHUNKS


def test_a_channel_is_opened_or_acknowledged() -> None:
    assert check_control_message(dcep_open("größe".encode(), b"protocol", kind=0x81))
    assert not check_control_message(b"\2")
    with pytest.raises(Rejected) as refusal:
        check_control_message(dcep_open(bytes(MAX_LABEL_BYTES + 1)))
    assert refusal.value.code == "label-too-long"


@pytest.mark.parametrize(
    "message",
    [b"", b"\1", dcep_open()[:11], dcep_open()[:-1], dcep_open() + b"x", dcep_open(kind=3), dcep_open(b"\xff")],
)
def test_a_control_message_that_cannot_be_read_is_refused(message: bytes) -> None:
    with pytest.raises(Malformed) as refusal:
        check_control_message(message)
    assert refusal.value.code == "malformed-dcep"


@given(st.binary(max_size=300))
def test_any_bytes_are_checked_and_what_passes_is_parsed(body: bytes) -> None:
    spoken = packet(body)
    try:
        check(spoken)
    except Malformed:
        return
    parse_packet(spoken)


@given(st.binary(max_size=300))
def test_any_control_message_is_checked(message: bytes) -> None:
    try:
        check_control_message(message)
    except SfuError:
        return
