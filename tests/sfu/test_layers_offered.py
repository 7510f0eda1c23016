"""Which streams an offer announces for one track."""

import pytest

from sfu.attributes import Extmap
from sfu.codecs import forwardable
from sfu.extensions import RTP_STREAM_ID
from sfu.layers_offered import MAX_LAYERS, OfferedLayers, offered_layers, upwards
from sfu.sdp import MediaSection, SessionDescription

RID = Extmap(10, RTP_STREAM_ID)


def layers(*lines: str, extmaps: tuple[Extmap, ...] = (RID,)) -> OfferedLayers:
    text = "\n".join(["v=0", "m=video 9 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 VP8/90000", *lines])
    section = SessionDescription.parse(text).media[0]
    return offered_layers(section, forwardable("video", section.codecs), extmaps)


@pytest.mark.parametrize(
    ("offered", "lowest_first"),
    [
        ("q h f", "q h f"),
        ("f h q", "q h f"),
        ("hi mid lo", "lo mid hi"),
        ("0 1 2", "2 1 0"),
        ("r0 r1 r2", "r0 r1 r2"),
        ("f x q", "f x q"),
        ("q lo", "q lo"),
        ("", ""),
    ],
)
def test_the_order_of_layers(offered: str, lowest_first: str) -> None:
    assert upwards(offered.split()) == lowest_first.split()


def test_rids_without_their_header_extension_are_not_simulcast() -> None:
    lines = ("a=rid:q send", "a=rid:f send", "a=simulcast:send q;f")
    assert layers(*lines).rids_upwards == ["q", "f"]
    assert layers(*lines, extmaps=()).rids_upwards == []


def test_rids_that_are_not_described_or_not_decodable_fall_away() -> None:
    found = layers(
        "a=rid:a send pt=96,97;max-width=320", "a=rid:b send pt=97", "a=rid:c recv", "a=simulcast:send a;b;c;d;a"
    )
    assert [str(rid) for rid in found.rids] == ["a recv pt=96;max-width=320"]


def test_more_layers_than_are_served_are_cut() -> None:
    rids = [f"r{number}" for number in range(MAX_LAYERS + 2)]
    lines = [f"a=rid:{rid} send" for rid in rids]
    assert layers(*lines, f"a=simulcast:send {';'.join(rids)}").rids_upwards == rids[:MAX_LAYERS]


def test_beside_rids_ssrcs_say_nothing() -> None:
    ssrcs = ("a=ssrc:1 cname:x", "a=ssrc:2 cname:x", "a=ssrc-group:FID 1 2")
    found = layers("a=rid:f send", "a=rid:q send", "a=simulcast:send f;q", *ssrcs)
    assert (found.rids_upwards, found.ssrcs) == (["q", "f"], ())
    assert layers("a=simulcast:send f;q", *ssrcs).ssrcs == ((1, 2),)


def test_layers_by_ssrc() -> None:
    found = layers(
        "a=ssrc-group:SIM 1 3 5", "a=ssrc-group:FID 1 2", "a=ssrc-group:FID 3 4", "a=ssrc:1 cname:x", "a=ssrc:3 cname:x"
    )
    assert found.ssrcs == ((1, 2), (3, 4), (5, None))


def test_one_stream_with_its_repair() -> None:
    assert layers("a=ssrc:2 cname:x", "a=ssrc:1 cname:x", "a=ssrc-group:FID 1 2").ssrcs == ((1, 2),)
    assert layers().ssrcs == ()


def test_a_rid_is_looked_at_once_however_often_it_is_named() -> None:
    unsent = "pt=" + ",".join(["1"] * 100_000)
    named = ",".join(["x"] * 100_000)
    lines = ["m=video 9 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 VP8/90000", f"a=rid:x send {unsent}", "a=rid:y send"]
    section = MediaSection([*lines, f"a=simulcast:send {named},y"])
    assert offered_layers(section, forwardable("video", section.codecs), [RID]).rids_upwards == ["y"]
