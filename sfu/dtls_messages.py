"""DTLS 1.2 handshake messages: put together from fragments, in order, each once (RFC 6347, 4.2)."""

from dataclasses import dataclass

from sfu.tls12 import Reader, Unacceptable

MAX_MESSAGE_BYTES = 16_384
# A handshake is some ten fragments, sent again a few times; each costs as much work as a datagram.
MAX_FRAGMENTS = 512
# How far ahead of the next message fragments are kept: a whole flight has six.
MAX_AHEAD = 8


@dataclass(frozen=True, slots=True)
class Message:
    """`type` is the HandshakeType; `number` counts the sender's messages."""

    type: int
    number: int
    body: bytes

    def __bytes__(self) -> bytes:
        """In one fragment, which is also the form the transcript takes (RFC 6347, 4.2.6)."""
        size = len(self.body).to_bytes(3, "big")
        return bytes([self.type]) + size + self.number.to_bytes(2, "big") + bytes(3) + size + self.body


class Reassembly:
    """The peer's messages. Bounded by `MAX_AHEAD` times `MAX_MESSAGE_BYTES`."""

    def __init__(self) -> None:
        self.next_number = 0
        self._fragments = 0
        self._partial: dict[int, _Partial] = {}

    def add(self, record: bytes) -> bool:
        """The fragments in one handshake record; whether one of them belongs to a message we have had.

        Unacceptable: broken, too large, too many, or at odds with an earlier fragment.
        """
        reader, repeated = Reader(record), False
        while reader.rest:
            self._fragments += 1
            if self._fragments > MAX_FRAGMENTS:
                raise Unacceptable("too many fragments")
            kind, size, number = reader.number(1), reader.number(3), reader.number(2)
            at, length = reader.number(3), reader.number(3)
            fragment = reader.take(length)
            if size > MAX_MESSAGE_BYTES or at + length > size:
                raise Unacceptable("fragment does not fit its message", alert=50)
            if number < self.next_number:
                repeated = True
            elif number < self.next_number + MAX_AHEAD:
                self._partial.setdefault(number, _Partial(kind, size)).add(kind, size, at, fragment)
        return repeated

    def pop(self) -> Message | None:
        """The next message, once it is whole."""
        partial = self._partial.get(self.next_number)
        if partial is None or not partial.is_whole:
            return None
        message = Message(partial.kind, self.next_number, bytes(partial.body))
        del self._partial[self.next_number]
        self.next_number += 1
        return message


class _Partial:
    def __init__(self, kind: int, size: int) -> None:
        self.kind = kind
        self.body = bytearray(size)
        self._missing = bytearray(b"\x01" * size)
        self._touched = False

    @property
    def is_whole(self) -> bool:
        return self._touched and not any(self._missing)

    def add(self, kind: int, size: int, at: int, fragment: bytes) -> None:
        if (kind, size) != (self.kind, len(self.body)):
            raise Unacceptable("fragments of one message disagree", alert=47)
        self.body[at : at + len(fragment)] = fragment
        self._missing[at : at + len(fragment)] = bytes(len(fragment))
        self._touched = True
