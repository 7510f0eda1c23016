"""Attributes: their bytes as the RFCs draw them, and that no bytes do harm."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.turn import vectors
from turn import attributes
from turn.attribute_forms import Address, Attribute, Family, Written, XorAddress, family
from turn.attributes import (
    ADDRESS_ERROR_CODE,
    ALTERNATE_SERVER,
    CHANGE_REQUEST,
    CHANNEL_NUMBER,
    CONNECTION_ID,
    DONT_FRAGMENT,
    ERROR_CODE,
    EVEN_PORT,
    ICMP,
    LIFETIME,
    MAPPED_ADDRESS,
    MOBILITY_TICKET,
    PASSWORD_ALGORITHM,
    PASSWORD_ALGORITHMS,
    REALM,
    REQUESTED_ADDRESS_FAMILY,
    REQUESTED_TRANSPORT,
    RESERVATION_TOKEN,
    RESPONSE_PORT,
    UNKNOWN_ATTRIBUTES,
    USERHASH,
    USERNAME,
    XOR_MAPPED_ADDRESS,
    XOR_PEER_ADDRESS,
    Transport,
)
from turn.errors import Malformed
from turn.integrity import PasswordAlgorithm
from turn.stun import Class, Message, Method, parse

TID = vectors.TRANSACTION_ID
PLAIN: list[Attribute[Any]] = [value for value in vars(attributes).values() if isinstance(value, Attribute)]
XORED: list[XorAddress] = [value for value in vars(attributes).values() if isinstance(value, XorAddress)]


def holding(*written: Written) -> Message:
    return Message(Method.ALLOCATE, Class.REQUEST, TID, written)


def test_addresses_as_published() -> None:
    assert XOR_MAPPED_ADDRESS.read(parse(vectors.IPV4_RESPONSE)) == ("192.0.2.1", 32853)
    ipv6 = ("2001:db8:1234:5678:11:2233:4455:6677", 32853)
    assert XOR_MAPPED_ADDRESS.read(parse(vectors.IPV6_RESPONSE)) == ipv6
    for response in (vectors.IPV4_RESPONSE, vectors.IPV6_RESPONSE):
        message = parse(response)
        address = XOR_MAPPED_ADDRESS.read(message)
        assert address is not None
        assert XOR_MAPPED_ADDRESS.of(address, TID) == (0x0020, message.get(0x0020))


addresses = st.tuples(st.ip_addresses().map(str), st.integers(0, 0xFFFF))


@given(addresses, st.binary(min_size=12, max_size=12))
def test_an_address_comes_back_in_its_usual_spelling(address: Address, tid: bytes) -> None:
    message = Message(Method.ALLOCATE, Class.REQUEST, tid, (XOR_PEER_ADDRESS.of(address, tid),))
    assert XOR_PEER_ADDRESS.read(message) == address
    assert MAPPED_ADDRESS.read(holding(MAPPED_ADDRESS.of(address))) == address
    assert family(address[0]) is (Family.IPV6 if ":" in address[0] else Family.IPV4)


def test_several_peers() -> None:
    peers = [("192.0.2.1", 1), ("2001:db8::1", 2), ("192.0.2.1", 1)]
    message = holding(*(XOR_PEER_ADDRESS.of(peer, TID) for peer in peers))
    assert XOR_PEER_ADDRESS.read(message) == peers[0]
    assert XOR_PEER_ADDRESS.read_all(message) == peers
    with pytest.raises(Malformed):
        XOR_PEER_ADDRESS.read_all(holding(XOR_PEER_ADDRESS.of(peers[0], TID), (XOR_PEER_ADDRESS.type, b"\0\1")))


@pytest.mark.parametrize(
    ("attribute", "value", "wire"),
    [
        (MAPPED_ADDRESS, ("192.0.2.1", 0x1234), "0001 1234 c0000201"),
        (ALTERNATE_SERVER, ("2001:db8::1", 1), "0002 0001 20010db8 00000000 00000000 00000001"),
        (USERNAME, "マ", "e3839e"),
        (ERROR_CODE, (438, "Stale Nonce"), "00000426 5374616c65204e6f6e6365"),
        (ERROR_CODE, (300, ""), "00000300"),
        (ERROR_CODE, (699, ""), "00000663"),
        (UNKNOWN_ATTRIBUTES, (0x0003, 0x7FFF), "0003 7fff"),
        (UNKNOWN_ATTRIBUTES, (), ""),
        (PASSWORD_ALGORITHM, PasswordAlgorithm.SHA256, "00020000"),
        (PASSWORD_ALGORITHMS, (PasswordAlgorithm.SHA256, PasswordAlgorithm.MD5), "00020000 00010000"),
        (CHANNEL_NUMBER, 0x4FFF, "4fff0000"),
        (LIFETIME, 600, "00000258"),
        (REQUESTED_ADDRESS_FAMILY, Family.IPV6, "02000000"),
        (REQUESTED_TRANSPORT, Transport.UDP, "11000000"),
        (EVEN_PORT, True, "80"),
        (EVEN_PORT, False, "00"),
        (DONT_FRAGMENT, True, ""),
        (ADDRESS_ERROR_CODE, (Family.IPV6, 440, ""), "02000428"),
        (ICMP, (3, 4, b"\0\0\x05\xdc"), "0000 0604 000005dc"),
        (ICMP, (127, 511, bytes(4)), "0000 ffff 00000000"),
        (CONNECTION_ID, 0xDEADBEEF, "deadbeef"),
        (CHANGE_REQUEST, (True, False), "00000004"),
        (CHANGE_REQUEST, (False, True), "00000002"),
        (RESPONSE_PORT, 3478, "0d96"),
        (RESERVATION_TOKEN, b"12345678", "31323334 35363738"),
        (MOBILITY_TICKET, b"", ""),
    ],
)
def test_bytes_and_what_they_mean(attribute: Attribute[Any], value: object, wire: str) -> None:
    assert attribute.of(value) == (attribute.type, bytes.fromhex(wire))
    assert attribute.read(holding((attribute.type, bytes.fromhex(wire)))) == value
    assert attribute.read(holding()) is None


def test_what_is_reserved_is_not_looked_at() -> None:
    assert CHANNEL_NUMBER.read(holding((CHANNEL_NUMBER.type, b"\x40\x00\xff\xff"))) == 0x4000
    assert REQUESTED_TRANSPORT.read(holding((REQUESTED_TRANSPORT.type, b"\x11\xff\xff\xff"))) == Transport.UDP
    assert EVEN_PORT.read(holding((EVEN_PORT.type, b"\x7f"))) is False
    assert ERROR_CODE.read(holding((ERROR_CODE.type, b"\xff\xff\xfc\x01"))) == (401, "")
    assert MAPPED_ADDRESS.read(holding((MAPPED_ADDRESS.type, b"\xff\x01\0\1\xc0\0\2\1"))) == ("192.0.2.1", 1)


def test_a_port_whose_padding_is_counted() -> None:
    assert RESPONSE_PORT.read(holding((RESPONSE_PORT.type, b"\x0d\x96\0\0"))) == 3478


def test_algorithms_with_parameters_and_unknown_ones() -> None:
    listed = bytes.fromhex("00ff 0003 aabbcc00 0002 0000")
    assert PASSWORD_ALGORITHMS.read(holding((PASSWORD_ALGORITHMS.type, listed))) == (0xFF, 2)
    assert PASSWORD_ALGORITHM.read(holding((PASSWORD_ALGORITHM.type, listed[:8]))) == 0xFF
    for several in (listed, b""):
        with pytest.raises(Malformed):
            PASSWORD_ALGORITHM.read(holding((PASSWORD_ALGORITHM.type, several)))


@pytest.mark.parametrize(
    ("attribute", "wire"),
    [
        (MAPPED_ADDRESS, "0001 1234 c00002"),
        (MAPPED_ADDRESS, "0002 1234 c0000201"),
        (MAPPED_ADDRESS, "0003 1234 c0000201"),
        (MAPPED_ADDRESS, "00"),
        (USERNAME, "ff"),
        (USERNAME, "61" * 509),
        (REALM, "61" * 764),
        (ERROR_CODE, "000004"),
        (ERROR_CODE, "00000264"),
        (ERROR_CODE, "00000701"),
        (ERROR_CODE, "00000464"),
        (ERROR_CODE, "00000401ff"),
        (UNKNOWN_ATTRIBUTES, "000300"),
        (PASSWORD_ALGORITHMS, "0002"),
        (PASSWORD_ALGORITHMS, "00020001"),
        (USERHASH, "00" * 31),
        (CHANNEL_NUMBER, "4000"),
        (LIFETIME, "0000000258"),
        (EVEN_PORT, ""),
        (DONT_FRAGMENT, "00"),
        (RESERVATION_TOKEN, "00" * 9),
        (ICMP, "00000604"),
        (RESPONSE_PORT, "0d9600"),
        (MOBILITY_TICKET, "00" * 513),
    ],
)
def test_values_of_no_such_form(attribute: Attribute[Any], wire: str) -> None:
    with pytest.raises(Malformed):
        attribute.read(holding((attribute.type, bytes.fromhex(wire))))


@given(st.binary(max_size=40))
def test_any_value_is_read_or_malformed(value: bytes) -> None:
    every: list[Attribute[Any] | XorAddress] = [*PLAIN, *XORED]
    for attribute in every:
        message = holding((attribute.type, value))
        try:
            read: Any = attribute.read(message)
        except Malformed:
            continue
        written = attribute.of(read, TID) if isinstance(attribute, XorAddress) else attribute.of(read)
        assert attribute.read(holding(written)) == read


def test_every_type_stands_for_one_attribute() -> None:
    assert len(PLAIN) + len(XORED) == len({*(plain.type for plain in PLAIN), *(xored.type for xored in XORED)}) >= 30
