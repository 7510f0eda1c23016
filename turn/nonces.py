"""Nonces that need no memory: a time and a code over it, the client's address and what this server can do.

A nonce begins with RFC 8489's cookie (9.2) and the features it promises, so that an attacker who strips them from a
challenge strips the nonce of its validity, too (9.2.1). Time is Unix seconds, so that servers may share keys.
"""

import base64
import binascii
import hmac
from enum import Enum

from turn.attribute_forms import Address

LIFETIME = 600.0
"""Seconds; a client's refreshes come more often, so that one in use is renewed before it is missed."""
KEY_BYTES = 32
COOKIE = "obMatJos2"
_CLOCK_SKEW = 60.0  # seconds that the servers sharing keys, or one clock before and after it is set, may be apart
_TIME_BYTES = 4
_CODE_BYTES = 12
_PASSWORD_ALGORITHMS = 1 << 23  # RFC 8489, 18.1: bit 0 is the leftmost of 24
_USERNAME_ANONYMITY = 1 << 22


class Verdict(Enum):
    VALID = "valid"
    STALE = "stale"
    FORGED = "forged"
    """Never given to this client, or under a key that is gone."""


class Nonces:
    """Two keys: one makes nonces, the one before it still vouches for those it made."""

    def __init__(self, key: bytes, *, anonymity: bool) -> None:
        """anonymity: whether clients shall send USERHASH instead of their name, which then must be resolvable here."""
        features = _PASSWORD_ALGORITHMS | (_USERNAME_ANONYMITY if anonymity else 0)
        self._prefix = COOKIE + base64.b64encode(features.to_bytes(3, "big")).decode()
        self._keys: tuple[bytes, ...] = (key,)

    def rotate(self, key: bytes) -> None:
        """Not more often than once a LIFETIME, or nonces end early."""
        self._keys = (key, self._keys[0])

    def mint(self, client: Address, unix: float) -> str:
        return self._nonce(self._keys[0], client, int(unix).to_bytes(_TIME_BYTES, "big"))

    def verdict(self, nonce: str, client: Address, unix: float) -> Verdict:
        minted = self._minted(nonce)
        if minted is None or not any(
            hmac.compare_digest(self._nonce(key, client, minted).encode(), nonce.encode()) for key in self._keys
        ):
            return Verdict.FORGED
        age = unix - int.from_bytes(minted, "big")
        return Verdict.VALID if -_CLOCK_SKEW <= age <= LIFETIME else Verdict.STALE

    def _minted(self, nonce: str) -> bytes | None:
        """What stands where the time does."""
        try:
            content = base64.b64decode(nonce.removeprefix(self._prefix) + "==", validate=True)
        except (binascii.Error, ValueError):
            return None
        return content[:_TIME_BYTES] if len(content) == _TIME_BYTES + _CODE_BYTES else None

    def _nonce(self, key: bytes, client: Address, minted: bytes) -> str:
        text = f"{self._prefix} {client[0]} {client[1]} ".encode() + minted
        code = hmac.digest(key, text, "sha256")[:_CODE_BYTES]
        return self._prefix + base64.b64encode(minted + code).decode().rstrip("=")
