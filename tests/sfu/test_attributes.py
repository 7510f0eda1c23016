"""The values of SDP attributes."""

import pytest

from sfu.attributes import (
    Bandwidth,
    Candidate,
    Codec,
    Extmap,
    Fingerprint,
    IceCredentials,
    Msid,
    Rid,
    RtpMap,
    Simulcast,
    SsrcGroup,
)
from sfu.errors import Malformed


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (RtpMap, "111 opus/48000/2"),
        (RtpMap, "96 VP8/90000"),
        (Extmap, "4/recvonly urn:x a b"),
        (Rid, "hi send pt=96,97;max-width=1280"),
        (Simulcast, "send 1,~4;3 recv c"),
        (SsrcGroup, "FID 1 2"),
        (Msid, "- track"),
        (Fingerprint, "sha-256 0A:FF"),
        (Candidate, "1 1 udp 2122194687 192.0.2.2 9 typ host generation 0"),
        (Bandwidth, "TIAS:128000"),
    ],
)
def test_attributes_are_written_as_they_are_read(kind: type[RtpMap], text: str) -> None:
    assert str(kind.parse(text)) == text


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (RtpMap, "128 VP8/90000"),
        (RtpMap, "96 VP8"),
        (Extmap, "0 urn:x"),
        (Extmap, "1/sideways urn:x"),
        (Rid, "a/b send"),
        (Rid, "a both"),
        (Simulcast, "send"),
        (Simulcast, "send a send b"),
        (Simulcast, "sideways a"),
        (Simulcast, "send a;;b"),
        (SsrcGroup, "FID 4294967296"),
        (Fingerprint, "sha-256 XY"),
        (Candidate, "1 1 udp 1 192.0.2.2 9 type host"),
        (Bandwidth, "AS"),
    ],
)
def test_broken_attributes_are_malformed(kind: type[RtpMap], text: str) -> None:
    with pytest.raises(Malformed):
        kind.parse(text)


@pytest.mark.parametrize(
    ("ufrag", "pwd"),
    [
        ("abc", "p" * 22),
        ("abcd", "p" * 21),
        ("a" * 257, "p" * 22),
        ("abcd", "p" * 257),
        ("ab:d", "p" * 22),
        ("äöüß", "p" * 22),
    ],
)
def test_ice_credentials_have_lengths_and_an_alphabet(ufrag: str, pwd: str) -> None:
    with pytest.raises(Malformed):
        IceCredentials(ufrag, pwd)


def test_format_parameters_forgive_what_is_not_a_pair() -> None:
    assert Codec(63, "red", 48000, format="111/111").parameters() == {}
    assert Codec(1, "x", 1, format="A=1; b = 2;;c;d==").parameters() == {"a": "1", "b": "2", "d": "="}
