"""The SDP layer: lossless, bounded, and never wrong in any way but `Malformed`."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sfu.attributes import (
    MAX_CANDIDATES,
    Bandwidth,
    Extmap,
    Fingerprint,
    Msid,
    Simulcast,
    SimulcastId,
    SsrcGroup,
)
from sfu.errors import Malformed
from sfu.sdp import WHIP_LIMITS, Limits, MediaSection, Section, SessionDescription
from tests.sfu import offers

ACCESSORS: list[Callable[[MediaSection], object]] = [
    lambda section: section.mid,
    lambda section: section.direction,
    lambda section: section.codecs,
    lambda section: section.extmaps,
    lambda section: section.rids,
    lambda section: section.simulcast,
    lambda section: section.ssrcs,
    lambda section: section.ssrc_groups,
    lambda section: section.msids,
    lambda section: section.ice,
    lambda section: section.ice_options,
    lambda section: section.fingerprints,
    lambda section: section.candidates,
    lambda section: section.bandwidths,
]


def parse(*media_lines: str) -> MediaSection:
    text = "\r\n".join(["v=0", "m=video 9 UDP/TLS/RTP/SAVPF 96 97", *media_lines, ""])
    return SessionDescription.parse(text).media[0]


@pytest.mark.parametrize("name", offers.NAMES)
def test_real_offers_survive_unchanged(name: str) -> None:
    text = offers.offer(name)
    description = SessionDescription.parse(text)
    assert str(description).splitlines() == text.splitlines()
    assert SessionDescription.parse(str(description)) == description


@pytest.mark.parametrize("name", offers.NAMES)
def test_real_offers_can_be_read_everywhere(name: str) -> None:
    for section in SessionDescription.parse(offers.offer(name)).media:
        for read in ACCESSORS:
            read(section)


_line_text = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40)
_session_lines = st.lists(st.builds("{}={}".format, st.sampled_from("osictba"), _line_text), max_size=8)
_media_line = st.builds(
    "m={} {} {} {}".format,
    st.sampled_from(["audio", "video", "application", "text"]),
    st.integers(0, 0xFFFF),
    st.sampled_from(["UDP/TLS/RTP/SAVPF", "UDP/DTLS/SCTP", "RTP/AVP"]),
    st.sampled_from(["96", "96 97 0", "webrtc-datachannel"]),
)
_media = st.tuples(_media_line, _session_lines).map(lambda drawn: MediaSection([drawn[0], *drawn[1]]))


@given(_session_lines, st.lists(_media, max_size=5))
def test_any_description_survives_writing_and_reading(session: list[str], media: list[MediaSection]) -> None:
    description = SessionDescription(Section(["v=0", *session]), media)
    assert SessionDescription.parse(str(description)) == description


@given(st.text(max_size=200))
@example("v=0\r\nm=video")
@example("v=0\r\nm=video 9/2 x 96\r\na=ssrc:1 cname")
@example("v=0\nm=audio ٣ a 1")
@example("v=0\n\ud800=x")
def test_garbage_is_malformed_and_nothing_else(text: str) -> None:
    with contextlib.suppress(Malformed):
        description = SessionDescription.parse(text)
        assert str(description).replace("\r\n", "\n").rstrip("\n") == text.replace("\r\n", "\n").rstrip("\n")


_attribute_names = st.sampled_from(
    [
        "mid",
        "rtpmap",
        "fmtp",
        "rtcp-fb",
        "extmap",
        "rid",
        "simulcast",
        "ssrc",
        "ssrc-group",
        "msid",
        "ice-ufrag",
        "ice-pwd",
        "ice-options",
        "fingerprint",
        "setup",
        "candidate",
        "sendonly",
        "group",
    ]
)
_words = st.sampled_from(
    [
        "96",
        "97",
        "*",
        "send",
        "recv",
        "q;h;f",
        "~q,a;b",
        "/",
        "1/sendonly",
        "opus/48000/2",
        "FID",
        "sha-256",
        "AA:BB",
        "typ",
        "host",
        "udp",
        "1",
        "999999999999999999999",
        "-1",
        "+5",
        "apt=96",
        "urn:x",
        ":",
        "٣",
        "1_0",
        "0x10",
        "~",
        ";",
    ]
)


@given(st.lists(st.tuples(_attribute_names, st.lists(_words, max_size=10)), max_size=6), _line_text)
def test_attribute_garbage_is_malformed_and_nothing_else(drawn: list[tuple[str, list[str]]], extra: str) -> None:
    section = parse(*(f"a={name}:{' '.join(words)}" for name, words in drawn), f"a={extra}", f"b={extra}")
    for read in ACCESSORS:
        with contextlib.suppress(Malformed):
            read(section)


@given(st.sampled_from(offers.NAMES), st.data())
def test_damaged_real_offers_are_malformed_or_readable(name: str, data: st.DataObject) -> None:
    text = offers.offer(name)
    at = data.draw(st.integers(0, len(text) - 1))
    damage = data.draw(st.text(max_size=3))
    with contextlib.suppress(Malformed):
        for section in SessionDescription.parse(text[:at] + damage + text[at + data.draw(st.integers(0, 3)) :]).media:
            for read in ACCESSORS:
                read(section)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("v=0\r\n" + "a=" + "x" * WHIP_LIMITS.bytes + "\r\n", id="bytes"),
        pytest.param("v=0\r\n" + "a=" + "€" * (WHIP_LIMITS.bytes // 3) + "\r\n", id="bytes after encoding"),
        pytest.param("v=0\r\n" + "a=x\r\n" * WHIP_LIMITS.lines, id="lines"),
        pytest.param("v=0\r\n" + "m=audio 9 RTP/AVP 0\r\n" * (WHIP_LIMITS.sections + 1), id="sections"),
        pytest.param("", id="nothing"),
        pytest.param("m=audio 9 RTP/AVP 0\r\n", id="no version"),
        pytest.param("v=0\r\n\r\ns=-\r\n", id="blank line inside"),
        pytest.param("v=0\r\ns=a\x00b\r\n", id="NUL"),
        pytest.param("v=0\r\ns=a\rb\r\n", id="bare CR"),
        pytest.param("v=0\r\nm=audio 65536 RTP/AVP 0\r\n", id="port"),
    ],
)
def test_what_is_out_of_bounds_is_malformed(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        SessionDescription.parse(text)
    assert caught.value.code == "malformed-sdp"


@pytest.mark.parametrize("limits", [Limits(16, 9, 9), Limits(99, 1, 9), Limits(99, 9, 0)])
def test_the_limits_are_the_callers(limits: Limits) -> None:
    text = "v=0\nm=audio 9 X 0"
    SessionDescription.parse(text, Limits(bytes=17, lines=2, sections=1))
    with pytest.raises(Malformed):
        SessionDescription.parse(text, limits)


def test_feedback_is_bounded() -> None:
    lines = [f"a=rtcp-fb:{to} x{number}" for number in range(900) for to in ("*", "96")]
    (codec,) = parse("a=rtpmap:96 VP8/90000", *lines).codecs
    assert codec.feedback == tuple(f"x{number}" for number in range(32))


def test_candidates_are_bounded() -> None:
    candidate = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host"
    assert len(parse(*[candidate] * MAX_CANDIDATES).candidates) == MAX_CANDIDATES
    with pytest.raises(Malformed):
        _ = parse(*[candidate] * (MAX_CANDIDATES + 1)).candidates


def test_codecs_carry_their_format_and_feedback() -> None:
    section = parse(
        "a=rtpmap:96 VP8/90000",
        "a=rtcp-fb:* nack",
        "a=rtcp-fb:96 ccm  fir",
        "a=rtcp-fb:96 nack",
        "a=rtpmap:97 rtx/90000",
        "a=fmtp:97 apt=96;rtx-time=200",
        "a=rtpmap:120 opus/48000/2",
    )
    vp8, rtx = section.codecs
    assert (vp8.name, vp8.clock_rate, vp8.feedback) == ("VP8", 90000, ("nack", "ccm fir"))
    assert rtx.parameters() == {"apt": "96", "rtx-time": "200"}
    assert rtx.feedback == ("nack",)


def test_static_payload_types_need_no_mapping() -> None:
    section = SessionDescription.parse("v=0\r\nm=audio 9 RTP/AVP 0 8 9 96\r\n").media[0]
    assert [codec.name for codec in section.codecs] == ["PCMU", "PCMA", "G722"]


def test_chrome_simulcast_is_read_in_full() -> None:
    audio, video, data = SessionDescription.parse(offers.offer(offers.CHROME_SIMULCAST)).media
    assert [section.kind for section in (audio, video, data)] == ["audio", "video", "application"]
    assert [rid.id for rid in video.rids] == ["q", "h", "f"]
    assert video.simulcast == Simulcast(send=((SimulcastId("q"),), (SimulcastId("h"),), (SimulcastId("f"),)))
    assert video.direction == "sendonly"
    assert video.ice is not None
    assert len(video.ice.pwd) == 24


def test_several_of_one_attribute_are_all_read() -> None:
    section = parse(
        "a=msid:stream one",
        "a=msid:stream two",
        "a=msid:lonely",
        "a=ssrc:1 cname:x",
        "a=ssrc:1 msid:a b",
        "a=ssrc:2 cname:x",
        "a=ssrc-group:FID 1 2",
        "a=ssrc-group:SIM 1 3 4",
        "b=AS:500",
        "b=TIAS:500000",
        "a=extmap:3/sendonly urn:example:thing with words",
    )
    assert section.msids == [Msid("stream", "one"), Msid("stream", "two"), Msid("lonely")]
    assert section.ssrcs == {1: {"cname": "x", "msid": "a b"}, 2: {"cname": "x"}}
    assert section.ssrc_groups == [SsrcGroup("FID", (1, 2)), SsrcGroup("SIM", (1, 3, 4))]
    assert section.bandwidths == [Bandwidth("AS", 500), Bandwidth("TIAS", 500000)]
    assert section.extmaps == [Extmap(3, "urn:example:thing", "sendonly", "with words")]


def test_session_level_attributes_count_for_sections_without_them() -> None:
    lines = ["v=0", "a=ice-lite", "a=group:BUNDLE 0 1", "a=group:LS 0 1", "a=ice-ufrag:abcd", "a=ice-pwd:" + "p" * 22]
    lines += ["a=setup:passive", "a=recvonly", "a=fingerprint:SHA-1 AA"]
    lines += ["m=audio 9 RTP/AVP 0", "a=sendonly", "m=video 9 RTP/AVP 96"]
    description = SessionDescription.parse("\n".join(lines))
    audio, video = description.media
    assert description.ice_lite
    assert description.bundles == [("0", "1")]
    assert (description.direction(audio), description.direction(video)) == ("sendonly", "recvonly")
    assert description.setup(audio) == "passive"
    assert description.fingerprints(video) == [Fingerprint("sha-1", b"\xaa")]
    ice = description.ice(video)
    assert ice is not None
    assert ice.ufrag == "abcd"
    assert "p" * 22 not in repr(ice)
