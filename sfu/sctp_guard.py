"""What an SCTP packet may look like before aiortc's parser sees it (RFC 9260, RFC 3758, RFC 6525, RFC 8832).

aiortc 1.16 believes lengths: a parameter of length 0 makes it loop for ever, a 28-byte SACK can name 65,535 TSNs, and
short chunks raise whatever `struct` raises. What passes here has whole chunks of plausible shape; what it means is for
`sfu.sctp_association` to weigh.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from struct import unpack_from

from sfu.errors import Malformed, Rejected

# SCTP implementations of WebRTC cut at some 1,200 bytes.
MAX_PACKET_BYTES = 2048
# A packet of 1,191 bytes has room for 58 of the smallest DATA chunks.
MAX_CHUNKS = 64
# Each of the others may be answered with a packet of its own, and nobody needs to bundle many.
MAX_CONTROL_CHUNKS = 8
MAX_PARAMETERS = 32
# RFC 6525, 3.1: one RE-CONFIG chunk holds one or two.
MAX_RECONFIG_PARAMETERS = 2
MAX_LABEL_BYTES = 256

_DATA, _INIT, _INIT_ACK, _SACK, _HEARTBEAT, _HEARTBEAT_ACK, _ABORT, _SHUTDOWN = range(8)
_ERROR, _SHUTDOWN_COMPLETE, _RE_CONFIG, _FORWARD_TSN = 9, 14, 130, 192
_STAND_ALONE = {_INIT, _INIT_ACK, _SHUTDOWN_COMPLETE}  # RFC 9260, 4
_OUTGOING_RESET, _RESET_RESPONSE, _ADD_OUTGOING = 13, 16, 17
_COMMON_HEADER = 12
_DATA_CHANNEL_OPEN, _DATA_CHANNEL_ACK = 3, 2
_CHANNEL_TYPES = {0x00, 0x01, 0x02, 0x80, 0x81, 0x82}  # RFC 8832, 8.2.2
_OPEN_HEADER = 12


@dataclass(slots=True)
class Contents:
    """What of a packet the state of the association must be asked about.

    tsns: of each DATA chunk. forward: cumulative TSN of each FORWARD TSN. streams: those that either names.
    acknowledged: cumulative TSN of each SACK, and how far beyond it the last gap block reaches.
    """

    is_init: bool = False
    tsns: list[int] = field(default_factory=list)
    forward: list[int] = field(default_factory=list)
    streams: list[int] = field(default_factory=list)
    acknowledged: list[tuple[int, int]] = field(default_factory=list)


def check(packet: bytes) -> Contents:
    """Malformed ("malformed-sctp"): it must not reach aiortc."""
    if len(packet) > MAX_PACKET_BYTES:
        raise _malformed("it is larger than any packet")
    contents = Contents()
    chunks = control = 0
    alone = False
    for kind, body in _chunks(packet):
        chunks += 1
        control += kind != _DATA
        alone = alone or kind in _STAND_ALONE
        checker = _CHECKS.get(kind)
        if checker is not None:
            checker(body, contents)
    if not chunks:
        raise _malformed("it holds no chunk")
    if chunks > MAX_CHUNKS or control > MAX_CONTROL_CHUNKS:
        raise _malformed("it holds too many chunks")
    if alone and chunks > 1:
        raise _malformed("it holds a chunk beside one that stands alone")
    return contents


def check_control_message(message: bytes) -> bool:
    """Whether this message of the Data Channel Establishment Protocol opens a channel (RFC 8832, 5).

    Malformed ("malformed-dcep"): it cannot be read. Rejected ("label-too-long").
    """
    if message[:1] == bytes([_DATA_CHANNEL_ACK]):
        return False
    if message[:1] != bytes([_DATA_CHANNEL_OPEN]) or len(message) < _OPEN_HEADER:
        raise Malformed("malformed-dcep", "neither DATA_CHANNEL_OPEN nor DATA_CHANNEL_ACK")
    label, protocol = unpack_from("!HH", message, 8)
    if max(label, protocol) > MAX_LABEL_BYTES:
        raise Rejected("label-too-long", f"label and protocol have at most {MAX_LABEL_BYTES} bytes")
    if len(message) != _OPEN_HEADER + label + protocol or message[1] not in _CHANNEL_TYPES:
        raise Malformed("malformed-dcep", "lengths or channel type are wrong")
    try:
        message[_OPEN_HEADER : _OPEN_HEADER + label].decode()
        message[_OPEN_HEADER + label :].decode()
    except UnicodeDecodeError:
        raise Malformed("malformed-dcep", "the label is not UTF-8") from None
    return True


def _chunks(packet: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and value of each chunk (RFC 9260, 3.2); the last one's padding may be missing."""
    at = _COMMON_HEADER
    while at < len(packet):
        kind, length = _head(packet, at, "chunk")
        yield kind, packet[at + 4 : at + length]
        at += length + -length % 4


def _head(data: bytes, at: int, what: str) -> tuple[int, int]:
    if at + 4 > len(data):
        raise _malformed(f"a {what} is cut short")
    kind, length = data[at], int.from_bytes(data[at + 2 : at + 4], "big")
    if length < 4 or at + length > len(data):
        raise _malformed(f"the length of a {what} is wrong")
    return kind, length


def _parameters(data: bytes) -> Iterator[tuple[int, bytes]]:
    """RFC 9260, 3.2.1."""
    at = count = 0
    while at < len(data):
        _, length = _head(data, at, "parameter")
        count += 1
        if count > MAX_PARAMETERS:
            raise _malformed("a chunk holds too many parameters")
        yield int.from_bytes(data[at : at + 2], "big"), data[at + 4 : at + length]
        at += length + -length % 4


def _check_data(body: bytes, contents: Contents) -> None:
    """At least one byte of user data (RFC 9260, 3.3.1): what is empty would take memory and no receive window."""
    if len(body) < 13:
        raise _malformed("a DATA chunk is empty")
    tsn, stream = unpack_from("!LH", body)
    contents.tsns.append(tsn)
    contents.streams.append(stream)


def _check_init(body: bytes, contents: Contents) -> None:
    """INIT, and INIT ACK for its parameters (RFC 9260, 3.3.2)."""
    if len(body) < 16:
        raise _malformed("an INIT is cut short")
    tag, _, outbound, inbound = unpack_from("!LLHH", body)
    if not (tag and outbound and inbound):
        raise _malformed("an INIT has no tag or no streams")
    for _ in _parameters(body[16:]):
        pass


def _check_first(body: bytes, contents: Contents) -> None:
    _check_init(body, contents)
    contents.is_init = True


def _check_sack(body: bytes, contents: Contents) -> None:
    """Gap blocks do not overlap (RFC 9260, 3.3.4), so that the last TSN bounds what they name."""
    if len(body) < 12:
        raise _malformed("a SACK is cut short")
    cumulative, _, gaps, duplicates = unpack_from("!LLHH", body)
    if len(body) != 12 + 4 * (gaps + duplicates):
        raise _malformed("the length of a SACK is wrong")
    reach = named = 0
    for at in range(12, 12 + 4 * gaps, 4):
        start, end = unpack_from("!HH", body, at)
        if not 0 < start <= end:
            raise _malformed("a gap block of a SACK is empty")
        reach = max(reach, end)
        named += end - start + 1
    if named > reach:
        raise _malformed("the gap blocks of a SACK overlap")
    contents.acknowledged.append((cumulative, reach))


def _check_shutdown(body: bytes, contents: Contents) -> None:
    if len(body) != 4:
        raise _malformed("the length of a SHUTDOWN is wrong")


def _check_parameters(body: bytes, contents: Contents) -> None:
    """HEARTBEAT, HEARTBEAT ACK, ABORT and ERROR hold parameters or causes and nothing else."""
    for _ in _parameters(body):
        pass


def _check_forward_tsn(body: bytes, contents: Contents) -> None:
    """RFC 3758, 3.2."""
    if len(body) < 4 or len(body) % 4:
        raise _malformed("the length of a FORWARD TSN is wrong")
    contents.forward += unpack_from("!L", body)
    contents.streams += (stream for at in range(4, len(body), 4) for stream in unpack_from("!H", body, at))


def _check_re_config(body: bytes, contents: Contents) -> None:
    """RFC 6525, 4; streams are numbers of two bytes."""
    parameters = list(_parameters(body))
    if len(parameters) > MAX_RECONFIG_PARAMETERS:
        raise _malformed("a RE-CONFIG holds too many parameters")
    for kind, value in parameters:
        least = _RECONFIG_BYTES.get(kind, 0)
        if len(value) < least or (kind == _OUTGOING_RESET and len(value) % 2):
            raise _malformed("a parameter of a RE-CONFIG is cut short")


def _malformed(detail: str) -> Malformed:
    return Malformed("malformed-sctp", detail)


_RECONFIG_BYTES = {_OUTGOING_RESET: 12, _RESET_RESPONSE: 8, _ADD_OUTGOING: 8}
_CHECKS: Mapping[int, Callable[[bytes, Contents], None]] = {
    _DATA: _check_data,
    _INIT: _check_first,
    _INIT_ACK: _check_init,
    _SACK: _check_sack,
    _HEARTBEAT: _check_parameters,
    _HEARTBEAT_ACK: _check_parameters,
    _ABORT: _check_parameters,
    _SHUTDOWN: _check_shutdown,
    _ERROR: _check_parameters,
    _RE_CONFIG: _check_re_config,
    _FORWARD_TSN: _check_forward_tsn,
}
