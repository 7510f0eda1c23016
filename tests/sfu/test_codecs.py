"""Which payload type of a viewer carries which of a publisher."""

import pytest

from sfu.attributes import Codec
from sfu.codecs import CodecPair, forwardable, payload_type_map, preferred, variant
from sfu.sdp import SessionDescription
from tests.sfu import offers


def codecs_of(name: str, kind: str) -> list[CodecPair]:
    description = SessionDescription.parse(offers.offer(name))
    return forwardable(kind, next(section for section in description.media if section.kind == kind).codecs)


def h264(payload_type: int, level_id: str, mode: int = 1) -> CodecPair:
    return CodecPair(
        Codec(payload_type, "H264", 90000, format=f"packetization-mode={mode};profile-level-id={level_id}"), None
    )


def test_only_what_can_be_forwarded_is_taken() -> None:
    assert [pair.name for pair in codecs_of(offers.CHROME, "audio")] == ["opus", "red", "g722", "pcmu", "pcma"]
    assert (
        forwardable("audio", [Codec(1, "opus", 48000, 1), Codec(2, "VP8", 90000), Codec(3, "telephone-event", 8000)])
        == []
    )
    assert (
        forwardable("video", [Codec(1, "red", 90000), Codec(2, "ulpfec", 90000), Codec(3, "flexfec-03", 90000)]) == []
    )


def test_a_publisher_sends_what_it_prefers() -> None:
    assert [pair.codec.payload_type for pair in preferred(codecs_of(offers.CHROME, "video"))] == [96]
    audio = codecs_of(offers.CHROME, "audio")
    assert [pair.name for pair in preferred(audio)] == ["opus", "red"]
    assert [pair.name for pair in preferred(audio[1:])] == ["red"]
    assert [pair.name for pair in preferred(audio[2:])] == ["g722"]
    assert preferred([]) == ()


def test_a_publisher_of_chrome_is_understood_by_chrome_payload_type_by_payload_type() -> None:
    mapped = payload_type_map(codecs_of(offers.CHROME, "video"), codecs_of(offers.CHROME_WATCH, "video"))
    assert mapped[96] == (96, 97)
    assert mapped[102] == (102, 103)
    assert mapped[104] == (104, 107)
    assert mapped[45] == (45, 46)
    assert mapped[98] == (98, 99)
    assert mapped[100] == (100, 101)


def test_ffmpeg_is_understood_by_aiortc_and_chrome() -> None:
    ffmpeg = codecs_of(offers.FFMPEG, "video")
    assert payload_type_map(ffmpeg, codecs_of(offers.AIORTC_WATCH, "video")) == {106: (99, 100)}
    assert payload_type_map(ffmpeg, codecs_of(offers.CHROME_WATCH, "video")) == {106: (102, 103)}
    audio = payload_type_map(codecs_of(offers.FFMPEG, "audio"), codecs_of(offers.AIORTC_WATCH, "audio"))
    assert audio == {111: (96, None)}


@pytest.mark.parametrize(
    ("published", "wanted", "understood"),
    [
        (h264(1, "42e01f"), h264(2, "42e01f"), True),
        (h264(1, "42e034"), h264(2, "42e01f"), True),
        (h264(1, "42c01f"), h264(2, "42e01f"), True),
        (h264(1, "42e01f"), h264(2, "640c1f"), True),
        (h264(1, "42001e"), h264(2, "42e01f"), True),
        (h264(1, "4d001f"), h264(2, "64001f"), True),
        (h264(1, "64001f"), h264(2, "4d001f"), False),
        (h264(1, "f4001f"), h264(2, "64001f"), False),
        (h264(1, "42e01f", 1), h264(2, "42e01f", 0), False),
        (h264(1, "42e01f", 0), h264(2, "42e01f", 1), True),
        (h264(1, "nonsense"), h264(2, "42e01f"), False),
    ],
)
def test_h264_profiles_and_packetization_modes(published: CodecPair, wanted: CodecPair, understood: bool) -> None:
    assert payload_type_map([published], [wanted]) == ({1: (2, None)} if understood else {})


def test_the_closest_h264_format_is_chosen() -> None:
    wanted = [h264(1, "64001f"), h264(2, "42e01f", 0), h264(3, "42001f"), h264(4, "42e01f")]
    assert payload_type_map([h264(9, "42e01f")], wanted) == {9: (4, None)}
    assert payload_type_map([h264(9, "42e01f")], wanted[:3]) == {9: (3, None)}
    assert payload_type_map([h264(9, "42e01f", 0)], wanted[:2]) == {9: (2, None)}


@pytest.mark.parametrize(
    ("name", "ours", "theirs", "understood"),
    [
        ("VP9", "", "profile-id=0", True),
        ("VP9", "profile-id=2", "profile-id=0", False),
        ("AV1", "profile=1", "", False),
        ("H265", "level-id=93", "level-id=120;tx-mode=SRST", True),
        ("VP8", "max-fs=1", "", True),
    ],
)
def test_formats_that_are_other_streams(name: str, ours: str, theirs: str, understood: bool) -> None:
    published = [CodecPair(Codec(1, name, 90000, format=ours), None)]
    wanted = [CodecPair(Codec(2, name, 90000, format=theirs), None)]
    assert bool(payload_type_map(published, wanted)) is understood


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("VP8", "max-fs=1", ()),
        ("vp9", "", ("0",)),
        ("AV1", "profile=1;tier=0", ("1",)),
        ("H265", "level-id=93", ("1", "SRST")),
        ("H264", "profile-level-id=42e01f", ("constrained-baseline", "0")),
        ("h264", "profile-level-id=640034;packetization-mode=1", ("high", "1")),
        ("H264", "profile-level-id=f4001f", ("f400", "0")),
    ],
)
def test_variants_of_a_codec(name: str, text: str, values: tuple[str, ...]) -> None:
    assert variant(Codec(96, name, 90000, format=text)) == values


def test_red_goes_with_its_opus_and_not_without() -> None:
    opus, red = Codec(111, "opus", 48000, 2), Codec(63, "red", 48000, 2, format="111/111")
    theirs = forwardable("audio", [Codec(96, "opus", 48000, 2), Codec(97, "red", 48000, 2, format="96/96")])
    assert payload_type_map(forwardable("audio", [opus, red]), theirs) == {111: (96, None), 63: (97, None)}
    assert payload_type_map(forwardable("audio", [opus, red]), theirs[:1]) == {111: (96, None)}
    assert payload_type_map(forwardable("audio", [red]), theirs) == {}
