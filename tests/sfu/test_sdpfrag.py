"""Trickle and restart fragments (RFC 8840)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.attributes import IceCredentials
from sfu.candidates import host_candidates
from sfu.errors import Malformed
from sfu.sdpfrag import SdpFragment, restart_answer

# RFC 9725, 4.3.1, with its addresses.
TRICKLE = """a=group:BUNDLE 0 1\r
m=audio 9 UDP/TLS/RTP/SAVPF 111\r
a=mid:0\r
a=ice-ufrag:EsAw\r
a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r
a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r
a=candidate:3471623853 1 udp 2122194687 198.51.100.2 61765 typ host generation 0 ufrag EsAw network-id 2\r
a=end-of-candidates\r
"""


def test_a_trickle_fragment_is_read() -> None:
    fragment = SdpFragment.parse(TRICKLE)
    assert fragment.ice == IceCredentials("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1")
    assert [candidate.port for candidate in fragment.candidates] == [61764, 61765]
    assert fragment.end_of_candidates


def test_credentials_may_stand_before_the_first_section_or_be_missing() -> None:
    pwd = "x" * 22
    assert SdpFragment.parse(f"a=ice-ufrag:abcd\na=ice-pwd:{pwd}\n").ice == IceCredentials("abcd", pwd)
    assert SdpFragment.parse("m=audio 9 RTP/AVP 0\na=mid:0\na=end-of-candidates\n").ice is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "a=ice-ufrag:abcd\r\n",
        "a=ice-ufrag:ab\r\na=ice-pwd:short\r\n",
        TRICKLE.replace("192.0.2.1", ""),
        TRICKLE + TRICKLE.replace("EsAw", "Other"),
        "m=audio\r\n",
    ],
)
def test_what_cannot_be_read_is_malformed(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        SdpFragment.parse(text)
    assert caught.value.code == "malformed-sdpfrag"


@given(st.text(max_size=100), st.integers(0, len(TRICKLE)))
def test_damage_is_malformed_or_readable(damage: str, at: int) -> None:
    with contextlib.suppress(Malformed):
        SdpFragment.parse(TRICKLE[:at] + damage + TRICKLE[at:])


def test_a_restart_answer_is_a_fragment_with_all_our_candidates() -> None:
    ice = IceCredentials("ours", "p" * 24)
    candidates = host_candidates([("192.0.2.1", 3478), ("2001:db8::1", 3478)])
    fragment = SdpFragment.parse(restart_answer("audio 3478 UDP/TLS/RTP/SAVPF 111", "0", ice, candidates))
    assert fragment == SdpFragment(ice, candidates, end_of_candidates=True)
