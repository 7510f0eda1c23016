"""The pieces of TLS 1.2 our DTLS client is made of: key schedule, record protection, careful reading of messages."""

import hashlib
import hmac
from collections.abc import Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MASTER_SECRET_BYTES = 48
VERIFY_DATA_BYTES = 12
_KEY_BYTES = 16
_IV_BYTES = 4
_EXPLICIT_NONCE_BYTES = 8
_TAG_BYTES = 16


class Unacceptable(Exception):  # noqa: N818 - it is what the peer said, not a failure of ours
    """The peer's message is broken, or asks for what we do not do. `alert` is what to tell it (RFC 5246, 7.2)."""

    def __init__(self, reason: str, alert: int = 40) -> None:
        super().__init__(reason)
        self.reason = reason
        self.alert = alert


class Reader:
    """Takes a message apart from the front; whatever is missing is Unacceptable ("decode_error")."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) < size:
            raise Unacceptable("message is cut off", alert=50)
        self._at += size
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, length_size: int) -> bytes:
        """Bytes behind their length."""
        return self.take(self.number(length_size))

    @property
    def rest(self) -> bytes:
        return self._data[self._at :]

    def extensions(self) -> dict[int, bytes]:
        """RFC 5246, 7.4.1.4; none at all is fine."""
        if not self.rest:
            return {}
        block, found = Reader(self.vector(2)), {}
        while block.rest:
            extension = block.number(2)
            found[extension] = block.vector(2)
        return found


def vector(data: bytes, length_size: int) -> bytes:
    return len(data).to_bytes(length_size, "big") + data


def prf(secret: bytes, label: bytes, seed: bytes, size: int) -> bytes:
    """RFC 5246, 5, with SHA-256."""

    def blocks() -> Iterator[bytes]:
        chain = label + seed
        while True:
            chain = hmac.digest(secret, chain, hashlib.sha256)
            yield hmac.digest(secret, chain + label + seed, hashlib.sha256)

    output = b""
    for block in blocks():
        output += block
        if len(output) >= size:
            break
    return output[:size]


class RecordKeys:
    """TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 in both directions, for the client (RFC 5288, 3; RFC 6347, 4.1.2)."""

    def __init__(self, master_secret: bytes, client_random: bytes, server_random: bytes) -> None:
        block = prf(master_secret, b"key expansion", server_random + client_random, 2 * (_KEY_BYTES + _IV_BYTES))
        self._send, self._receive = AESGCM(block[:_KEY_BYTES]), AESGCM(block[_KEY_BYTES : 2 * _KEY_BYTES])
        ivs = block[2 * _KEY_BYTES :]
        self._send_iv, self._receive_iv = ivs[:_IV_BYTES], ivs[_IV_BYTES:]

    def protect(self, number: bytes, content_type: int, payload: bytes) -> bytes:
        """number: epoch and sequence number, 8 bytes, never twice: it is the nonce."""
        sealed = self._send.encrypt(self._send_iv + number, payload, _associated(number, content_type, len(payload)))
        return number + sealed

    def unprotect(self, number: bytes, content_type: int, payload: bytes) -> bytes | None:
        """None: not from the peer."""
        size = len(payload) - _EXPLICIT_NONCE_BYTES - _TAG_BYTES
        if size < 0:
            return None
        nonce = self._receive_iv + payload[:_EXPLICIT_NONCE_BYTES]
        try:
            return self._receive.decrypt(
                nonce, payload[_EXPLICIT_NONCE_BYTES:], _associated(number, content_type, size)
            )
        except InvalidTag:
            return None


def _associated(number: bytes, content_type: int, size: int) -> bytes:
    return number + bytes([content_type, 0xFE, 0xFD]) + size.to_bytes(2, "big")
