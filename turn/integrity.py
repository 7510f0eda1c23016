"""Keys and message integrity (RFC 8489, 9.2.2, 14.5 and 14.6): which password a message proves knowledge of."""

import hashlib
import hmac
from enum import IntEnum
from typing import Self

_HEADER_BYTES = 20
_ATTRIBUTE_HEADER_BYTES = 4


class Integrity(IntEnum):
    """The two attributes that prove who sent a message: type, hash function, bytes of the value.

    14.6 lets a usage of STUN truncate the longer one; TURN (RFC 8656) does not, so it is always whole.
    """

    digest: str
    size: int

    SHA1 = 0x0008, "sha1", 20
    SHA256 = 0x001C, "sha256", 32

    def __new__(cls, kind: int, digest: str, size: int) -> Self:
        member = int.__new__(cls, kind)
        member._value_, member.digest, member.size = kind, digest, size
        return member


class PasswordAlgorithm(IntEnum):
    """How the key is made of the password (RFC 8489, 18.5)."""

    MD5 = 0x0001
    SHA256 = 0x0002


def long_term_key(username: str, realm: str, password: str, algorithm: PasswordAlgorithm) -> bytes:
    """RFC 8489, 9.2.2 and 18.5.1. The three are taken as they are: see `opaque.opaque_string`."""
    text = f"{username}:{realm}:{password}".encode()
    if algorithm is PasswordAlgorithm.MD5:
        return hashlib.md5(text, usedforsecurity=False).digest()  # what the RFC prescribes; HMAC does not need more
    return hashlib.sha256(text).digest()


def userhash(username: str, realm: str) -> bytes:
    """The 32 bytes that stand for a user name (RFC 8489, 14.4)."""
    return hashlib.sha256(f"{username}:{realm}".encode()).digest()


def code(preceding: bytes, key: bytes, integrity: Integrity) -> bytes:
    """The attribute's value; `preceding` is the message up to the attribute, its length field does not matter."""
    length = len(preceding) - _HEADER_BYTES + _ATTRIBUTE_HEADER_BYTES + integrity.size
    text = preceding[:2] + length.to_bytes(2, "big") + preceding[4:]
    return hmac.digest(key, text, integrity.digest)


def verify(preceding: bytes, value: bytes, key: bytes, integrity: Integrity) -> bool:
    return hmac.compare_digest(code(preceding, key, integrity), value)
