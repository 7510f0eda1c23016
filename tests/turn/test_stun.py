"""STUN messages: published vectors, what hostile bytes can do, and what is ignored."""

import hashlib
import hmac
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.turn import vectors
from turn.errors import Malformed
from turn.integrity import Integrity, PasswordAlgorithm, long_term_key
from turn.stun import (
    FINGERPRINT,
    MAGIC_COOKIE,
    MAX_ATTRIBUTES,
    MAX_MESSAGE_BYTES,
    Class,
    Message,
    Method,
    encode,
    parse,
)

TID = vectors.TRANSACTION_ID
KEY = b"key"
SOFTWARE = 0x8022
SHORT_TERM = vectors.PASSWORD.encode()
LONG_TERM = vectors.USERNAME, vectors.REALM, vectors.LONG_TERM_PASSWORD
VECTORS = [
    (vectors.REQUEST, SHORT_TERM),
    (vectors.IPV4_RESPONSE, SHORT_TERM),
    (vectors.IPV6_RESPONSE, SHORT_TERM),
    (vectors.LONG_TERM_REQUEST, long_term_key(*LONG_TERM, PasswordAlgorithm.MD5)),
    (vectors.SHA256_REQUEST, long_term_key(*LONG_TERM, PasswordAlgorithm.SHA256)),
]


def attribute(kind: int, value: bytes = b"", *, size: int | None = None, pad: bytes = b"\0") -> bytes:
    size = len(value) if size is None else size
    return kind.to_bytes(2, "big") + size.to_bytes(2, "big") + value + pad * (-len(value) % 4)


def message(*attributes: bytes, kind: int = 0x0001, cookie: int = MAGIC_COOKIE, length: int | None = None) -> bytes:
    body = b"".join(attributes)
    length = len(body) if length is None else length
    return kind.to_bytes(2, "big") + length.to_bytes(2, "big") + cookie.to_bytes(4, "big") + TID + body


def test_a_request_as_published() -> None:
    request = parse(vectors.REQUEST)
    assert (request.method, request.cls, request.transaction_id) == (Method.BINDING, Class.REQUEST, TID)
    assert request.get(SOFTWARE) == b"STUN test client"
    assert request.get(0x0006) == b"evtj:h6vY"
    assert request.fingerprint
    assert request.verify(SHORT_TERM)
    assert not request.verify(b"another password")


@pytest.mark.parametrize("response", [vectors.IPV4_RESPONSE, vectors.IPV6_RESPONSE])
def test_responses_as_published(response: bytes) -> None:
    parsed = parse(response)
    assert (parsed.method, parsed.cls, parsed.fingerprint) == (Method.BINDING, Class.SUCCESS, True)
    assert parsed.get(SOFTWARE) == b"test vector"
    assert parsed.verify(SHORT_TERM)


@pytest.mark.parametrize(("published", "key"), VECTORS)
def test_no_bit_of_a_signed_message_may_be_another(published: bytes, key: bytes) -> None:
    """Nor in padding, which the code is computed over as well."""
    [(integrity, at)] = parse(published).signed
    for position in range(8 * (at + 4 + integrity.size)):
        changed = bytearray(published)
        changed[position // 8] ^= 1 << position % 8
        try:
            altered = parse(bytes(changed))
        except Malformed:
            continue
        assert not altered.verify(key), position


@pytest.mark.parametrize("method", [*Method, 0x000, 0x080, 0xABC, 0xFFF])
@pytest.mark.parametrize("cls", Class)
def test_every_method_and_class_comes_back(method: int, cls: Class) -> None:
    parsed = parse(encode(Message(method, cls, TID)))
    assert (parsed.method, parsed.cls) == (method, cls)
    assert isinstance(parsed.method, Method) == (method in list(Method))


def test_the_class_stands_between_the_bits_of_the_method() -> None:
    """RFC 8489, 5, and the types as RFC 8656 is seen on the wire."""
    assert encode(Message(Method.ALLOCATE, Class.ERROR, TID))[:2] == b"\x01\x13"
    assert encode(Message(Method.SEND, Class.INDICATION, TID))[:2] == b"\x00\x16"
    assert encode(Message(Method.CHANNEL_BIND, Class.SUCCESS, TID))[:2] == b"\x01\x09"


values = st.lists(
    st.tuples(
        st.integers(0, 0xFFFF).filter(lambda kind: kind not in (Integrity.SHA1, Integrity.SHA256, FINGERPRINT)),
        st.binary(max_size=40),
    ),
    max_size=20,
)


@given(
    st.integers(0, 0xFFF),
    st.sampled_from(Class),
    st.binary(min_size=12, max_size=12),
    values,
    st.booleans(),
    st.sampled_from([None, *Integrity]),
)
def test_what_is_written_is_read(
    method: int,
    cls: Class,
    tid: bytes,
    attributes: list[tuple[int, bytes]],
    fingerprint: bool,
    algorithm: Integrity | None,
) -> None:
    original = Message(method, cls, tid, tuple(attributes), fingerprint)
    if algorithm is None:
        assert parse(encode(original)) == original
        return
    parsed = parse(encode(original, key=KEY, algorithm=algorithm))
    assert parsed.attributes[:-1] == original.attributes
    assert (parsed.cls, parsed.fingerprint, [kind for kind, _ in parsed.signed]) == (cls, fingerprint, [algorithm])
    assert parsed.verify(KEY)
    assert not parsed.verify(b"other")


@given(
    st.binary(max_size=200)
    | st.binary(max_size=200).map(message)
    | st.lists(st.builds(attribute, st.integers(0, 0xFFFF), st.binary(max_size=9))).map(lambda parts: message(*parts))
    | st.tuples(
        st.sampled_from([data for data, _ in VECTORS]), st.integers(0, 200), st.binary(min_size=1, max_size=4)
    ).map(lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + len(parts[2]) :])
)
@example(b"")
@example(bytes(20))
def test_any_bytes_are_a_message_or_malformed(data: bytes) -> None:
    try:
        parsed = parse(data)
    except Malformed:
        return
    assert len(parsed.transaction_id) == 12
    assert len(parsed.attributes) <= MAX_ATTRIBUTES
    parsed.verify(KEY)
    parsed.unknown(())


@pytest.mark.parametrize(
    "data",
    [
        message()[:19],
        message() + bytes(4),
        message(length=4),
        message(kind=0x4001),
        message(kind=0x8001),
        message(cookie=0x2112A443),
        message(bytes(2)),
        message(attribute(SOFTWARE, b"abc", size=5)),
        message(attribute(SOFTWARE, b"abc", size=0xFFFF)),
        message(attribute(SOFTWARE, b"x" * MAX_MESSAGE_BYTES)),
        message(*[attribute(SOFTWARE)] * (MAX_ATTRIBUTES + 1)),
        message(attribute(FINGERPRINT, bytes(4))),
        message(attribute(FINGERPRINT, b"")),
        vectors.REQUEST[:-4] + bytes(4),
    ],
)
def test_what_is_not_a_message(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse(data)


def test_limits_are_reached_before_they_are_exceeded() -> None:
    parse(message(attribute(SOFTWARE, b"x" * (MAX_MESSAGE_BYTES - 24))))
    assert len(parse(message(*[attribute(SOFTWARE)] * MAX_ATTRIBUTES)).attributes) == MAX_ATTRIBUTES


def test_nothing_follows_a_fingerprint() -> None:
    header = message(length=8)
    checksum = attribute(FINGERPRINT, (zlib.crc32(header) ^ 0x5354554E).to_bytes(4, "big"))
    assert parse(message(checksum)).fingerprint
    for after in (checksum, attribute(SOFTWARE)):
        with pytest.raises(Malformed):
            parse(message(checksum, after))


def test_of_duplicates_the_first_counts() -> None:
    request = parse(message(attribute(0x0012, b"first"), attribute(0x0012, b"second")))
    assert request.get(0x0012) == b"first"
    assert list(request.get_all(0x0012)) == [b"first", b"second"]
    assert request.get(0x0013) is None


def test_unknown_attributes_are_those_that_must_be_understood() -> None:
    request = parse(message(*[attribute(kind) for kind in (0x0009, 0x7FFF, 0x8000, 0x0006, 0x7FFF)]))
    assert request.unknown({0x0006}) == (0x0009, 0x7FFF)


def test_what_follows_integrity_is_ignored() -> None:
    signed = encode(Message(Method.ALLOCATE, Class.REQUEST, TID, ((0x000D, bytes(4)),)), key=KEY)
    smuggled = _appended(signed, attribute(0x0012, b"peer"), attribute(Integrity.SHA1, bytes(20)))
    parsed = parse(smuggled)
    assert [kind for kind, _ in parsed.attributes] == [0x000D, Integrity.SHA1]
    assert parsed.unknown(()) == (0x000D, Integrity.SHA1)
    assert parsed.verify(KEY)


def test_sha256_may_follow_sha1_and_then_counts() -> None:
    first = encode(Message(Method.ALLOCATE, Class.REQUEST, TID), key=KEY)
    assert parse(_appended(first, attribute(Integrity.SHA256, bytes(32)))).verify(KEY) is False
    between = _appended(first, attribute(SOFTWARE, b"ignored"))
    both = parse(_appended(between, attribute(Integrity.SHA256, _sha256(between))))
    assert [kind for kind, _ in both.signed] == [Integrity.SHA1, Integrity.SHA256]
    assert both.get(SOFTWARE) is None
    assert both.verify(KEY)


def test_nothing_but_a_fingerprint_follows_sha256() -> None:
    first = encode(Message(Method.ALLOCATE, Class.REQUEST, TID), key=KEY, algorithm=Integrity.SHA256)
    parsed = parse(_appended(first, attribute(Integrity.SHA1, bytes(20)), attribute(Integrity.SHA256, b"")))
    assert [kind for kind, _ in parsed.signed] == [Integrity.SHA256]
    assert parsed.verify(KEY)


@pytest.mark.parametrize("kept", [0, 4, 16, 28, 31])
def test_a_code_is_not_shortened(kept: int) -> None:
    """RFC 8489, 14.6: only where a usage says so, and TURN does not."""
    preceding = message(attribute(SOFTWARE, b"unsigned"))
    whole = _sha256(preceding)
    assert parse(_appended(preceding, attribute(Integrity.SHA256, whole))).verify(KEY)
    assert not parse(_appended(preceding, attribute(Integrity.SHA256, whole[:kept]))).verify(KEY)


def test_what_is_not_signed_is_nobodys() -> None:
    assert not parse(message()).verify(b"")


def test_a_reply_has_what_ties_it_to_the_request() -> None:
    request = parse(vectors.REQUEST)
    reply = parse(encode(request.reply(Class.SUCCESS, [(SOFTWARE, b"x")]), key=KEY))
    assert (reply.method, reply.cls, reply.transaction_id) == (Method.BINDING, Class.SUCCESS, TID)
    assert reply.fingerprint
    assert not parse(encode(parse(vectors.LONG_TERM_REQUEST).reply(Class.ERROR))).fingerprint


def _appended(data: bytes, *attributes: bytes) -> bytes:
    body = data[20:] + b"".join(attributes)
    return data[:2] + len(body).to_bytes(2, "big") + data[4:20] + body


def _sha256(preceding: bytes) -> bytes:
    """As one would compute it from 14.6, and not as we do."""
    text = bytearray(preceding)
    text[2:4] = (len(preceding) - 20 + 36).to_bytes(2, "big")
    return hmac.new(KEY, bytes(text), hashlib.sha256).digest()
