"""Identifiers: `rm_…`, `pa_…`, `tr_…` for people and logs; session ids, ICE credentials and SSRCs for machines."""

import base64
from collections.abc import Callable, Container

from sfu.attributes import IceCredentials

RandomBytes = Callable[[int], bytes]

_SESSION_BYTES = 18  # 144 bits: a session URL is a capability (RFC 9725, 6)
_UFRAG_BYTES = 6  # RFC 8445, 5.3: at least 24 bits
_PWD_BYTES = 18  # RFC 8445, 5.3: at least 128 bits


class Ids:
    """All randomness of the SFU, drawn from one source."""

    def __init__(self, random_bytes: RandomBytes) -> None:
        self._random_bytes = random_bytes

    def object_id(self, prefix: str) -> str:
        """`prefix` is "RM", "PA" or "TR", as LiveKit has them: its clients check."""
        return f"{prefix}_{self._token(9)}"

    def session_id(self) -> str:
        return self._token(_SESSION_BYTES)

    def etag(self) -> str:
        return self._token(9)

    def ice(self) -> IceCredentials:
        """ice-char is base64's alphabet (RFC 8839, 5.4); neither length leaves padding."""
        ufrag, pwd = (base64.b64encode(self._random_bytes(size)).decode() for size in (_UFRAG_BYTES, _PWD_BYTES))
        return IceCredentials(ufrag, pwd)

    def number(self, bits: int) -> int:
        return int.from_bytes(self._random_bytes((bits + 7) // 8), "big") & ((1 << bits) - 1)

    def ssrc(self, taken: Container[int]) -> int:
        """An SSRC that is not 0, which some peers read as "none", and not in `taken`."""
        while (ssrc := self.number(32)) == 0 or ssrc in taken:
            pass
        return ssrc

    def _token(self, size: int) -> str:
        return base64.urlsafe_b64encode(self._random_bytes(size)).decode().rstrip("=")
