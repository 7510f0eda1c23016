"""What our answers to clients' offers say."""

import contextlib
from collections.abc import Collection, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.answer import SentStream
from sfu.attributes import Simulcast, SimulcastId, SsrcGroup
from sfu.calls.peer_answer import write_answer
from sfu.calls.peer_offer import CALL_LIMITS, PeerOffer, read_offer
from sfu.codecs import CodecPair, preferred
from sfu.errors import Malformed, Rejected
from sfu.extensions import MID, REPAIRED_RTP_STREAM_ID, RTP_STREAM_ID
from sfu.sdp import MediaSection, SessionDescription
from tests.sfu import offers
from tests.sfu.calls.descriptions import CANDIDATES, LOCAL, NAMES, many, stream

Receiving = Mapping[str, tuple[CodecPair, ...]]
Sending = Mapping[str, tuple[tuple[CodecPair, ...], SentStream]]


def answer(offer: PeerOffer, sending: Collection[str] = (), *, version: int = 1) -> SessionDescription:
    """All is taken that the client sends, and something is sent in the m-sections with these mids."""
    text = write_answer(
        offer,
        LOCAL,
        receiving={section.mid: preferred(section.codecs) for section in offer.sections if section.sends},
        sending={
            section.mid: (section.codecs, stream(section.kind, section.index))
            for section in offer.sections
            if section.mid in sending
        },
        version=version,
    )
    description = SessionDescription.parse(text, CALL_LIMITS)
    assert str(description) == text
    return description


def answered(name: str, *changes: tuple[str, str], sending: Collection[str] = ()) -> SessionDescription:
    return answer(read_offer(offers.edited(name, *changes)), sending)


def by_mid(description: SessionDescription, mid: str) -> MediaSection:
    return next(section for section in description.media if section.mid == mid)


def uris(section: MediaSection) -> set[str]:
    return {extmap.uri for extmap in section.extmaps}


@pytest.mark.parametrize("name", NAMES)
def test_every_section_is_answered_in_its_place(name: str) -> None:
    offer = SessionDescription.parse(offers.offer(name))
    description = answered(name)
    assert description.ice_lite
    assert description.bundles == offer.bundles
    for theirs, ours in zip(offer.media, description.media, strict=True):
        assert (ours.kind, ours.mid, ours.profile) == (theirs.kind, theirs.mid, theirs.profile)
        assert set(ours.formats) <= set(theirs.formats)
        assert (ours.ice, ours.fingerprints) == (LOCAL.ice, [LOCAL.fingerprint])
        assert ours.value("setup") == "passive"
        assert ours.port == 3478


@pytest.mark.parametrize("name", NAMES)
def test_what_names_streams_stays_in_every_video_section(name: str) -> None:
    offer = SessionDescription.parse(offers.offer(name))
    for theirs, ours in zip(offer.media, answered(name).media, strict=True):
        kept = uris(theirs) & {MID, RTP_STREAM_ID, REPAIRED_RTP_STREAM_ID}
        assert uris(ours) >= kept
        assert [(extmap.id, extmap.uri) for extmap in ours.extmaps if extmap.uri in kept] == [
            (extmap.id, extmap.uri) for extmap in theirs.extmaps if extmap.uri in kept
        ]


def test_sections_to_receive_in_are_answered_inactive_and_alive() -> None:
    description = answered(offers.LIVEKIT_JOIN)
    assert [section.direction for section in description.media] == ["inactive"] * 6 + [None]
    assert all(section.port and section.codecs for section in description.media[:6])
    assert {codec.name for codec in description.media[3].codecs} == {"VP8", "rtx"}
    assert uris(description.media[3]) >= {MID, RTP_STREAM_ID, REPAIRED_RTP_STREAM_ID}
    assert not any("msid" in section for section in description.media)


def test_simulcast_is_taken_in_the_order_offered() -> None:
    video = answered(offers.LIVEKIT_PUBLISHED).media[-1]
    assert video.direction == "recvonly"
    assert [str(rid) for rid in video.rids] == ["f recv", "h recv", "q recv"]
    assert video.simulcast == Simulcast(recv=((SimulcastId("f"),), (SimulcastId("h"),), (SimulcastId("q"),)))
    assert "transport-cc" in video.codecs[0].feedback


def test_what_is_left_of_a_publication_is_answered_inactive_with_its_layers() -> None:
    for name in (offers.LIVEKIT_UNPUBLISHED, offers.LIVEKIT_REPUBLISHED):
        left = by_mid(answered(name), "7")
        assert (left.direction, left.port, left.msids) == ("inactive", 3478, [])
        assert [str(rid) for rid in left.rids] == ["f recv", "h recv", "q recv"]
        assert left.value("simulcast") == "recv f;h;q"
        assert RTP_STREAM_ID in uris(left)
    assert by_mid(answered(offers.LIVEKIT_REPUBLISHED), "8").direction == "recvonly"


def test_streams_are_named_only_where_they_are_sent() -> None:
    description = answered(offers.LIVEKIT_PUBLISHED, sending=("1", "3"))
    sound, picture = by_mid(description, "1"), by_mid(description, "3")
    assert sound.direction == picture.direction == "sendonly"
    assert {section.mid for section in description.media if "msid" in section or "ssrc" in section} == {"1", "3"}
    assert [str(msid) for msid in picture.msids] == ["PA_a|TR_3 TR_3"]
    assert picture.ssrc_groups == [SsrcGroup("FID", (1003, 2003))]
    assert sound.ssrcs == {1001: {"cname": "PA_a", "msid": "PA_a|TR_1 TR_1"}}
    assert not any("transport-cc" in codec.feedback for codec in picture.codecs)
    assert {codec.name for codec in picture.codecs} == {"VP8", "VP9", "H264", "AV1", "rtx"}


def test_both_ways_at_once() -> None:
    offer = read_offer(offers.offer(offers.CHROME))
    video = answer(offer, sending=("0",)).media[0]
    assert video.direction == "sendrecv"
    assert [codec.name for codec in video.codecs][:2] == ["VP8", "rtx"]
    payload_types = [codec.payload_type for codec in video.codecs]
    assert len(payload_types) == len(set(payload_types)) > 2
    assert "transport-cc" in video.codecs[0].feedback


def test_candidates_are_in_the_tagged_section_alone() -> None:
    description = answered(offers.LIVEKIT_PUBLISH)
    assert [section.candidates for section in description.media] == [list(CANDIDATES), [], []]
    description = answered(offers.LIVEKIT_PUBLISH, ("BUNDLE 0 1 2", "BUNDLE 2 0 1"))
    assert description.bundles == [("2", "0", "1")]
    assert [section.candidates for section in description.media] == [[], [], list(CANDIDATES)]


def test_sections_without_a_codec_we_know_are_turned_down() -> None:
    description = answered(offers.LIVEKIT_PUBLISH, ("VP8/", "VP7/"), ("BUNDLE 0 1 2", "BUNDLE 2 1 0"))
    assert [section.port for section in description.media] == [3478, 3478, 0]
    assert (description.media[2].kind, description.media[2].mid) == ("video", "2")
    assert description.bundles == [("1", "0")]
    assert description.media[1].candidates == list(CANDIDATES)


def test_unknown_media_disabled_media_and_second_data_sections_are_turned_down() -> None:
    text = offers.offer(offers.LIVEKIT_PUBLISH)
    start = text.index("m=application")
    data = text[start : text.index("m=audio")]
    more = data.replace("a=mid:0", "a=mid:3") + "m=text 9 RTP/AVP 98\r\n" + "m=video 0 UDP/TLS/RTP/SAVPF 96\r\n"
    description = answer(read_offer(text.replace("BUNDLE 0 1 2", "BUNDLE 0 1 2 3") + more))
    assert [section.port for section in description.media] == [3478] * 3 + [0] * 3
    assert description.bundles == [("0", "1", "2")]


def test_data_channels_are_always_taken() -> None:
    for name, index in ((offers.LIVEKIT_PUBLISH, 0), (offers.LIVEKIT_JOIN, 6)):
        data = answered(name).media[index]
        assert (data.kind, data.formats, data.profile) == ("application", ["webrtc-datachannel"], "UDP/DTLS/SCTP")
        assert (data.value("sctp-port"), data.value("max-message-size")) == ("5000", "65536")
    over_tcp = answered(offers.LIVEKIT_PUBLISH, ("UDP/DTLS/SCTP", "TCP/DTLS/SCTP")).media[0]
    assert over_tcp.profile == "TCP/DTLS/SCTP"


def test_a_client_that_waits_gets_an_active_answer() -> None:
    description = answered(offers.LIVEKIT_PUBLISH, ("a=setup:actpass", "a=setup:passive"))
    assert {section.value("setup") for section in description.media} == {"active"}


def test_the_version_grows_and_the_session_stays() -> None:
    offer = read_offer(offers.offer(offers.LIVEKIT_JOIN))
    origins = [answer(offer, version=version).session.lines[1] for version in (1, 2)]
    assert origins == ["o=- 7 1 IN IP4 0.0.0.0", "o=- 7 2 IN IP4 0.0.0.0"]


def test_one_section_alone_without_a_group() -> None:
    text = offers.without(offers.LIVEKIT_PUBLISH, "a=group:BUNDLE")
    description = answer(read_offer(text[: text.index("m=audio")]))
    assert (description.bundles, description.media[0].candidates) == ([], list(CANDIDATES))


def test_two_byte_extension_ids_are_answered_as_offered() -> None:
    description = answered(offers.LIVEKIT_JOIN, ("extmap:10 ", "extmap:255 "))
    assert "extmap-allow-mixed" in description.session
    assert {
        extmap.id for section in description.media for extmap in section.extmaps if extmap.uri == RTP_STREAM_ID
    } == {255}
    assert "extmap-allow-mixed" not in answered(offers.LIVEKIT_JOIN, ("a=extmap-allow-mixed\r\n", "")).session


def test_two_hundred_sections() -> None:
    offer = read_offer(many(100, 100))
    description = answer(offer, sending=[section.mid for section in offer.sections])
    assert [section.direction for section in description.media] == ["sendonly"] * 200 + [None]
    assert len({str(section.msids[0]) for section in description.media[:200]}) == 200


def test_what_does_not_go_together_with_the_offer_is_a_mistake_of_ours() -> None:
    offer = read_offer(offers.offer(offers.LIVEKIT_PUBLISHED))
    first, last = offer.sections[0], offer.sections[-1]
    sent = (first.codecs, stream("audio", 1))

    def written(receiving: Receiving, sending: Sending) -> None:
        write_answer(offer, LOCAL, receiving=receiving, sending=sending, version=1)

    written({last.mid: last.codecs}, {first.mid: sent})
    mistakes: list[tuple[Receiving, Sending]] = [
        ({first.mid: first.codecs}, {}),
        ({}, {last.mid: sent}),
        ({"unheard-of": first.codecs}, {}),
        ({last.mid: ()}, {}),
        ({}, {first.mid: ((), sent[1])}),
        ({}, {first.mid: sent, offer.sections[1].mid: sent}),
    ]
    for receiving, sending in mistakes:
        with pytest.raises(ValueError, match="m-section"):
            written(receiving, sending)


@given(st.sampled_from(NAMES), st.data())
def test_damaged_offers_are_refused_or_answered(name: str, data: st.DataObject) -> None:
    lines = offers.offer(name).split("\r\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "copy", "cut", "move"])):
            case "drop":
                lines[at] = "a=dropped"
            case "copy":
                lines.insert(at, lines[at])
            case "cut":
                lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
            case _:
                lines.insert(data.draw(st.integers(0, len(lines) - 1)), lines.pop(at))
    with contextlib.suppress(Malformed, Rejected):
        offer = read_offer("\r\n".join(lines))
        receivers = [section.mid for section in offer.sections if section.receives]
        description = answer(offer, data.draw(st.sets(st.sampled_from(receivers))) if receivers else ())
        assert [(section.kind, section.mid) for section in description.media] == [
            (section.kind, section.mid) for section in offer.description.media
        ]
        assert sum(bool(section.candidates) for section in description.media) == 1
        msids = [str(msid) for section in description.media for msid in section.msids]
        assert len(msids) == len(set(msids))
