"""A publisher's codecs with the payload types of subscribers."""

import pytest

from sfu.attributes import Codec
from sfu.calls.payload_types import DEFAULTS, PayloadTypes
from sfu.calls.peer_offer import read_offer
from sfu.codecs import CodecPair, payload_type_map
from sfu.errors import Rejected
from tests.sfu import offers
from tests.sfu.calls.descriptions import NAMES

DYNAMIC = {*range(96, 128), *range(35, 64)}
STATIC = {0, 8, 9}


def pair(name: str, text: str = "", payload_type: int = 111) -> CodecPair:
    rate, channels = {"opus": (48_000, 2), "red": (48_000, 2), "PCMU": (8_000, 1)}.get(name, (90_000, 1))
    return CodecPair(Codec(payload_type, name, rate, channels, text), None)


def offered(*codecs: CodecPair) -> list[Codec]:
    return [pair.codec for pair in PayloadTypes().pairs(codecs)]


VARIANTS = [
    *(pair("VP8"), pair("PCMU"), pair("opus"), pair("opus", "stereo=1")),
    *(pair("VP9", f"profile-id={profile}") for profile in range(4)),
    *(pair("AV1", f"profile={profile}") for profile in range(3)),
    *(pair("H265", f"profile-id={profile}") for profile in range(1, 5)),
    *(
        pair("H264", f"profile-level-id={level_id};packetization-mode={mode}")
        for level_id in ("42e01f", "42001f", "4d001f", "64001f", "640c1f")
        for mode in (0, 1)
    ),
]


def test_a_number_means_one_thing_and_can_be_told_from_rtcp() -> None:
    found = {PayloadTypes().pairs([variant])[0] for variant in VARIANTS}
    assert len(found) == len(VARIANTS)
    numbers = [
        number for both in found for number in (both.codec.payload_type, both.rtx_payload_type) if number is not None
    ]
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) <= DYNAMIC | STATIC


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_what_is_offered_takes_what_is_published(variant: CodecPair) -> None:
    (target,) = PayloadTypes().pairs([variant])
    assert payload_type_map([variant], [target]) == {111: (target.codec.payload_type, target.rtx_payload_type)}
    assert PayloadTypes().pairs([target]) == (target,)


def test_video_has_rtx_and_feedback() -> None:
    (found,) = PayloadTypes().pairs([pair("vp8")])
    assert found.codec.name == "VP8"
    assert found.codec.feedback == ("goog-remb", "ccm fir", "nack", "nack pli")
    assert found.rtx is not None
    assert (found.rtx.name, found.rtx.parameters()) == ("rtx", {"apt": str(found.codec.payload_type)})


def test_red_comes_with_the_opus_in_it() -> None:
    red, opus = offered(pair("red", "111/111", 63), pair("opus"))
    assert (red.name, red.format) == ("red", f"{opus.payload_type}/{opus.payload_type}")
    assert (opus.format, opus.feedback) == ("minptime=10;useinbandfec=1", ())
    with pytest.raises(Rejected):
        offered(pair("red", "111/111"))
    assert [codec.name for codec in offered(pair("red"), pair("PCMU"))] == ["PCMU"]


@pytest.mark.parametrize("text", ["stereo=1", "useinbandfec=1;sprop-stereo=1"])
def test_stereo_stays(text: str) -> None:
    opus, red = offered(pair("opus", text), pair("red"))
    assert opus.parameters()["sprop-stereo"] == opus.parameters()["stereo"] == "1"
    assert red.format == f"{opus.payload_type}/{opus.payload_type}"


def test_a_publishers_own_words_are_not_passed_on() -> None:
    plain = offered(pair("VP9", "profile-id=2"))
    assert offered(pair("vP9", "x-google-start-bitrate=1000;profile-id=2;max-fs=" + "9" * 9_000)) == plain


@pytest.mark.parametrize(
    "unknown",
    [
        pair("VP9", "profile-id=4"),
        pair("VP9", "profile-id="),
        pair("H264", "profile-level-id=f4001f"),
        pair("H264", "packetization-mode=2"),
        pair("H265", "tx-mode=MRST"),
    ],
)
def test_variants_without_a_number_are_left_out(unknown: CodecPair) -> None:
    assert [codec.name for codec in offered(unknown, pair("VP8"))] == ["VP8"]
    with pytest.raises(Rejected) as caught:
        offered(unknown)
    assert caught.value.code == "unsupported-codec"


@pytest.mark.parametrize("name", [*NAMES, offers.CHROME_WATCH])
def test_what_real_clients_offer_can_be_offered_on(name: str) -> None:
    for section in read_offer(offers.offer(name)).sections:
        found = PayloadTypes().pairs(section.codecs)
        assert found[0].name == section.codecs[0].name
        assert len(set(found)) == len(found)


def test_defaults_are_what_everybody_has() -> None:
    assert {kind: default.codec.name for kind, default in DEFAULTS.items()} == {"audio": "opus", "video": "VP8"}
