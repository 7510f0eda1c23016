"""Handshake messages out of fragments."""

import random

import pytest

from sfu.dtls_messages import MAX_AHEAD, MAX_MESSAGE_BYTES, Message, Reassembly
from sfu.tls12 import Unacceptable


def fragment(message: Message, at: int, size: int) -> bytes:
    head = bytes(message)[:6]
    return head + at.to_bytes(3, "big") + size.to_bytes(3, "big") + message.body[at : at + size]


@pytest.mark.parametrize("seed", range(10))
def test_any_order_overlap_and_repetition_gives_the_messages_in_order(seed: int) -> None:
    chance = random.Random(seed)
    messages = [Message(chance.randrange(25), number, chance.randbytes(chance.randrange(200))) for number in range(5)]
    fragments = []
    for message in messages:
        for at in range(0, max(len(message.body), 1), 30):
            size = min(40, len(message.body) - at)
            fragments += [fragment(message, at, size)] * chance.randrange(1, 3)
    chance.shuffle(fragments)
    reassembly, popped = Reassembly(), []
    for each in fragments:
        reassembly.add(each)
        while (message_ := reassembly.pop()) is not None:
            popped.append(message_)
    assert popped == messages


def test_what_has_been_had_is_noticed() -> None:
    reassembly = Reassembly()
    assert not reassembly.add(bytes(Message(1, 0, b"x")))
    assert reassembly.pop() == Message(1, 0, b"x")
    assert reassembly.add(bytes(Message(1, 0, b"x")))
    assert reassembly.pop() is None


def test_messages_from_far_ahead_are_not_kept() -> None:
    reassembly = Reassembly()
    reassembly.add(bytes(Message(1, MAX_AHEAD, b"x")))
    for number in range(MAX_AHEAD):
        reassembly.add(bytes(Message(1, number, b"")))
        assert reassembly.pop() is not None
    assert reassembly.pop() is None


@pytest.mark.parametrize(
    "record",
    [
        b"\x01",
        b"\x01\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x05abc",
        b"\x01\x00\x00\x02\x00\x00\x00\x00\x01\x00\x00\x02ab",
        b"\x01" + (MAX_MESSAGE_BYTES + 1).to_bytes(3, "big") + bytes(8),
    ],
)
def test_broken_fragments_are_unacceptable(record: bytes) -> None:
    with pytest.raises(Unacceptable):
        Reassembly().add(record)


def test_fragments_must_agree_about_their_message() -> None:
    reassembly = Reassembly()
    reassembly.add(fragment(Message(1, 0, b"abcd"), 0, 2))
    with pytest.raises(Unacceptable):
        reassembly.add(fragment(Message(2, 0, b"abcd"), 2, 2))


def test_fragments_are_bounded_also_those_that_say_nothing() -> None:
    reassembly, empty = Reassembly(), fragment(Message(1, 0, bytes(100)), 0, 0)
    with pytest.raises(Unacceptable, match="too many fragments"):
        reassembly.add(empty * 5_000)
