"""What is read of clients' offers."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.attributes import Msid
from sfu.calls.peer_offer import CALL_LIMITS, PeerOffer, in_bundle, read_offer
from sfu.errors import Malformed, Rejected
from sfu.extensions import AUDIO_LEVEL, MID, REPAIRED_RTP_STREAM_ID, RTP_STREAM_ID, TRANSPORT_CC
from sfu.sdp import SessionDescription
from tests.sfu import offers
from tests.sfu.calls.descriptions import NAMES, many


def offered(name: str, *changes: tuple[str, str]) -> PeerOffer:
    return read_offer(offers.edited(name, *changes))


def refusal(text: str) -> str:
    with pytest.raises((Malformed, Rejected)) as caught:
        read_offer(text)
    return caught.value.code


@pytest.mark.parametrize("name", NAMES)
def test_real_offers_are_read(name: str) -> None:
    offer = offered(name)
    assert offer.sections
    assert offer.remote.our_role == "server"
    assert offer.description == SessionDescription.parse(offers.offer(name))
    for section in offer.sections:
        media = offer.description.media[section.index]
        assert (media.kind, media.mid) == (section.kind, section.mid)
        assert section.codecs


def test_an_sdk_joins_with_sections_to_receive_in() -> None:
    offer = offered(offers.LIVEKIT_JOIN)
    assert [(section.mid, section.kind) for section in offer.sections] == [
        *((mid, "audio") for mid in "012"),
        *((mid, "video") for mid in "345"),
    ]
    assert all(section.receives and not section.sends and section.msid is None for section in offer.sections)
    assert offer.data is not None
    assert (offer.data.index, offer.data.mid, offer.data.port, offer.data.max_message_size) == (6, "6", 5000, 262_144)
    assert offer.extensions.keys() >= {MID, RTP_STREAM_ID, REPAIRED_RTP_STREAM_ID, TRANSPORT_CC, AUDIO_LEVEL}


def test_data_channels_may_come_first() -> None:
    offer = offered(offers.LIVEKIT_PUBLISH)
    assert offer.data is not None
    assert offer.data.index == 0
    sound, picture = offer.sections
    assert (sound.index, sound.mid, sound.kind, sound.sends, sound.receives) == (1, "1", "audio", True, False)
    assert sound.layers.ssrcs == ((799666212, None),)
    assert picture.msid == Msid("-", "3ddc4274-1b97-430d-aa76-9a5d3500c529")
    assert [layer.rid for layer in picture.layers.simulcast] == ["f", "h", "q"]
    assert picture.layers.rids_upwards == ["q", "h", "f"]
    assert [(pair.name, pair.rtx) for pair in picture.codecs] == [("vp8", None)]


def test_the_direction_says_who_sends_whatever_else_was_left() -> None:
    published = offered(offers.LIVEKIT_PUBLISHED).sections[-1]
    left = offered(offers.LIVEKIT_UNPUBLISHED).sections[-1]
    again = offered(offers.LIVEKIT_REPUBLISHED).sections
    assert (published.sends, published.receives) == (True, False)
    assert (left.sends, left.receives) == (False, True)
    assert left.msid == published.msid
    assert [section.mid for section in again if section.sends] == ["8"]


@pytest.mark.parametrize(
    ("direction", "sends", "receives"),
    [("sendrecv", True, True), ("sendonly", True, False), ("recvonly", False, True), ("inactive", False, False)],
)
def test_directions(direction: str, sends: bool, receives: bool) -> None:
    section = offered(offers.AIORTC, ("a=sendrecv", f"a={direction}")).sections[0]
    assert (section.sends, section.receives) == (sends, receives)


def test_mids_are_names_and_no_numbers() -> None:
    swapped = (("a=mid:1\r", "a=mid:x\r"), ("a=mid:2\r", "a=mid:1\r"), ("BUNDLE 0 1 2", "BUNDLE 0 x 1"))
    offer = offered(offers.LIVEKIT_PUBLISH, *swapped)
    assert [(section.index, section.mid) for section in offer.sections] == [(1, "x"), (2, "1")]


def test_all_codecs_stay_in_order_and_layers_are_for_the_preferred_one() -> None:
    video = offered(offers.CHROME_SIMULCAST).sections[1]
    assert len({pair.codec.payload_type for pair in video.codecs}) > 5
    assert video.codecs[0].name == "vp8"
    text = offers.edited(offers.CHROME_SIMULCAST, ("a=rid:q send", "a=rid:q send pt=98"))
    assert read_offer(text).sections[1].layers.rids_upwards == ["h", "f"]


def test_what_is_disabled_or_unknown_is_left_out() -> None:
    assert [one.mid for one in offered(offers.LIVEKIT_PUBLISH, ("m=audio 9", "m=audio 0")).sections] == ["2"]
    assert [one.mid for one in offered(offers.LIVEKIT_PUBLISH, ("m=audio 9", "m=text 9")).sections] == ["2"]
    assert [one.mid for one in offered(offers.LIVEKIT_PUBLISH, ("VP8/", "VP7/")).sections] == ["1"]
    assert offered(offers.LIVEKIT_PUBLISH, ("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000")).data is None
    bundled = (("m=audio 9", "m=audio 0"), ("a=mid:1\r\n", "a=mid:1\r\na=bundle-only\r\n"))
    assert [one.mid for one in offered(offers.LIVEKIT_PUBLISH, *bundled).sections] == ["1", "2"]


def test_the_transport_is_the_tagged_sections() -> None:
    text = offers.offer(offers.LIVEKIT_PUBLISH)
    head, _, rest = text.partition("m=audio")
    rest = rest.replace("a=ice-ufrag:adMl", "a=ice-ufrag:other")
    assert read_offer(f"{head}m=audio{rest}").remote.ice.ufrag == "adMl"
    reordered = head.replace("BUNDLE 0 1 2", "BUNDLE 1 0 2")
    assert read_offer(f"{reordered}m=audio{rest}").remote.ice.ufrag == "other"


def test_transport_attributes_of_the_whole_session() -> None:
    lines = offers.offer(offers.LIVEKIT_PUBLISH).split("\r\n")
    names = ("a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup")
    moved = list(dict.fromkeys(line for line in lines if line.startswith(names)))
    text = "\r\n".join([*lines[:4], *moved, *(line for line in lines[4:] if not line.startswith(names))])
    assert read_offer(text).remote == offered(offers.LIVEKIT_PUBLISH).remote


def test_a_client_that_waits_for_our_hello() -> None:
    assert offered(offers.LIVEKIT_PUBLISH, ("a=setup:actpass", "a=setup:passive")).remote.our_role == "client"


def test_extension_ids_are_the_bundles_whatever_the_direction() -> None:
    offer = offered(
        offers.LIVEKIT_PUBLISH, (f"a=extmap:4 {MID}", f"a=extmap:200 {MID}"), ("a=extmap:1 ", "a=extmap:1/recvonly ")
    )
    assert offer.extensions[MID] == 200
    assert offer.extensions[AUDIO_LEVEL] == 1
    assert all(any(extmap.id == 200 for extmap in section.extmaps) for section in offer.sections)
    everywhere = offers.edited(offers.LIVEKIT_PUBLISH, ("t=0 0\r\n", f"t=0 0\r\na=extmap:4 {MID}\r\n"))
    for section in read_offer(everywhere).sections:
        assert [extmap.id for extmap in section.extmaps if extmap.uri == MID] == [4]


def test_sections_that_are_alike_share_what_was_read() -> None:
    offer = read_offer(many(100, 100))
    assert len(offer.sections) == 200
    for kind in ("audio", "video"):
        alike = [section for section in offer.sections if section.kind == kind]
        assert all(section.codecs is alike[0].codecs for section in alike)
        assert all(section.extmaps is alike[0].extmaps for section in alike)


def test_limits() -> None:
    assert len(read_offer(many(CALL_LIMITS.sections - 1, 0)).sections) == CALL_LIMITS.sections - 1
    assert refusal(many(CALL_LIMITS.sections, 0)) == "malformed-sdp"
    assert refusal("v=0\r\n" + "a=x\r\n" * CALL_LIMITS.lines) == "malformed-sdp"
    assert refusal("v=0\r\na=" + "x" * CALL_LIMITS.bytes) == "malformed-sdp"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (offers.edited(offers.LIVEKIT_PUBLISH, ("BUNDLE 0 1 2", "BUNDLE 0 1")), "no-bundle"),
        (offers.edited(offers.LIVEKIT_PUBLISH, ("BUNDLE 0 1 2", "BUNDLE 1 2")), "no-bundle"),
        (offers.without(offers.LIVEKIT_PUBLISH, "a=group:BUNDLE"), "no-bundle"),
        (offers.edited(offers.LIVEKIT_PUBLISH, ("a=mid:1\r\n", "")), "no-mid"),
        (offers.edited(offers.LIVEKIT_PUBLISH, ("a=mid:0\r\n", "")), "no-mid"),
        (offers.edited(offers.LIVEKIT_PUBLISH, ("a=mid:1\r", "a=mid:2\r")), "malformed-sdp"),
        (offers.edited(offers.LIVEKIT_PUBLISH, ("a=sctp-port:5000\r\n", "")), "malformed-sdp"),
        (offers.edited(offers.LIVEKIT_PUBLISH, ("a=extmap:14 ", "a=extmap:1 ")), "malformed-sdp"),
        (
            offers.edited(offers.LIVEKIT_PUBLISH, ("SAVPF 96", "SAVPF 111"), ("rtpmap:96", "rtpmap:111")),
            "malformed-sdp",
        ),
        (offers.edited(offers.LIVEKIT_PUBLISH, ("a=setup:actpass", "a=setup:holdconn")), "unsupported-setup"),
        (offers.edited(offers.LIVEKIT_PUBLISH, ("UDP/TLS/RTP/SAVPF", "RTP/AVP")), "unsupported-profile"),
        (offers.without(offers.LIVEKIT_PUBLISH, "a=rtcp-mux"), "no-rtcp-mux"),
        (offers.without(offers.LIVEKIT_PUBLISH, "a=fingerprint"), "no-fingerprint"),
        (offers.without(offers.LIVEKIT_PUBLISH, "a=ice-"), "malformed-sdp"),
        ("v=0\r\n", "no-media"),
        ("", "malformed-sdp"),
    ],
)
def test_what_cannot_be_served_is_refused_with_a_code(text: str, code: str) -> None:
    assert refusal(text) == code


def test_two_streams_with_one_ssrc_are_malformed_unless_one_is_not_sent() -> None:
    twice = offers.edited(offers.AIORTC, ("2622556074", "4170938916"))
    assert refusal(twice) == "malformed-sdp"
    head, sound, picture = twice.split("m=")
    assert len(read_offer("m=".join([head, sound, picture.replace("sendrecv", "recvonly")])).sections) == 2


def test_one_section_needs_no_group() -> None:
    text = offers.without(offers.LIVEKIT_PUBLISH, "a=group:BUNDLE")
    offer = read_offer(text[: text.index("m=audio")])
    assert in_bundle(offer.description, offer.mids) == ["0"]


@given(st.text(max_size=300))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises((Malformed, Rejected)):
        read_offer(text)


@given(st.sampled_from(NAMES), st.data())
def test_damaged_offers_are_refused_or_read(name: str, data: st.DataObject) -> None:
    text = offers.offer(name)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        text = text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 3)) :]
    with contextlib.suppress(Malformed, Rejected):
        read_offer(text)
