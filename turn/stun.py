"""STUN messages (RFC 8489, 5 and 14): bytes to a value and back.

Strict where a message could mean two things to two readers, indifferent to what is in padding.
"""

import struct
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from turn import integrity
from turn.errors import Malformed
from turn.integrity import Integrity

FINGERPRINT = 0x8028
MAGIC_COOKIE = 0x2112A442
TRANSACTION_ID_BYTES = 12
MAX_MESSAGE_BYTES = 4096  # room for RFC 5780's PADDING to an Ethernet frame; TURN's own messages are far below it
MAX_ATTRIBUTES = 64
_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_FINGERPRINT_XOR = 0x5354554E
_FINGERPRINT_BYTES = 8


class Method(IntEnum):
    BINDING = 0x001
    ALLOCATE = 0x003
    REFRESH = 0x004
    SEND = 0x006
    DATA = 0x007
    CREATE_PERMISSION = 0x008
    CHANNEL_BIND = 0x009
    CONNECT = 0x00A  # RFC 6062
    CONNECTION_BIND = 0x00B
    CONNECTION_ATTEMPT = 0x00C


class Class(IntEnum):
    REQUEST = 0
    INDICATION = 1
    SUCCESS = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class Message:
    """One message: `method` may be one we do not know, `attributes` are types and values, without padding.

    Of a message that was parsed, `attributes` hold what counts: not what follows an integrity attribute, except those
    that may (14.5, 14.6), and not FINGERPRINT, which was right if `fingerprint` is set.
    """

    method: int
    cls: Class
    transaction_id: bytes
    attributes: tuple[tuple[int, bytes], ...] = ()
    fingerprint: bool = False
    signed: tuple[tuple[Integrity, int], ...] = field(default=(), compare=False)
    """Which integrity attributes it has, and where they begin in `data`."""
    data: bytes = field(default=b"", compare=False, repr=False)

    def get(self, kind: int) -> bytes | None:
        """The value of the first attribute of that type; later ones are ignored (14)."""
        for present, value in self.attributes:
            if present == kind:
                return value
        return None

    def get_all(self, kind: int) -> Iterator[bytes]:
        """Every value of an attribute that may stand several times, as XOR-PEER-ADDRESS in CreatePermission."""
        return (value for present, value in self.attributes if present == kind)

    def unknown(self, known: Collection[int]) -> tuple[int, ...]:
        """The types that must be comprehended and are not known, in order, for UNKNOWN-ATTRIBUTES (6.3.1)."""
        return tuple(dict.fromkeys(kind for kind, _ in self.attributes if kind < 0x8000 and kind not in known))

    def verify(self, key: bytes) -> bool:
        """Whether the key made the message's integrity; where it has both kinds, SHA-256 counts, which is the last."""
        if not self.signed:
            return False
        kind, at = self.signed[-1]
        return integrity.verify(self.data[:at], self.get(kind) or b"", key, kind)

    def reply(self, cls: Class, attributes: Iterable[tuple[int, bytes]] = ()) -> "Message":
        """Class SUCCESS or ERROR; it has a fingerprint if the request had one (7.3.1)."""
        return Message(self.method, cls, self.transaction_id, tuple(attributes), self.fingerprint)


def parse(data: bytes) -> Message:
    """Raises Malformed. Integrity is not checked here: the key is not known yet."""
    if not _HEADER.size <= len(data) <= MAX_MESSAGE_BYTES:
        raise Malformed("no STUN message is of that size")
    kind, length, cookie, transaction_id = _HEADER.unpack_from(data)
    if kind >> 14 or cookie != MAGIC_COOKIE or length % 4 or length != len(data) - _HEADER.size:
        raise Malformed("not a STUN header, or one of another message")
    attributes: list[tuple[int, bytes]] = []
    signed: list[tuple[Integrity, int]] = []
    fingerprint = False
    for count, (at, present, value) in enumerate(_attributes(data)):
        if count == MAX_ATTRIBUTES or fingerprint:
            raise Malformed("too many attributes" if not fingerprint else "FINGERPRINT is not the last attribute")
        if present == FINGERPRINT:
            if value != _checksum(data[:at]):
                raise Malformed("FINGERPRINT is wrong")
            fingerprint = True
        elif not signed or (present == Integrity.SHA256 and signed[-1][0] is Integrity.SHA1):
            attributes.append((present, value))
            if present in _INTEGRITIES:
                signed.append((_INTEGRITIES[present], at))
    method = kind & 0x000F | (kind & 0x00E0) >> 1 | (kind & 0x3E00) >> 2
    cls = Class((kind & 0x0010) >> 4 | (kind & 0x0100) >> 7)
    return Message(
        _METHODS.get(method, method), cls, transaction_id, tuple(attributes), fingerprint, tuple(signed), data
    )


def encode(message: Message, *, key: bytes | None = None, algorithm: Integrity = Integrity.SHA1) -> bytes:
    """With a key, signed as `algorithm` says; with a checksum if `message.fingerprint`."""
    kind = _kind(message.method, message.cls)
    body = b"".join(_attribute(present, value) for present, value in message.attributes)
    data = _HEADER.pack(kind, len(body), MAGIC_COOKIE, message.transaction_id) + body
    if key is not None:
        data += _attribute(algorithm, integrity.code(data, key, algorithm))
    if message.fingerprint:
        data += _attribute(FINGERPRINT, _checksum(data))
    return data[:2] + (len(data) - _HEADER.size).to_bytes(2, "big") + data[4:]


_METHODS = {int(method): method for method in Method}
_INTEGRITIES = {int(kind): kind for kind in Integrity}


def _kind(method: int, cls: Class) -> int:
    """The bits of the class stand between those of the method (5)."""
    return method & 0x000F | (method & 0x0070) << 1 | (method & 0x0F80) << 2 | (cls & 1) << 4 | (cls & 2) << 7


def _attributes(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Where each begins, its type and its value."""
    at = _HEADER.size
    while at < len(data):
        present, size = _ATTRIBUTE.unpack_from(data, at)
        value = data[at + _ATTRIBUTE.size : at + _ATTRIBUTE.size + size]
        if len(value) < size:
            raise Malformed("an attribute is cut off")
        yield at, present, value
        at += _ATTRIBUTE.size + size + -size % 4


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _checksum(preceding: bytes) -> bytes:
    """FINGERPRINT's value (14.7); it counts with the length the message has with it."""
    length = len(preceding) - _HEADER.size + _FINGERPRINT_BYTES
    checksum = zlib.crc32(preceding[:2] + length.to_bytes(2, "big") + preceding[4:])
    return (checksum ^ _FINGERPRINT_XOR).to_bytes(4, "big")
