"""What our answers say."""

import pytest

from sfu.answer import LocalTransport, SentStream, answer, media_line
from sfu.attributes import Extmap, Fingerprint, IceCredentials, Msid, Simulcast, SimulcastId, SsrcGroup
from sfu.candidates import host_candidates
from sfu.extensions import RTP_STREAM_ID, Purpose
from sfu.negotiation import Kind, plan
from sfu.sdp import MediaSection, SessionDescription
from tests.sfu import offers

CANDIDATES = host_candidates([("192.0.2.1", 3478), ("2001:db8::1", 3478)])
LOCAL = LocalTransport(IceCredentials("ours", "o" * 24), Fingerprint("sha-256", bytes(range(32))), CANDIDATES, 7)
STREAMS: dict[Kind, SentStream] = {
    "audio": SentStream(11, None, "room", Msid("stream", "sound")),
    "video": SentStream(22, 33, "room", Msid("stream", "picture")),
}


def answered(text: str, purpose: Purpose = "publish") -> SessionDescription:
    planned = plan(SessionDescription.parse(text), purpose)
    return SessionDescription.parse(answer(planned, LOCAL, STREAMS if purpose == "watch" else {}))


def section(description: SessionDescription, kind: str) -> MediaSection:
    return next(section for section in description.media if section.kind == kind)


def test_the_transport_is_ice_lite_with_every_candidate_inside() -> None:
    description = answered(offers.offer(offers.CHROME_SIMULCAST))
    first, second, data = description.media
    assert description.ice_lite
    assert description.bundles == [("0", "1")]
    assert first.candidates == list(CANDIDATES)
    assert "end-of-candidates" in first
    assert second.candidates == []
    for media in (first, second):
        assert media.ice == LOCAL.ice
        assert media.fingerprints == [LOCAL.fingerprint]
        assert media.value("setup") == "passive"
        assert media.direction == "recvonly"
        assert "rtcp-mux" in media
        assert "rtcp-rsize" in media
        assert "rtcp-mux-only" not in media
    assert (data.kind, data.port, data.mid) == ("application", 0, "2")
    assert first.port == 3478


@pytest.mark.parametrize(
    "name", [offers.CHROME, offers.CHROME_SIMULCAST, offers.FIREFOX_SIMULCAST, offers.FFMPEG, offers.AIORTC]
)
def test_sections_come_in_the_order_of_the_offer(name: str) -> None:
    offer = SessionDescription.parse(offers.offer(name))
    description = answered(offers.offer(name))
    assert [(media.kind, media.mid) for media in description.media] == [
        (media.kind, media.mid) for media in offer.media
    ]
    for theirs, ours in zip(offer.media, description.media, strict=True):
        assert ours.profile == theirs.profile
        assert {codec.payload_type for codec in ours.codecs} <= {codec.payload_type for codec in theirs.codecs}
        assert {(extmap.id, extmap.uri) for extmap in ours.extmaps} <= {
            (extmap.id, extmap.uri) for extmap in theirs.extmaps
        }


def test_rtcp_mux_only_is_answered_where_offered() -> None:
    text = offers.edited(offers.CHROME, ("a=rtcp-mux\r\n", "a=rtcp-mux\r\na=rtcp-mux-only\r\n"))
    assert all("rtcp-mux-only" in media for media in answered(text).media)


def test_simulcast_is_received_in_the_order_offered() -> None:
    video = section(answered(offers.offer(offers.CHROME_SIMULCAST)), "video")
    assert [str(rid) for rid in video.rids] == ["q recv", "h recv", "f recv"]
    assert video.simulcast == Simulcast(recv=((SimulcastId("q"),), (SimulcastId("h"),), (SimulcastId("f"),)))
    assert RTP_STREAM_ID in {extmap.uri for extmap in video.extmaps}


def test_alternatives_come_down_to_one_and_pauses_stay() -> None:
    text = offers.edited(offers.CHROME_SIMULCAST, ("a=simulcast:send q;h;f", "a=simulcast:send x,q;~h;f"))
    video = section(answered(text), "video")
    assert video.value("simulcast") == "recv q;~h;f"


def test_repair_is_by_rtx_and_nothing_else() -> None:
    video = section(answered(offers.offer(offers.CHROME)), "video")
    vp8, rtx = video.codecs
    assert (vp8.name, rtx.name) == ("VP8", "rtx")
    assert vp8.feedback == ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
    assert (rtx.parameters(), rtx.feedback) == ({"apt": "96"}, ())


def test_a_publisher_has_one_codec_a_viewer_has_all() -> None:
    published, watched = answered(offers.offer(offers.CHROME)), answered(offers.offer(offers.CHROME_WATCH), "watch")
    assert [codec.name for codec in section(published, "audio").codecs] == ["opus", "red"]
    names = {codec.name for codec in section(watched, "video").codecs}
    assert names == {"VP8", "H264", "VP9", "AV1", "rtx"}


def test_firefox_is_answered_with_its_own_numbers() -> None:
    audio, video = answered(offers.offer(offers.FIREFOX_SIMULCAST)).media
    assert (audio.formats, video.formats) == (["109"], ["120", "124"])
    assert [str(rid) for rid in video.rids] == ["q recv", "h recv", "f recv"]
    assert Extmap(9, RTP_STREAM_ID, "recvonly") in video.extmaps
    assert "bundle-only" not in video
    assert video.port == audio.port


def test_wildcard_feedback_is_answered_per_payload_type() -> None:
    text = offers.edited(offers.AIORTC, ("a=rtcp-fb:97 nack\r\n", "a=rtcp-fb:* nack\r\na=rtcp-fb:* x\r\n"))
    video = section(answered(text), "video")
    assert "nack" in video.codecs[0].feedback
    assert "x" not in video.codecs[0].feedback


def test_ffmpeg_gets_an_active_answer() -> None:
    audio, video = answered(offers.offer(offers.FFMPEG)).media
    assert audio.value("setup") == video.value("setup") == "active"
    assert audio.extmaps == []
    assert video.formats == ["106", "105"]


def test_a_viewer_is_told_every_stream_in_one_media_stream() -> None:
    description = answered(offers.offer(offers.CHROME_WATCH), "watch")
    video, audio = description.media
    assert video.direction == audio.direction == "sendonly"
    assert video.ssrc_groups == [SsrcGroup("FID", (22, 33))]
    assert set(video.ssrcs) == {22, 33}
    assert audio.ssrcs == {11: {"cname": "room", "msid": "stream sound"}}
    assert {video.msids[0].stream, audio.msids[0].stream} == {"stream"}
    assert not any("transport-cc" in codec.feedback for codec in video.codecs)
    assert all("transport-wide" not in extmap.uri for extmap in video.extmaps)


def test_extension_directions_are_mirrored() -> None:
    text = offers.edited(
        offers.CHROME_SIMULCAST,
        ("a=extmap:13 urn", "a=extmap:13/sendonly urn"),
        ("a=extmap:5 ", "a=extmap:5/recvonly "),
    )
    extmaps = section(answered(text), "video").extmaps
    assert Extmap(13, "urn:3gpp:video-orientation", "recvonly") in extmaps
    assert 5 not in {extmap.id for extmap in extmaps}


def test_the_media_line_of_a_restart_is_that_of_the_answer() -> None:
    planned = plan(SessionDescription.parse(offers.offer(offers.FFMPEG)), "publish")
    assert media_line(planned, planned.media[0], CANDIDATES) == "audio 3478 UDP/TLS/RTP/SAVPF 111"
    assert media_line(planned, planned.media[1], ()) == "video 9 UDP/TLS/RTP/SAVPF 106 105"
