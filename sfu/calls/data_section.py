"""The m-section of data channels: SCTP over DTLS (RFC 8841)."""

from collections.abc import Iterator
from dataclasses import dataclass

from sfu.answer import LocalTransport, default_port, transport_lines
from sfu.attributes import malformed, number
from sfu.sdp import MediaSection

PROFILE = "UDP/DTLS/SCTP"
SCTP_PORT = 5000
"""Ours."""
MAX_MESSAGE_SIZE = 65_536
"""Of what we receive, in bytes. Also what holds for the other side where it says nothing (RFC 8841, 6.1)."""

_PROFILES = frozenset({PROFILE, "TCP/DTLS/SCTP"})
_FORMAT = "webrtc-datachannel"
_MAX_PORT = 0xFFFF
_MAX_SIZE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class DataSection:
    """What the other side says of its SCTP association. `max_message_size`: bytes it receives at once; 0, any size."""

    index: int
    mid: str
    port: int
    max_message_size: int


def is_data_section(section: MediaSection) -> bool:
    """Whether it carries WebRTC data channels (RFC 8864, 5 wants that one format)."""
    return section.kind == "application" and section.profile in _PROFILES and section.formats == [_FORMAT]


def read_data_section(index: int, mid: str, section: MediaSection) -> DataSection:
    """Malformed: there is no SCTP port (RFC 8841, 5.1 has no default), or a number is none."""
    port, size = section.value("sctp-port"), section.value("max-message-size")
    if port is None:
        raise malformed("data channels need an sctp-port")
    return DataSection(
        index,
        mid,
        number(port, "sctp-port", _MAX_PORT, 1),
        MAX_MESSAGE_SIZE if size is None else number(size, "max-message-size", _MAX_SIZE),
    )


def data_section_lines(
    local: LocalTransport, mid: str, setup: str, *, tagged: bool, profile: str = PROFILE
) -> Iterator[str]:
    """The whole m-section as we describe it."""
    yield f"m=application {default_port(local.candidates)} {profile} {_FORMAT}"
    yield from transport_lines(local, mid, setup, tagged=tagged)
    yield f"a=sctp-port:{SCTP_PORT}"
    yield f"a=max-message-size:{MAX_MESSAGE_SIZE}"
