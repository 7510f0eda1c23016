"""One association and a hand-made peer: what it may not do, and what it may say without harm."""

import asyncio
import random
from functools import cache
from struct import pack, unpack_from

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.dtls import MAX_DATA
from sfu.errors import Rejected, SfuError
from sfu.sctp_association import MAX_CONGESTION_WINDOW, MIN_FRAGMENT_BYTES, RECEIVE_WINDOW_CHUNKS
from tests.sfu.channel_peers import Call
from tests.sfu.peers import eventually
from tests.sfu.sctp_packets import (
    ABORT,
    BEGIN,
    COOKIE_ACK,
    COOKIE_ECHO,
    DATA,
    DCEP,
    END,
    ERROR,
    EXTENSIONS,
    FORWARD_TSN,
    HEARTBEAT,
    HEARTBEAT_ACK,
    INIT,
    INIT_ACK,
    PEER_TSN,
    RE_CONFIG,
    SACK,
    SHUTDOWN,
    SHUTDOWN_ACK,
    SHUTDOWN_COMPLETE,
    UNORDERED,
    Peer,
    chunk,
    data,
    dcep_open,
    in_a_loop,
    init,
    packet,
    parameter,
    sack,
    signed,
)


@pytest.fixture
async def peer() -> Peer:
    """With a channel on stream 0; its next TSN is `PEER_TSN` + 1."""
    peer = Peer()
    peer.establish()
    peer.say(data(PEER_TSN, dcep_open(), ppid=DCEP))
    assert peer.association.opened.popleft().label == "label"
    return peer


def messages(peer: Peer) -> list[bytes]:
    return [message for _, message in peer.association.messages]


async def test_messages_come_in_order_and_are_put_together(peer: Peer) -> None:
    peer.say(data(PEER_TSN + 3, b"last", sequence=2))
    peer.say(data(PEER_TSN + 2, b"half", sequence=1, flags=END))
    assert messages(peer) == []
    peer.say(data(PEER_TSN + 1, b"first ", sequence=1, flags=BEGIN))
    assert messages(peer) == [b"first half", b"last"]


async def test_nothing_that_comes_before_the_peers_init_does_harm() -> None:
    peer = Peer()
    for early in (data(1, b"x"), chunk(FORWARD_TSN, pack("!L", 1)), sack(peer.tsn - 1), chunk(RE_CONFIG)):
        peer.say(early)
    peer.establish()


async def test_data_is_taken_from_the_handshakes_end_only_and_ends_the_handshake() -> None:
    peer = Peer()
    peer.say(init(EXTENSIONS), tag=0)
    peer.say(data(PEER_TSN + 5, b"x"))
    peer.say(chunk(INIT_ACK, init(EXTENSIONS, parameter(7, bytes(24)))[4:]))
    assert peer.association._sack_misordered == set()
    peer.say(data(PEER_TSN + 5, b"x"))
    peer.say(init(EXTENSIONS, tsn=PEER_TSN + 100_000), tag=0)
    peer.say(data(PEER_TSN + 1, b"x"))
    assert peer.association._sack_misordered == {PEER_TSN + 1, PEER_TSN + 5}


async def test_a_late_init_does_not_begin_again(peer: Peer) -> None:
    peer.say(data(PEER_TSN + 1, b"one", sequence=1))
    said = len(peer.sent)
    peer.say(init(EXTENSIONS), tag=0)
    assert len(peer.sent) == said
    peer.say(data(PEER_TSN + 2, b"two", sequence=2))
    assert messages(peer) == [b"one", b"two"]


async def test_what_is_far_ahead_is_lost_and_may_come_again(peer: Peer) -> None:
    ahead = RECEIVE_WINDOW_CHUNKS + 1
    peer.say(data(PEER_TSN + ahead, b"far", flags=7))
    assert peer.association._sack_misordered == set()
    peer.say(data(PEER_TSN + 1, b"next", flags=7))
    peer.say(data(PEER_TSN + ahead, b"far", flags=7))
    assert messages(peer) == [b"next", b"far"]


async def test_a_step_forward_does_not_bring_the_past_into_the_future(peer: Peer) -> None:
    far = chunk(FORWARD_TSN, pack("!L", PEER_TSN + 2**31 - 1))
    peer.say(far, data(PEER_TSN - 100, b"x", flags=7))
    assert peer.association._last_received_tsn == PEER_TSN
    peer.say(far)
    assert peer.association._last_received_tsn == PEER_TSN + 2**31 - 1


async def test_an_acknowledgement_of_the_worst_loss_fits_one_packet(peer: Peer) -> None:
    for at in range(2, RECEIVE_WINDOW_CHUNKS, 2):
        peer.say(data(PEER_TSN + at, b"x", flags=7), *[data(PEER_TSN, b"x")] * 63)
    assert peer.sent[-1][12] == SACK
    assert max(map(len, peer.sent)) <= MAX_DATA


@pytest.mark.parametrize("parts", [BEGIN, UNORDERED | BEGIN, 0, UNORDERED])
async def test_messages_that_never_end_are_bounded(peer: Peer, parts: int) -> None:
    most = RECEIVE_WINDOW_CHUNKS + 65_536 // MIN_FRAGMENT_BYTES
    for tsn in range(PEER_TSN + 1, PEER_TSN + 1 + most):
        peer.say(data(tsn, b"x", sequence=1, flags=parts))
    with pytest.raises(Rejected) as refusal:
        peer.say(data(PEER_TSN + 1 + most, b"x", sequence=1, flags=parts))
    assert refusal.value.code == "unfinished-messages"


async def test_a_message_is_at_most_as_large_as_was_said(peer: Peer) -> None:
    part = bytes(1024)
    peer.say(data(PEER_TSN + 1, part, sequence=1, flags=BEGIN))
    for tsn in range(PEER_TSN + 2, PEER_TSN + 65):
        peer.say(data(tsn, part, sequence=1, flags=0))
    with pytest.raises(Rejected) as refusal:
        peer.say(data(PEER_TSN + 65, b"x", sequence=1, flags=END))
    assert refusal.value.code == "message-too-large"


@pytest.mark.parametrize("said", [data(PEER_TSN + 1, b"x", stream=34), chunk(FORWARD_TSN, pack("!LHH", 2000, 34, 0))])
async def test_only_streams_that_were_offered_exist(peer: Peer, said: bytes) -> None:
    with pytest.raises(Rejected) as refusal:
        peer.say(said)
    assert refusal.value.code == "no-such-stream"


async def test_only_so_many_channels_are_open_at_a_time(peer: Peer) -> None:
    for number in range(1, 16):
        peer.say(data(PEER_TSN + number, dcep_open(), stream=2 * number, ppid=DCEP))
    with pytest.raises(Rejected) as refusal:
        peer.say(data(PEER_TSN + 16, dcep_open(), stream=1, ppid=DCEP))
    assert refusal.value.code == "too-many-channels"


@pytest.mark.parametrize(
    ("message", "stream", "code"),
    [
        (dcep_open(), 0, "channel-in-use"),
        (dcep_open(b"x" * 257), 2, "label-too-long"),
        (dcep_open(kind=9), 2, "malformed-dcep"),
        (b"\2", 2, "no-such-stream"),
    ],
)
async def test_a_channel_that_cannot_be_opened_ends_the_association(
    peer: Peer, message: bytes, stream: int, code: str
) -> None:
    with pytest.raises(SfuError) as refusal:
        peer.say(data(PEER_TSN + 1, message, stream=stream, sequence=int(stream == 0), ppid=DCEP))
    assert refusal.value.code == code


async def test_messages_of_no_channel_or_no_kind_are_nothing(peer: Peer) -> None:
    peer.say(data(PEER_TSN + 1, b"x", stream=4), data(PEER_TSN + 2, b"x", sequence=1, ppid=77))
    peer.say(data(PEER_TSN + 3, b"\xff", sequence=2, ppid=51))
    assert messages(peer) == [b"\xff"]


async def test_only_what_was_sent_can_be_acknowledged(peer: Peer) -> None:
    channel = next(iter(peer.association._data_channels.values()))
    for _ in range(3):
        channel.send(b"message")
    outstanding = len(peer.association._sent_queue)
    assert outstanding == 4
    for beyond in (sack(peer.tsn + 4), sack(peer.tsn, [(2, 4)]), sack(peer.tsn - 1, [(1, 65_535)]), sack(peer.tsn - 2)):
        peer.say(beyond)
    assert len(peer.association._sent_queue) == outstanding
    peer.say(sack(peer.tsn, [(2, 3)]))
    assert len(peer.association._sent_queue) == outstanding - 1
    peer.say(sack(peer.tsn + 3))
    assert not peer.association._sent_queue


async def test_what_is_in_flight_is_bounded(peer: Peer) -> None:
    channel = next(iter(peer.association._data_channels.values()))
    for _ in range(30):
        channel.send(bytes(60_000))
    most = 0
    while peer.association._sent_queue:
        most = max(most, sum(len(waiting.user_data) for waiting in peer.association._sent_queue))
        peer.say(sack(peer.association._sent_queue[0].tsn))
    assert MAX_CONGESTION_WINDOW <= most <= MAX_CONGESTION_WINDOW + 2 * 1191


async def test_an_abort_is_the_end_whatever_follows() -> None:
    peer = Peer()
    peer.say(init(EXTENSIONS), tag=0)
    at = peer.sent[-1].index(pack("!HH", 7, 28))
    echo = chunk(COOKIE_ECHO, peer.sent[-1][at + 4 : at + 28])
    peer.say(echo, chunk(ABORT), echo)
    assert peer.association.is_closed


async def test_malformed_packets_are_lost(peer: Peer) -> None:
    assert not peer.association.handle_packet(b"")
    assert not peer.association.handle_packet(signed(bytes(12) + chunk(HEARTBEAT, parameter(1, length=0))))
    said = len(peer.sent)
    peer.say(chunk(HEARTBEAT, parameter(1, b"info")))
    assert [packet[12:] for packet in peer.sent[said:]] == [chunk(HEARTBEAT_ACK, parameter(1, b"info"))]


async def test_an_echo_that_fits_no_record_is_not_sent(peer: Peer) -> None:
    said = len(peer.sent)
    peer.say(chunk(HEARTBEAT, parameter(1, bytes(MAX_DATA))))
    assert len(peer.sent) == said


async def recorded() -> list[bytes]:
    """What aiortc's client says in a short life: a handshake, channels, messages, a channel that closes, the end."""
    call = Call()
    await call.connect()
    pairs = await call.open_all("_reliable", "_lossy")
    for theirs, ours in pairs:
        for _ in range(10):
            theirs.send(bytes(3000))
            ours.send(bytes(3000))
    pairs[1][0].close()
    await eventually(lambda: len(call.received) == 20 and not pairs[1][1].is_open)
    await call.close()
    return call.carrier.sent


@cache
def conversation() -> list[bytes]:
    """The same and what it has no occasion to say."""
    packets = asyncio.run(recorded())
    assert {packet[12] for packet in packets} >= {DATA, INIT, INIT_ACK, SACK, ABORT, RE_CONFIG}
    added = [
        chunk(FORWARD_TSN, pack("!LHH", PEER_TSN + 9, 0, 3)),
        chunk(RE_CONFIG, parameter(13, pack("!LLLH", 5, 0, PEER_TSN, 0))),
        chunk(RE_CONFIG, parameter(16, pack("!LL", 5, 6)) + parameter(17, bytes(8))),
        chunk(HEARTBEAT, parameter(1, b"info")),
        chunk(ERROR, parameter(1, bytes(4))),
        chunk(SHUTDOWN, bytes(4)),
        chunk(SHUTDOWN_ACK),
        chunk(SHUTDOWN_COMPLETE),
        chunk(COOKIE_ACK),
        chunk(COOKIE_ECHO, bytes(24)),
        data(PEER_TSN + 1, dcep_open(), stream=2, ppid=DCEP),
        data(PEER_TSN + 1, b"\2", ppid=DCEP),
    ]
    return packets + [packet(one) for one in added] * 3


@settings(max_examples=200)
@given(seed=st.integers(0, 2**32))
def test_a_conversation_that_was_tampered_with_ends_or_goes_on(seed: int) -> None:
    """Whatever passes makes aiortc neither raise nor send without end, and it holds no more than it may."""
    coin = random.Random(seed)
    conversation()

    def step() -> None:
        peer = Peer()
        if coin.random() < 0.9:
            peer.establish()
            peer.say(data(PEER_TSN, dcep_open(), ppid=DCEP))
            next(iter(peer.association._data_channels.values())).send(bytes(5000))
        try:
            for _ in range(coin.randrange(1, 30)):
                said = len(peer.sent)
                peer.association.handle_packet(tampered(conversation(), coin, peer))
                assert len(peer.sent) - said <= 100
        except SfuError:
            pass
        assert sum(len(stream.reassembly) for stream in peer.association._inbound_streams.values()) <= 600
        peer.close()

    in_a_loop(step)


def tampered(packets: list[bytes], coin: random.Random, peer: Peer) -> bytes:
    """A packet of the conversation that believes to be for this peer, damaged within, cut, or joined with another."""
    body = bytearray(coin.choice(packets)[12:])
    if body[0] == 0 and coin.random() < 0.9:  # a TSN that is near
        body[4:8] = pack("!L", PEER_TSN + coin.randrange(30))
    if body[0] == 3 and coin.random() < 0.9:
        body[4:8] = pack("!L", (peer.tsn + coin.randrange(-1, 6)) % 2**32)
    if coin.random() < 0.3 and body[0] not in (1, 2):
        body += coin.choice(packets)[12:]
    for _ in range(coin.randrange(4)):
        body[coin.randrange(min(len(body), 40))] = coin.choice((0, 1, 2, 3, 4, 13, 16, 127, 255, coin.randrange(256)))
    if coin.random() < 0.1:
        del body[coin.randrange(4, len(body) + 1) :]
    tag = 0 if unpack_from("!B", body)[0] == 1 else peer.tag
    return signed(pack("!HHLL", 5000, 5000, tag, 0) + bytes(body))
