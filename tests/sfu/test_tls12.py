"""The pieces of TLS 1.2."""

import pytest

from sfu.tls12 import Reader, RecordKeys, Unacceptable, prf, vector


def test_the_prf_by_its_published_vector() -> None:
    """The P_SHA256 vector posted to the TLS working group's list, which implementations have checked against since."""
    output = prf(
        bytes.fromhex("9bbe436ba940f017b17652849a71db35"),
        b"test label",
        bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c"),
        100,
    )
    assert output.hex() == (
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17"
        "abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66"
    )


def test_vectors_are_read_as_they_are_written() -> None:
    reader = Reader(vector(b"one", 1) + vector(b"", 2) + b"rest")
    assert (reader.vector(1), reader.vector(2), reader.rest) == (b"one", b"", b"rest")
    with pytest.raises(Unacceptable):
        reader.vector(2)


def test_extensions_may_be_missing_but_not_cut_off() -> None:
    assert Reader(b"").extensions() == {}
    assert Reader(vector(b"\x00\x17\x00\x00\x00\x0e\x00\x01x", 2)).extensions() == {23: b"", 14: b"x"}
    with pytest.raises(Unacceptable):
        Reader(b"\x00\x04\x00\x17\x00").extensions()


def test_forged_records_do_not_open() -> None:
    keys = RecordKeys(bytes(48), bytes(32), bytes(32))
    number = b"\x00\x01" + bytes(6)
    sealed = keys.protect(number, 22, b"secret")
    assert b"secret" not in sealed
    assert keys.unprotect(number, 22, sealed) is None  # the other direction's key
    assert keys.unprotect(number, 22, b"short") is None
