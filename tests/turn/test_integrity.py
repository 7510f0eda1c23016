"""Keys, by the values standards print."""

import hashlib

from tests.turn import vectors
from turn.attributes import NONCE, PASSWORD_ALGORITHM, REALM, USERHASH, USERNAME
from turn.integrity import Integrity, PasswordAlgorithm, code, long_term_key, userhash, verify
from turn.stun import parse


def key(algorithm: PasswordAlgorithm) -> bytes:
    return long_term_key(vectors.USERNAME, vectors.REALM, vectors.LONG_TERM_PASSWORD, algorithm)


def test_the_key_that_the_rfc_prints() -> None:
    """RFC 8489, 9.2.2."""
    assert long_term_key("user", "realm", "pass", PasswordAlgorithm.MD5).hex() == "8493fbc53ba582fb4c044c456bdc40eb"
    assert (
        long_term_key("user", "realm", "pass", PasswordAlgorithm.SHA256) == hashlib.sha256(b"user:realm:pass").digest()
    )


def test_a_long_term_request_as_published() -> None:
    request = parse(vectors.LONG_TERM_REQUEST)
    assert USERNAME.read(request) == vectors.USERNAME
    assert REALM.read(request) == vectors.REALM
    assert NONCE.read(request) == "f//499k954d6OL34oL9FSTvy64sA"
    assert key(PasswordAlgorithm.MD5).hex() == "e8ca7ad59d5eb0518e312911d2dab2a9"
    assert request.verify(key(PasswordAlgorithm.MD5))
    assert not request.verify(key(PasswordAlgorithm.SHA256))


def test_a_request_with_sha256_and_a_userhash_as_published() -> None:
    request = parse(vectors.SHA256_REQUEST)
    assert NONCE.read(request) == vectors.SHA256_NONCE
    assert USERHASH.read(request) == userhash(vectors.USERNAME, vectors.REALM)
    assert PASSWORD_ALGORITHM.read(request) == PasswordAlgorithm.SHA256
    assert request.verify(key(PasswordAlgorithm.SHA256))
    assert not request.verify(key(PasswordAlgorithm.MD5))


def test_the_length_that_stands_in_the_header_does_not_matter() -> None:
    """It may count a fingerprint, or not yet what is being computed."""
    preceding = vectors.REQUEST[:76]
    for length in (b"\0\0", b"\xff\xff"):
        value = code(preceding[:2] + length + preceding[4:], vectors.PASSWORD.encode(), Integrity.SHA1)
        assert verify(preceding, value, vectors.PASSWORD.encode(), Integrity.SHA1)
        assert value == vectors.REQUEST[80:100]
