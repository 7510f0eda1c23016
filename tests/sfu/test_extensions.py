"""Header extension ids of one bundle."""

import pytest

from sfu.attributes import Extmap
from sfu.errors import Malformed
from sfu.extensions import MID, REPAIRED_RTP_STREAM_ID, RTP_STREAM_ID, TRANSPORT_CC, ExtensionIds


def test_viewers_get_neither_stream_ids_nor_transport_wide_numbers() -> None:
    offered = [Extmap(1, MID), Extmap(2, RTP_STREAM_ID), Extmap(3, REPAIRED_RTP_STREAM_ID), Extmap(4, TRANSPORT_CC)]
    assert ExtensionIds("publish").accept(offered) == tuple(offered)
    assert ExtensionIds("watch").accept(offered) == (Extmap(1, MID),)


def test_unknown_extensions_and_placeholder_ids_are_left_out() -> None:
    assert ExtensionIds("publish").accept([Extmap(1, "urn:example"), Extmap(4096, MID)]) == ()


def test_one_id_per_uri_in_the_whole_bundle() -> None:
    ids = ExtensionIds("publish")
    assert ids.accept([Extmap(1, MID)]) == (Extmap(1, MID),)
    assert ids.accept([Extmap(2, MID)]) == ()
    assert ids.ids == {MID: 1}


def test_an_id_with_two_meanings_is_malformed() -> None:
    ids = ExtensionIds("watch")
    ids.accept([Extmap(1, MID)])
    with pytest.raises(Malformed):
        ids.accept([Extmap(1, "urn:example")])


def test_a_call_takes_everything_whichever_way_it_goes() -> None:
    offered = [Extmap(1, MID, "sendonly"), Extmap(2, RTP_STREAM_ID, "recvonly"), Extmap(3, TRANSPORT_CC, "inactive")]
    assert ExtensionIds("call").accept(offered) == (Extmap(1, MID, "recvonly"), Extmap(2, RTP_STREAM_ID, "sendonly"))


def test_an_extension_is_answered_once() -> None:
    assert ExtensionIds("publish").accept([Extmap(1, MID)] * 3) == (Extmap(1, MID),)
