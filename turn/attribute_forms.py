"""The forms that values of attributes have: numbers, text, addresses, codes (RFC 8489, 14; RFC 8656, 18)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Generic, TypeVar

from turn.errors import Malformed
from turn.stun import MAGIC_COOKIE, Message

T = TypeVar("T")
Address = tuple[str, int]
Written = tuple[int, bytes]
_COOKIE = MAGIC_COOKIE.to_bytes(4, "big")


class Family(IntEnum):
    """RFC 8489, 14.1."""

    IPV4 = 1
    IPV6 = 2


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """`decode` raises Malformed; `encode` takes only what is valid, and does not check."""

    decode: Callable[[bytes], T]
    encode: Callable[[T], bytes]


@dataclass(frozen=True, slots=True)
class Attribute(Generic[T]):
    """Reads its value off a message and writes it: `LIFETIME.read(request)`, `LIFETIME.of(600)`."""

    type: int
    form: Form[T]

    def read(self, message: Message) -> T | None:
        """None where it is absent; of several the first (RFC 8489, 14). Raises Malformed."""
        value = message.get(self.type)
        return None if value is None else self.form.decode(value)

    def of(self, value: T) -> Written:
        return self.type, self.form.encode(value)


@dataclass(frozen=True, slots=True)
class XorAddress:
    """An address (IP, port) in a form that no middlebox recognises and rewrites (RFC 8489, 14.2)."""

    type: int

    def read(self, message: Message) -> Address | None:
        """None where it is absent; of several the first. Raises Malformed."""
        value = message.get(self.type)
        return None if value is None else self._decode(value, message.transaction_id)

    def read_all(self, message: Message) -> list[Address]:
        """Raises Malformed if one of them is."""
        return [self._decode(value, message.transaction_id) for value in message.get_all(self.type)]

    def of(self, address: Address, transaction_id: bytes) -> Written:
        return self.type, _xor(_address_bytes(address), transaction_id)

    @staticmethod
    def _decode(value: bytes, transaction_id: bytes) -> Address:
        return _address(_xor(value, transaction_id))


def family(host: str) -> Family:
    """host: an IP address."""
    return Family.IPV6 if ":" in host else Family.IPV4


def number(size: int, *, reserved: int = 0) -> Form[int]:
    """An unsigned number of `size` bytes in front of `reserved` ones that mean nothing."""
    return Form(
        lambda value: int.from_bytes(_exactly(value, size + reserved)[:size], "big"),
        lambda value: value.to_bytes(size, "big") + bytes(reserved),
    )


def octets(size: int) -> Form[bytes]:
    return Form(lambda value: _exactly(value, size), bytes)


def anything(most: int) -> Form[bytes]:
    return Form(lambda value: _at_most(value, most), bytes)


def text(most: int) -> Form[str]:
    """UTF-8 of at most so many bytes."""
    return Form(lambda value: _text(_at_most(value, most)), str.encode)


def _exactly(value: bytes, size: int) -> bytes:
    if len(value) != size:
        raise Malformed(f"{len(value)} bytes where {size} belong")
    return value


def _at_most(value: bytes, most: int) -> bytes:
    if len(value) > most:
        raise Malformed(f"{len(value)} bytes where at most {most} belong")
    return value


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Malformed("text that is not UTF-8") from None


def _flag(value: bytes) -> bool:
    return not _exactly(value, 0)


def _address(value: bytes) -> Address:
    """RFC 8489, 14.1; the first byte is to be ignored."""
    port = int.from_bytes(value[2:4], "big")
    match len(value), value[1:2]:
        case 8, b"\x01":
            return str(IPv4Address(value[4:])), port
        case 20, b"\x02":
            return str(IPv6Address(value[4:])), port
    raise Malformed("not an address of a known family")


def _address_bytes(address: Address) -> bytes:
    host, port = address
    return bytes([0, family(host)]) + port.to_bytes(2, "big") + ip_address(host).packed


def _xor(value: bytes, transaction_id: bytes) -> bytes:
    """Port and IP with the cookie, and what is longer with the transaction id; its own inverse."""
    mask = (b"\0\0" + _COOKIE[:2] + _COOKIE + transaction_id)[: len(value)]
    mixed = int.from_bytes(value[: len(mask)], "big") ^ int.from_bytes(mask, "big")
    return mixed.to_bytes(len(mask), "big") + value[len(mask) :]


def _code(value: bytes) -> int:
    """Hundreds in the low three bits of the third byte (RFC 8489, 14.8)."""
    hundreds, rest = value[2] & 0x07, value[3]
    if not 3 <= hundreds <= 6 or rest > 99:
        raise Malformed("not an error code")
    return hundreds * 100 + rest


def _code_bytes(code: int) -> bytes:
    return bytes([code // 100, code % 100])


def _error(value: bytes) -> tuple[int, str]:
    if not 4 <= len(value) <= 4 + 763:
        raise Malformed("not an error code and its reason")
    return _code(value), _text(value[4:])


def _family_error(value: bytes) -> tuple[int, int, str]:
    code, reason = _error(value)
    return value[0], code, reason


def _even_port(value: bytes) -> bool:
    return bool(_exactly(value, 1)[0] & 0x80)


def _port(value: bytes) -> int:
    """RFC 5780, 7.5: two bytes; there are those who count the padding."""
    if len(value) not in (2, 4):
        raise Malformed("not a port")
    return int.from_bytes(value[:2], "big")


def _change(value: bytes) -> tuple[bool, bool]:
    flags = _exactly(value, 4)[3]
    return bool(flags & 0x04), bool(flags & 0x02)


def _icmp(value: bytes) -> tuple[int, int, bytes]:
    kind_and_code = int.from_bytes(_exactly(value, 8)[2:4], "big")
    return kind_and_code >> 9, kind_and_code & 0x1FF, value[4:]


def _types(value: bytes) -> tuple[int, ...]:
    if len(value) % 2:
        raise Malformed("half a type")
    return tuple(int.from_bytes(value[at : at + 2], "big") for at in range(0, len(value), 2))


def _algorithms(value: bytes) -> tuple[int, ...]:
    """None of those we know has parameters, so these are passed over."""
    numbers, at = [], 0
    while at < len(value):
        size = int.from_bytes(value[at + 2 : at + 4], "big")
        if at + 4 + size > len(value):
            raise Malformed("an algorithm is cut off")
        numbers.append(int.from_bytes(value[at : at + 2], "big"))
        at += 4 + size + -size % 4
    return tuple(numbers)


def _algorithm(value: bytes) -> int:
    numbers = _algorithms(value)
    if len(numbers) != 1:
        raise Malformed("not one algorithm")
    return numbers[0]


def _algorithms_bytes(numbers: Sequence[int]) -> bytes:
    return b"".join(number.to_bytes(2, "big") + b"\0\0" for number in numbers)


ADDRESS = Form(_address, _address_bytes)
FLAG = Form(_flag, lambda _: b"")
ERROR = Form(_error, lambda error: b"\0\0" + _code_bytes(error[0]) + error[1].encode())
"""Code and reason."""
FAMILY_ERROR = Form(_family_error, lambda error: bytes([error[0], 0]) + _code_bytes(error[1]) + error[2].encode())
"""Address family, code and reason (RFC 8656, 18.12)."""
EVEN_PORT_FLAG = Form(_even_port, lambda reserve: b"\x80" if reserve else b"\0")
"""Whether to reserve the next port, too (RFC 8656, 18.6)."""
PORT = Form(_port, lambda port: port.to_bytes(2, "big"))
CHANGE = Form(_change, lambda change: bytes([0, 0, 0, change[0] << 2 | change[1] << 1]))
"""Whether to answer from the other IP, and from the other port (RFC 5780, 7.2)."""
ICMP_ERROR = Form(_icmp, lambda icmp: b"\0\0" + (icmp[0] << 9 | icmp[1]).to_bytes(2, "big") + icmp[2])
"""Type, code and four bytes of data (RFC 8656, 18.13)."""
TYPES: Form[Sequence[int]] = Form(_types, lambda types: b"".join(kind.to_bytes(2, "big") for kind in types))
ALGORITHM: Form[int] = Form(_algorithm, lambda number: _algorithms_bytes([number]))
ALGORITHMS: Form[Sequence[int]] = Form(_algorithms, _algorithms_bytes)
