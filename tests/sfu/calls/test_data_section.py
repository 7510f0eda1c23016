"""The m-section of data channels."""

import pytest

from sfu.calls.data_section import DataSection, data_section_lines, is_data_section, read_data_section
from sfu.errors import Malformed
from sfu.sdp import MediaSection
from tests.sfu.calls.descriptions import CANDIDATES, LOCAL

FIRST = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel"


def read(*lines: str) -> DataSection:
    return read_data_section(3, "data", MediaSection([FIRST, *lines]))


@pytest.mark.parametrize(
    ("lines", "size"),
    [
        (["a=max-message-size:262144"], 262_144),
        (["a=max-message-size:0"], 0),
        (["a=max-message-size:1073741823"], 1_073_741_823),
        ([], 65_536),
    ],
)
def test_the_port_and_the_largest_message(lines: list[str], size: int) -> None:
    assert read("a=sctp-port:5001", *lines) == DataSection(3, "data", 5001, size)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["a=sctp-port:0"],
        ["a=sctp-port:65536"],
        ["a=sctp-port:"],
        ["a=sctp-port:5000", "a=max-message-size:-1"],
        ["a=sctp-port:5000", "a=max-message-size:9223372036854775808"],
    ],
)
def test_without_a_port_or_with_no_numbers_it_is_malformed(lines: list[str]) -> None:
    with pytest.raises(Malformed):
        read(*lines)


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        (FIRST, True),
        ("m=application 9 TCP/DTLS/SCTP webrtc-datachannel", True),
        ("m=application 9 DTLS/SCTP 5000", False),
        ("m=application 9 UDP/DTLS/SCTP webrtc-datachannel bfcp", False),
        ("m=application 9 UDP/BFCP *", False),
        ("m=video 9 UDP/DTLS/SCTP webrtc-datachannel", False),
    ],
)
def test_what_carries_data_channels(line: str, is_one: bool) -> None:
    assert is_data_section(MediaSection([line])) == is_one


def test_what_we_write_can_be_read() -> None:
    section = MediaSection(data_section_lines(LOCAL, "data", "passive", tagged=True))
    assert is_data_section(section)
    assert read_data_section(0, "data", section) == DataSection(0, "data", 5000, 65_536)
    assert (section.mid, section.value("setup"), section.port) == ("data", "passive", 3478)
    assert (section.ice, section.fingerprints) == (LOCAL.ice, [LOCAL.fingerprint])
    assert section.candidates == list(CANDIDATES)
    assert not MediaSection(data_section_lines(LOCAL, "data", "passive", tagged=False)).candidates
