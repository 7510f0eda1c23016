"""Offers to subscribers, and what their answers accept."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.attributes import Codec, SsrcGroup
from sfu.calls.data_section import DataSection
from sfu.calls.payload_types import DEFAULTS, PayloadTypes
from sfu.calls.peer_offer import CALL_LIMITS
from sfu.calls.server_offer import SUBSCRIBER_EXTENSIONS, OfferedSection, PeerAnswer, read_answer, write_offer
from sfu.codecs import CodecPair
from sfu.errors import Malformed, Rejected
from sfu.extensions import AUDIO_LEVEL, MID, RTP_STREAM_ID, TRANSPORT_CC, VIDEO_ORIENTATION
from sfu.sdp import SessionDescription
from tests.sfu.calls.descriptions import CANDIDATES, LOCAL, answered, stream

OPUS, RED = (
    CodecPair(Codec(payload_type, name, 48_000, 2), None) for payload_type, name in ((111, "opus"), (63, "red"))
)
VP8, AV1 = (CodecPair(Codec(payload_type, name, 90_000), None) for payload_type, name in ((96, "VP8"), (45, "AV1")))
SOUND = PayloadTypes().pairs([OPUS, RED])
PICTURE = PayloadTypes().pairs([VP8])
SECTIONS = [
    OfferedSection("1", "audio", SOUND, stream("audio", 1)),
    OfferedSection("2", "video", PICTURE, stream("video", 2)),
    OfferedSection("3", "video", PayloadTypes().pairs([AV1]), None),
    OfferedSection("4", "audio", (), None),
]


def offer(sections: list[OfferedSection] = SECTIONS, data_mid: str | None = "0", version: int = 1) -> str:
    text = write_offer(LOCAL, sections, data_mid=data_mid, version=version)
    assert str(SessionDescription.parse(text, CALL_LIMITS)) == text
    return text


def answer(
    *changes: tuple[str, str], sections: list[OfferedSection] = SECTIONS, data_mid: str | None = "0"
) -> PeerAnswer:
    text = answered(offer(sections, data_mid))
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return read_answer(text, sections, data_mid=data_mid)


def refusal(*changes: tuple[str, str]) -> str:
    with pytest.raises((Malformed, Rejected)) as caught:
        answer(*changes)
    return caught.value.code


def test_an_offer_is_one_bundle_with_the_data_channels_first() -> None:
    description = SessionDescription.parse(offer(version=5))
    assert description.session.lines[1] == "o=- 7 5 IN IP4 0.0.0.0"
    assert description.ice_lite
    assert "extmap-allow-mixed" in description.session
    assert description.bundles == [("0", "1", "2", "3", "4")]
    assert [(section.kind, section.mid) for section in description.media] == [
        ("application", "0"),
        *((section.kind, section.mid) for section in SECTIONS),
    ]
    assert [section.candidates for section in description.media] == [list(CANDIDATES), [], [], [], []]
    for section in description.media:
        assert section.port == 3478
        assert (section.ice, section.fingerprints) == (LOCAL.ice, [LOCAL.fingerprint])
        assert section.value("setup") == "actpass"
    assert description.media[0].value("sctp-port") == "5000"


def test_without_data_channels_the_first_section_has_the_candidates() -> None:
    description = SessionDescription.parse(offer(data_mid=None))
    assert description.bundles == [("1", "2", "3", "4")]
    assert description.media[0].candidates == list(CANDIDATES)


def test_nothing_but_data_channels() -> None:
    description = SessionDescription.parse(offer([]))
    assert [section.kind for section in description.media] == ["application"]
    assert answer(sections=[]).data == DataSection(0, "0", 5000, 65_536)


def test_streams_are_named_where_they_are_sent() -> None:
    _, sound, picture, unused, empty = SessionDescription.parse(offer()).media
    assert [section.direction for section in (sound, picture, unused, empty)] == ["sendonly"] * 2 + ["inactive"] * 2
    assert picture.ssrc_groups == [SsrcGroup("FID", (1002, 2002))]
    assert [str(msid) for msid in picture.msids] == ["PA_a|TR_2 TR_2"]
    assert sound.ssrcs == {1001: {"cname": "PA_a", "msid": "PA_a|TR_1 TR_1"}}
    assert not any("msid" in section or "ssrc" in section for section in (unused, empty))
    for section in (sound, picture, unused, empty):
        assert "rtcp-mux" in section
        assert section.codecs


def test_codecs_are_written_as_they_are() -> None:
    _, sound, picture, unused, empty = SessionDescription.parse(offer()).media
    assert tuple(sound.codecs) == tuple(pair.codec for pair in SOUND)
    assert tuple(picture.codecs) == (PICTURE[0].codec, PICTURE[0].rtx)
    assert [codec.name for codec in unused.codecs] == ["AV1", "rtx"]
    assert tuple(empty.codecs) == (DEFAULTS["audio"].codec,)


def test_header_extensions_have_the_same_ids_everywhere() -> None:
    _, sound, picture, *_ = SessionDescription.parse(offer()).media
    for section in (sound, picture):
        assert all(SUBSCRIBER_EXTENSIONS[extmap.uri] == extmap.id for extmap in section.extmaps)
    assert {extmap.uri for section in (sound, picture) for extmap in section.extmaps} == SUBSCRIBER_EXTENSIONS.keys()
    assert AUDIO_LEVEL not in {extmap.uri for extmap in picture.extmaps}
    assert VIDEO_ORIENTATION not in {extmap.uri for extmap in sound.extmaps}
    assert not {RTP_STREAM_ID, TRANSPORT_CC} & SUBSCRIBER_EXTENSIONS.keys()
    assert len(set(SUBSCRIBER_EXTENSIONS.values())) == len(SUBSCRIBER_EXTENSIONS)
    assert set(SUBSCRIBER_EXTENSIONS.values()) <= set(range(1, 15))


def test_a_section_in_use_needs_a_codec_a_mid_and_a_stream_of_its_own() -> None:
    first, second, *_ = SECTIONS
    for sections in (
        [replace(first, codecs=())],
        [first, replace(second, mid="1")],
        [replace(first, mid="0")],
        [first, replace(second, stream=first.stream)],
    ):
        with pytest.raises(ValueError, match="m-section"):
            offer(sections)


def test_an_answer_takes_what_is_sent() -> None:
    found = answer()
    assert found.accepted == {"1": SOUND, "2": PICTURE}
    assert found.extensions == SUBSCRIBER_EXTENSIONS
    assert found.data == DataSection(0, "0", 5000, 65_536)
    assert (found.remote.ice.ufrag, found.remote.our_role) == ("them", "server")
    assert answer(data_mid=None).data is None


@pytest.mark.parametrize(("setup", "role"), [("active", "server"), ("passive", "client")])
def test_our_role_is_what_the_answer_leaves(setup: str, role: str) -> None:
    assert answer(("a=setup:active", f"a=setup:{setup}")).remote.our_role == role


def test_a_section_is_not_taken() -> None:
    video = f"m=video 3478 UDP/TLS/RTP/SAVPF {PICTURE[0].codec.payload_type}"
    assert answer((video, video.replace("3478", "0"))).accepted.keys() == {"1"}
    assert answer(("a=recvonly", "a=inactive")).accepted == {}
    assert answer(("a=recvonly", "a=sendonly")).accepted == {}
    assert answer(("a=recvonly", "a=sendrecv")).accepted.keys() == {"1", "2"}
    assert answer(("a=inactive", "a=recvonly")).accepted.keys() == {"1", "2"}
    assert answer((" VP8/", " other/")).accepted.keys() == {"1"}


def test_a_rejected_section_needs_no_mid() -> None:
    found = answer(("m=audio 3478", "m=audio 0"), ("a=mid:1\r\n", ""), ("BUNDLE 0 1 2 3 4", "BUNDLE 0 2 3"))
    assert found.accepted.keys() == {"2"}


def test_part_of_the_codecs_and_of_the_feedback() -> None:
    opus, red = SOUND
    number, repair = PICTURE[0].codec.payload_type, PICTURE[0].rtx_payload_type
    found = answer(
        (f"a=rtpmap:{red.codec.payload_type} red/48000/2\r\n", ""),
        (f"a=rtpmap:{repair} rtx/90000\r\n", ""),
        (f"a=rtcp-fb:{number} nack\r\n", ""),
        (f"a=rtcp-fb:{number} goog-remb\r\n", f"a=rtcp-fb:{number} goog-remb\r\na=rtcp-fb:{number} transport-cc\r\n"),
    )
    (picture,) = found.accepted["2"]
    assert found.accepted["1"] == (opus,)
    assert picture.rtx is None
    assert picture.codec.feedback == ("goog-remb", "ccm fir", "nack pli")


def test_only_extensions_that_were_offered_count() -> None:
    line = f"a=extmap:4 {MID}"
    assert MID not in answer((line, f"a=extmap:7 {MID}")).extensions
    assert MID not in answer((line, "a=x")).extensions
    assert MID not in answer((line, f"a=extmap:4/inactive {MID}")).extensions
    assert RTP_STREAM_ID not in answer((line, f"{line}\r\na=extmap:10 {RTP_STREAM_ID}")).extensions
    assert answer((line, "a=x"), ("t=0 0\r\n", f"t=0 0\r\n{line}\r\n")).extensions[MID] == 4


def test_data_channels_can_be_turned_down() -> None:
    found = answer(("m=application 3478", "m=application 0"), ("BUNDLE 0 1", "BUNDLE 1"))
    assert found.data is None
    assert found.accepted.keys() == {"1", "2"}


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("m=application", "m=audio 9 RTP/AVP 0\r\nm=application", "not-an-answer"),
        ("m=application", "m=audio", "not-an-answer"),
        ("a=mid:2\r\n", "a=mid:x\r\n", "not-an-answer"),
        ("a=mid:2\r\n", "", "not-an-answer"),
        ("a=mid:2\r\n", "a=mid:1\r\n", "malformed-sdp"),
        ("webrtc-datachannel", "bfcp", "not-an-answer"),
        ("a=sctp-port:5000\r\n", "", "malformed-sdp"),
        ("BUNDLE 0 1 2", "BUNDLE 0 1", "no-bundle"),
        ("a=rtcp-mux\r\n", "", "no-rtcp-mux"),
        ("a=setup:active", "a=setup:actpass", "unsupported-setup"),
        ("a=setup:active\r\n", "", "unsupported-setup"),
        ("a=fingerprint:sha-256", "a=fingerprint:sha-1", "no-fingerprint"),
        ("a=ice-pwd", "a=x", "malformed-sdp"),
        (" 3478 ", " 0 ", "no-media"),
        ("a=extmap:4 ", "a=extmap:2 ", "malformed-sdp"),
    ],
)
def test_what_is_no_answer_is_refused_with_a_code(old: str, new: str, code: str) -> None:
    assert refusal((old, new)) == code


def test_large_answers() -> None:
    sections = [
        OfferedSection(str(mid), "audio", SOUND, stream("audio", mid)) for mid in range(1, CALL_LIMITS.sections)
    ]
    assert len(answer(sections=sections).accepted) == CALL_LIMITS.sections - 1


KINDS = st.sampled_from(["audio", "video"])


@given(st.lists(st.tuples(KINDS, st.booleans()), max_size=8), st.booleans())
def test_whatever_is_offered_and_taken_is_accepted(chosen: list[tuple[str, bool]], with_data: bool) -> None:
    sections = [
        OfferedSection(str(mid), "audio", SOUND, stream("audio", mid) if sends else None)
        if kind == "audio"
        else OfferedSection(str(mid), "video", PICTURE, stream("video", mid) if sends else None)
        for mid, (kind, sends) in enumerate(chosen, 1)
    ]
    if sections or with_data:
        found = answer(sections=sections, data_mid="0" if with_data else None)
        assert found.accepted == {section.mid: section.codecs for section in sections if section.stream is not None}
        assert (found.data is not None) == with_data


@given(st.data())
def test_damaged_answers_are_refused_or_read(data: st.DataObject) -> None:
    text = answered(offer())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        text = text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 9)) :]
    with contextlib.suppress(Malformed, Rejected):
        found = read_answer(text, SECTIONS, data_mid="0")
        assert found.accepted.keys() <= {"1", "2"}


@given(st.text(max_size=300))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises((Malformed, Rejected)):
        read_answer(text, SECTIONS, data_mid="0")
