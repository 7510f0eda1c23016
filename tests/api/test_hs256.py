"""Signatures by HS256; what forgers try is in test_tokens.py."""

import jwt
import pytest

from api.hs256 import SignatureError, sign, signed_payload, unchecked_payload


def test_what_is_signed_can_be_read_with_the_secret_only() -> None:
    text = sign(b'{"a":1}', "secret")
    assert signed_payload(text, "secret") == unchecked_payload(text) == b'{"a":1}'
    assert jwt.get_unverified_header(text) == {"alg": "HS256", "typ": "JWT"}
    with pytest.raises(SignatureError, match="wrong signature"):
        signed_payload(text, "Secret")


def test_anothers_signature_is_the_same() -> None:
    assert signed_payload(jwt.encode({"a": 1}, "s" * 32, algorithm="HS256"), "s" * 32) == b'{"a":1}'


@pytest.mark.parametrize("text", ["", "a.b.c", "....", "\ud800", "e30=", "é.é.é"])
def test_what_is_no_jwt_is_refused(text: str) -> None:
    with pytest.raises(SignatureError):
        signed_payload(text, "secret")
    with pytest.raises(SignatureError):
        unchecked_payload(text)
