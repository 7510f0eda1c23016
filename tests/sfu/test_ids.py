"""Identifiers and credentials."""

import random
import re

from sfu.ids import Ids


def test_lengths_and_alphabets() -> None:
    ids = Ids(random.Random(1).randbytes)
    assert re.fullmatch(r"RM_[\w-]{12}", ids.object_id("RM"))
    assert re.fullmatch(r"[\w-]{24}", ids.session_id())
    ice = ids.ice()
    assert re.fullmatch(r"[A-Za-z0-9+/]{8}", ice.ufrag)
    assert re.fullmatch(r"[A-Za-z0-9+/]{24}", ice.pwd)
    assert len({ids.session_id() for _ in range(100)}) == 100
    assert len({ids.etag() for _ in range(100)}) == 100
    assert all(ids.number(63) < 1 << 63 for _ in range(100))


def test_ssrcs_are_neither_zero_nor_taken() -> None:
    answers = iter([bytes(4), b"\0\0\0\x07", b"\0\0\0\x08"])
    assert Ids(lambda _: next(answers)).ssrc({7}) == 8
