"""Which offers are served, and what is taken from them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.answer import LocalTransport, SentStream, answer
from sfu.attributes import Fingerprint, IceCredentials, Msid
from sfu.candidates import host_candidates
from sfu.errors import Malformed, Rejected
from sfu.extensions import MID, RTP_STREAM_ID, TRANSPORT_CC, Purpose
from sfu.negotiation import Kind, Plan, plan
from sfu.sdp import SessionDescription
from tests.sfu import offers

PUBLISHERS = [
    offers.CHROME,
    offers.CHROME_SIMULCAST,
    offers.FIREFOX,
    offers.FIREFOX_SIMULCAST,
    offers.FFMPEG,
    offers.AIORTC,
    offers.LIVEKIT_PUBLISH,
]
VIEWERS = [offers.CHROME_WATCH, offers.FIREFOX_WATCH, offers.AIORTC_WATCH, offers.AIORTC]
LOCAL = LocalTransport(
    IceCredentials("ours", "o" * 24), Fingerprint("sha-256", bytes(32)), host_candidates([("192.0.2.1", 3478)]), 1
)
STREAMS: dict[Kind, SentStream] = {
    "audio": SentStream(1, None, "name", Msid("stream", "a")),
    "video": SentStream(2, 3, "name", Msid("stream", "v")),
}


def plan_of(text: str, purpose: Purpose = "publish") -> Plan:
    return plan(SessionDescription.parse(text), purpose)


def refusal(text: str, purpose: Purpose = "publish") -> str:
    with pytest.raises((Malformed, Rejected)) as caught:
        plan_of(text, purpose)
    return caught.value.code


@pytest.mark.parametrize("name", PUBLISHERS)
def test_real_publishers_are_served_audio_and_video(name: str) -> None:
    planned = plan_of(offers.offer(name))
    assert {media.kind for media in planned.media} == {"audio", "video"}
    assert planned.remote.fingerprints


@pytest.mark.parametrize("name", VIEWERS)
def test_real_viewers_are_served_audio_and_video(name: str) -> None:
    planned = plan_of(offers.offer(name), "watch")
    assert {media.kind for media in planned.media} == {"audio", "video"}
    assert not {RTP_STREAM_ID, TRANSPORT_CC} & planned.extensions.keys()


def test_chrome_simulcast() -> None:
    planned = plan_of(offers.offer(offers.CHROME_SIMULCAST))
    video = planned.of_kind("video")
    assert video is not None
    assert video.layers.rids_upwards == ["q", "h", "f"]
    assert [(pair.name, pair.rtx_payload_type) for pair in video.codecs] == [("vp8", 97)]
    assert video.feedback("transport-cc")
    assert video.feedback("nack pli")
    assert planned.extensions[MID] == 4
    assert planned.remote.our_role == "server"


def test_firefox_simulcast_is_by_rid_although_it_lists_ssrcs() -> None:
    video = plan_of(offers.offer(offers.FIREFOX_SIMULCAST)).of_kind("video")
    assert video is not None
    assert (video.layers.rids_upwards, video.layers.ssrcs) == (["q", "h", "f"], ())
    video = plan_of(offers.offer(offers.FIREFOX)).of_kind("video")
    assert video is not None
    assert video.layers.ssrcs == ((1892836875, 3981790214),)


def test_livekit_lists_its_layers_from_the_top() -> None:
    video = plan_of(offers.offer(offers.LIVEKIT_PUBLISH)).of_kind("video")
    assert video is not None
    assert [layer.rid for layer in video.layers.simulcast] == ["f", "h", "q"]
    assert video.layers.rids_upwards == ["q", "h", "f"]


def test_ffmpeg_waits_for_our_client_hello() -> None:
    planned = plan_of(offers.offer(offers.FFMPEG))
    audio, video = planned.media
    assert planned.remote.our_role == "client"
    assert planned.extensions == {}
    assert audio.layers.ssrcs == ((3561646389, None),)
    assert video.layers.ssrcs == ((3561646390, 3561646391),)


def test_aiortc_announces_its_streams_by_ssrc() -> None:
    _, video = plan_of(offers.offer(offers.AIORTC)).media
    assert video.layers.ssrcs == ((4170938916, 1630856646),)


@pytest.mark.parametrize(("setup", "role"), [("actpass", "server"), ("active", "server"), ("passive", "client")])
def test_our_role_is_what_the_offer_leaves(setup: str, role: str) -> None:
    text = offers.edited(offers.CHROME, ("a=setup:actpass", f"a=setup:{setup}"))
    assert plan_of(text).remote.our_role == role


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (offers.edited(offers.CHROME, ("a=setup:actpass", "a=setup:holdconn")), "unsupported-setup"),
        (offers.without(offers.CHROME, "a=fingerprint"), "no-fingerprint"),
        (offers.edited(offers.CHROME, ("a=fingerprint:sha-256", "a=fingerprint:sha-1")), "no-fingerprint"),
        (offers.without(offers.CHROME, "a=ice-"), "malformed-sdp"),
        (offers.without(offers.CHROME, "a=rtcp-mux"), "no-rtcp-mux"),
        (offers.without(offers.CHROME, "a=group:BUNDLE"), "no-bundle"),
        (offers.edited(offers.CHROME, ("a=sendrecv", "a=recvonly")), "wrong-direction"),
        (offers.edited(offers.CHROME, ("a=sendrecv", "a=inactive")), "wrong-direction"),
        (offers.edited(offers.CHROME, ("UDP/TLS/RTP/SAVPF", "RTP/AVP")), "unsupported-profile"),
        (offers.edited(offers.CHROME, ("m=video", "m=text")), "unsupported-media"),
        (offers.edited(offers.CHROME, ("a=mid:1", "a=mid:0")), "malformed-sdp"),
        (offers.edited(offers.CHROME, ("a=mid:1", "a=mid:a b")), "malformed-sdp"),
        (offers.edited(offers.AIORTC, ("VP8/90000", "H266/90000"), ("H264", "H263")), "unsupported-codec"),
        (offers.edited(offers.AIORTC, ("a=extmap:3 http", "a=extmap:1 http")), "malformed-sdp"),
        (offers.edited(offers.AIORTC, ("2622556074", "4170938916")), "malformed-sdp"),
        (offers.edited(offers.AIORTC, ("SAVPF 97", "SAVPF 96"), (":97 ", ":96 ")), "malformed-sdp"),
        (offers.edited(offers.CHROME, ("m=video 37360", "m=video 0"), ("m=audio 57896", "m=audio 0")), "no-media"),
        ("v=0\r\ns=-\r\n", "no-media"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_refused_with_a_code(text: str, code: str) -> None:
    assert refusal(text) == code


def test_more_than_one_track_of_a_kind_is_refused() -> None:
    assert refusal(offers.offer(offers.LIVEKIT_MANY), "watch") == "too-many-tracks"


def test_a_viewer_must_want_to_receive() -> None:
    assert refusal(offers.offer(offers.CHROME_SIMULCAST), "watch") == "wrong-direction"


def test_a_disabled_section_is_left_out_but_bundle_only_is_not() -> None:
    disabled = offers.edited(offers.CHROME, ("m=video 37360", "m=video 0"))
    assert [media.kind for media in plan_of(disabled).media] == ["audio"]
    bundled = disabled.replace("a=mid:0\r\n", "a=mid:0\r\na=bundle-only\r\n")
    assert [media.kind for media in plan_of(bundled).media] == ["video", "audio"]


def test_one_section_needs_neither_mid_nor_bundle() -> None:
    text = offers.offer(offers.FFMPEG)
    audio_only = text[: text.index("m=video")].replace("a=mid:0\r\n", "").replace("a=group:BUNDLE 0 1\r\n", "")
    (audio,) = plan_of(audio_only).media
    assert (audio.kind, audio.mid) == ("audio", None)


@given(st.sampled_from(PUBLISHERS + VIEWERS), st.sampled_from(["publish", "watch"]), st.data())
def test_damaged_offers_are_refused_or_answered(name: str, purpose: Purpose, data: st.DataObject) -> None:
    lines = offers.offer(name).split("\r\n")
    for _ in range(data.draw(st.integers(1, 3))):
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
        planned = plan_of("\r\n".join(lines), purpose)
        text = answer(planned, LOCAL, STREAMS if purpose == "watch" else {})
        assert str(SessionDescription.parse(text)) == text
