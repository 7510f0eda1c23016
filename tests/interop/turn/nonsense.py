"""Bytes that look like STUN, TURN or media, and are not: the same ones each time."""

import random
from collections.abc import Callable, Iterator, Sequence

from turn.attributes import REQUESTED_TRANSPORT, Transport
from turn.stun import Class, Message, Method, encode

SOUND = encode(
    Message(Method.ALLOCATE, Class.REQUEST, b"of nonsense!", (REQUESTED_TRANSPORT.of(Transport.UDP),), fingerprint=True)
)
MOST_BYTES = 1500


def nonsense(seed: int, count: int, sound: Sequence[bytes] = (SOUND,)) -> Iterator[bytes]:
    """sound: messages to break."""
    chance = random.Random(seed)
    for _ in range(count):
        yield chance.choice(_KINDS)(chance, chance.choice(sound))


def _noise(chance: random.Random, _: bytes) -> bytes:
    return chance.randbytes(chance.randrange(1, MOST_BYTES))


def _first_byte(chance: random.Random, _: bytes) -> bytes:
    """Of STUN, ChannelData, DTLS, RTP, HTTP or TLS."""
    return chance.choice(b"\x00\x01\x40\x4f\x14\x16\x80\xbfGP").to_bytes() + _noise(chance, b"")


def _broken(chance: random.Random, sound: bytes) -> bytes:
    broken = bytearray(sound)
    for _ in range(chance.randrange(1, 5)):
        broken[chance.randrange(len(broken))] = chance.randrange(256)
    return bytes(broken)


def _cut(chance: random.Random, sound: bytes) -> bytes:
    return sound[: chance.randrange(1, len(sound))]


def _continued(chance: random.Random, sound: bytes) -> bytes:
    return sound + chance.randbytes(chance.randrange(1, 64))


def _attributes(chance: random.Random, sound: bytes) -> bytes:
    """A sound header, and attributes of any type whose lengths may be wrong."""
    body = b""
    for _ in range(chance.randrange(1, 20)):
        value = chance.randbytes(chance.randrange(24))
        length = chance.choice((len(value), len(value), 0xFFFF))
        body += chance.randbytes(2) + length.to_bytes(2, "big") + value + bytes(-len(value) % 4)
    return chance.choice(_TYPES) + len(body).to_bytes(2, "big") + sound[4:20] + body


def _channel_data(chance: random.Random, _: bytes) -> bytes:
    return bytes([chance.randrange(0x40, 0x80)]) + chance.randbytes(chance.randrange(3, 40))


# Requests of every method, Send and Data indications, an answer to nothing.
_TYPES = [bytes((0, method)) for method in (1, 3, 4, 8, 9, 10, 11, 0x16, 0x17)] + [
    b"\x01\x01",
    b"\x01\x13",
    b"\x3e\xef",
]
_KINDS: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    _noise,
    _first_byte,
    _broken,
    _cut,
    _continued,
    _attributes,
    _channel_data,
)
