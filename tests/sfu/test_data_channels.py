"""Our data channels against aiortc's: what is said arrives, what is too much is bounded, and nothing is left behind."""

import asyncio
import logging
import random

import pytest
from aiortc import rtcsctptransport
from aiortc.rtcdatachannel import RTCDataChannel
from aiortc.rtcsctptransport import RTCSctpTransport

from sfu.data_channels import (
    MAX_LOSSY_BUFFERED,
    MAX_LOSSY_WAITING,
    MAX_RELIABLE_BUFFERED,
    MAX_RELIABLE_WAITING,
    OPENINGS_BURST,
    DataChannel,
    DataChannels,
)
from sfu.errors import Conflict
from tests.sfu.channel_peers import Call
from tests.sfu.peers import eventually


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retransmissions after some 20 ms; RFC 9260, 16 has seconds."""
    monkeypatch.setattr(rtcsctptransport, "SCTP_RTO_INITIAL", 0.02)
    monkeypatch.setattr(rtcsctptransport, "SCTP_RTO_MIN", 0.02)


async def test_the_clients_channels_open_and_carry_messages_both_ways() -> None:
    call = Call()
    await call.connect()
    reliable = call.open("_reliable")
    lossy = call.open("_lossy", ordered=False, max_retransmits=0)
    await eventually(lambda: len(call.opened) == 2 and reliable.readyState == lossy.readyState == "open")
    ours, ours_lossy = call.opened
    assert [(c.label, c.id, c.ordered, c.max_retransmits, c.is_lossy, c.is_open) for c in call.opened] == [
        ("_reliable", 0, True, None, False, True),
        ("_lossy", 2, False, 0, True, True),
    ]
    reliable.send(b"one")
    reliable.send("zwölf")
    lossy.send(b"")
    lossy.send("")
    assert ours.send(b"back")
    assert ours_lossy.send(b"and forth")
    await eventually(lambda: len(call.received) == 4 and len(call.client_messages) == 2)
    assert sorted(call.received) == [
        ("_lossy", b""),
        ("_lossy", b""),
        ("_reliable", b"one"),
        ("_reliable", "zwölf".encode()),
    ]
    assert sorted(call.client_messages) == [("_lossy", b"and forth"), ("_reliable", b"back")]
    await call.close()
    assert call.failures == []


async def test_our_channels_open_whenever_they_were_asked_for() -> None:
    call = Call()
    early = call.channels.open("_reliable")
    assert (early.id, early.is_open, early.send(b"nobody is there")) == (None, False, False)
    await call.connect()
    late = call.channels.open("_lossy", ordered=False, max_retransmits=0)
    await eventually(lambda: len(call.opened) == 2)
    assert call.opened == [early, late]
    assert [channel.id for channel in call.opened] == [1, 3]
    assert [(c.label, c.ordered, c.maxRetransmits) for c in call.client_channels] == [
        ("_reliable", True, None),
        ("_lossy", False, 0),
    ]
    assert early.send(b"down")
    call.client_channels[1].send(b"up")
    await eventually(lambda: call.client_messages == [("_reliable", b"down")] and call.received == [("_lossy", b"up")])
    await call.close()


async def test_a_large_message_arrives_whole() -> None:
    call = Call()
    await call.connect()
    ((theirs, ours),) = await call.open_all("_reliable")
    message = bytes(range(256)) * 256
    theirs.send(message)
    assert ours.send(message)
    assert not ours.send(message + b"!")
    await eventually(lambda: bool(call.received and call.client_messages))
    assert call.received == call.client_messages == [("_reliable", message)]
    await call.close()


async def test_nothing_is_left_after_the_end() -> None:
    before, timers = asyncio.all_tasks(), live_timers()
    call = Call()
    await call.connect()
    ((_, ours),) = await call.open_all("_reliable")
    call.channels.close()
    call.channels.close()
    assert not ours.is_open
    assert not ours.send(b"too late")
    assert not call.channels.open("never").is_open
    await eventually(lambda: call.client.state == "closed")
    await call.close()
    assert (asyncio.all_tasks(), live_timers()) == (before, timers)
    assert call.failures == []


async def test_a_reliable_channel_survives_loss_and_disorder(hurried: None) -> None:
    coin = random.Random(1)
    held: list[bytes] = []

    def fate(datagram: bytes) -> list[bytes]:
        held.append(datagram)
        if coin.random() < 0.3:
            return []  # until the next one
        arriving = [one for one in held if coin.random() < 0.9]
        held.clear()
        coin.shuffle(arriving)
        return arriving

    call = Call(fate=fate)
    await call.connect()
    ((theirs, ours),) = await call.open_all("_reliable")
    sent = [("_reliable", bytes([number]) * 2000) for number in range(60)]
    for _, message in sent:
        theirs.send(message)
        assert ours.send(message)
    await eventually(lambda: len(call.received) == len(call.client_messages) == len(sent))
    assert call.received == call.client_messages == sent
    await call.close()


async def test_a_lossy_channel_drops_what_would_wait_too_long() -> None:
    call = Call()
    await call.connect()
    theirs = call.open("_lossy", ordered=False, max_retransmits=0)
    await eventually(lambda: theirs.readyState == "open")
    (ours,) = call.opened
    call.cut()
    outcomes = [ours.send(bytes(1000)) for _ in range(100)]
    assert outcomes == [True] * outcomes.count(True) + [False] * outcomes.count(False)
    assert MAX_LOSSY_BUFFERED < ours.buffered <= MAX_LOSSY_BUFFERED + 1000
    for _ in range(2 * MAX_LOSSY_WAITING):
        ours.send(b"")
    assert call.failures == []
    await call.close()


async def test_many_small_lossy_messages_wait_no_longer_than_large_ones() -> None:
    call = Call()
    await call.connect()
    theirs = call.open("_lossy", ordered=False, max_retransmits=0)
    await eventually(lambda: theirs.readyState == "open")
    call.cut()
    outcomes = [call.opened[0].send(bytes(40)) for _ in range(1000)]
    assert outcomes.count(True) < 500
    assert call.failures == []
    await call.close()


@pytest.mark.parametrize(
    ("size", "most"), [(60_000, MAX_RELIABLE_BUFFERED // 60_000 + 3), (1, MAX_RELIABLE_WAITING + 4096)]
)
async def test_whoever_reads_a_reliable_channel_too_slowly_loses_the_association(size: int, most: int) -> None:
    call = Call()
    await call.connect()
    ((_, ours),) = await call.open_all("_reliable")
    call.cut()
    sent = 0
    while sent <= most and ours.send(bytes(size)):
        sent += 1
    assert sent <= most
    assert call.failures == ["backlog"]
    assert not ours.is_open
    await call.close()


async def test_what_the_peer_may_not_do_ends_its_channels_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    call = Call(max_channels=2)
    await call.connect()
    channels = [call.open(label) for label in ("a", "b", "c")]
    await eventually(lambda: bool(call.failures))
    assert call.failures == ["too-many-channels"]
    await eventually(lambda: call.client.state == "closed")
    assert {channel.readyState for channel in channels[:2]} == {"closed"}
    call.carrier.send(b"more")
    await call.close()
    (line,) = [record for record in caplog.records if record.levelno >= logging.INFO]
    assert line.getMessage() == "transport 1: its data channels ended: too-many-channels"
    assert line.exc_info is None


async def test_an_exception_of_aiortc_ends_one_association_and_fills_no_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, other = Call(), Call()
    for each in (call, other):
        await each.connect()
        await each.open_all("_reliable")

    async def broken(self: RTCSctpTransport, chunk: object) -> None:
        raise AssertionError("a bug")

    monkeypatch.setattr(RTCSctpTransport, "_receive_data_chunk", broken)
    call.client_channels[0].send(b"x")
    await eventually(lambda: bool(call.failures))
    monkeypatch.undo()
    assert call.failures == ["broken: AssertionError"]
    assert [record.exc_info for record in caplog.records if record.levelno >= logging.INFO] == [None]
    other.client_channels[0].send(b"unharmed")
    await eventually(lambda: other.received == [("_reliable", b"unharmed")])
    await call.close()
    await other.close()


async def test_an_exception_in_a_timer_ends_one_association(monkeypatch: pytest.MonkeyPatch, hurried: None) -> None:
    call = Call()
    await call.connect()
    ((_, ours),) = await call.open_all("_reliable")
    call.cut()
    assert ours.send(b"lost")

    def broken(self: RTCSctpTransport) -> None:
        raise AssertionError("a bug")

    monkeypatch.setattr(RTCSctpTransport, "_update_advanced_peer_ack_point", broken)
    await eventually(lambda: bool(call.failures))
    monkeypatch.undo()
    assert call.failures == ["broken: AssertionError"]
    await call.close()


async def test_the_peers_abort_and_its_silence_have_names(hurried: None) -> None:
    gone, silent = Call(), Call()
    await gone.connect()
    await gone.client.stop()
    await eventually(lambda: bool(gone.failures))
    assert gone.failures == ["peer-closed"]
    await silent.connect(client=False)
    await eventually(lambda: bool(silent.failures))
    assert silent.failures == ["no-answer"]
    for call in (gone, silent):
        await call.close()


async def test_the_transports_end_is_theirs_without_a_word(hurried: None) -> None:
    timers = live_timers()
    call = Call()
    await call.connect()
    ((_, ours),) = await call.open_all("_reliable")
    call.cut()
    assert ours.send(b"lost, and a timer waits for it")
    call.transport.close()
    assert (ours.is_open, ours.send(b"too late"), call.failures) == (False, False, [])
    await call.client.stop()
    assert live_timers() == timers


async def test_a_listener_may_close_and_may_send() -> None:
    call = Call()
    await call.connect()
    ((theirs, _),) = await call.open_all("_reliable")

    def answer(channel: DataChannel, message: bytes) -> None:
        assert channel.send(b"answer to " + message)
        if message == b"two":
            call.channels.close()

    call.channels.received.connect(answer)
    for message in (b"one", b"two", b"three"):
        theirs.send(message)
    await eventually(lambda: theirs.readyState == "closed")
    assert [message for _, message in call.received] == [b"one", b"two"]
    assert call.client_messages == [("_reliable", b"answer to one"), ("_reliable", b"answer to two")]
    await call.close()


async def test_a_channel_that_was_closed_makes_room_and_its_last_message_counts() -> None:
    call = Call(max_channels=1)
    await call.connect()
    for number in range(3):
        theirs = call.open(f"number {number}")
        await becomes(theirs, "open")
        theirs.send(b"last words")
        theirs.close()
        await becomes(theirs, "closed")
        assert not call.opened[-1].is_open
    assert [label for label, _ in call.received] == ["number 0", "number 1", "number 2"]
    assert call.channels.open("ours") is not None
    with pytest.raises(Conflict) as refusal:
        call.channels.open("too many")
    assert refusal.value.code == "too-many-channels"
    await call.close()


async def test_channels_open_no_faster_than_they_may() -> None:
    call = Call()
    await call.connect()
    opened = 0
    while not call.failures:
        theirs = call.open("again")
        await becomes(theirs, "open", "closed")
        theirs.close()
        await becomes(theirs, "closed")
        opened += 1
        assert opened <= OPENINGS_BURST + 1
    assert call.failures == ["too-many-openings"]
    await call.close()


async def test_who_takes_too_much_of_the_processor_is_not_heard_for_a_while(hurried: None) -> None:
    call = Call()
    await call.connect()
    ((theirs, _),) = await call.open_all("_reliable")
    call.cpu_per_look = 1.0  # two looks at the clock for a packet
    theirs.send(b"expensive")
    await eventually(lambda: len(call.received) == 1)
    theirs.send(b"unheard")
    await eventually(lambda: call.channels.lost_packets > 3)
    assert len(call.received) == 1
    call.cpu_per_look = 0.0
    call.now += 100
    await eventually(lambda: len(call.received) == 2)
    await call.close()


async def test_work_that_messages_make_for_others_is_their_senders(hurried: None) -> None:
    call = Call()

    def work(*_: object) -> None:
        call._cpu += 1.0

    call.channels.received.connect(work)
    await call.connect()
    ((theirs, _),) = await call.open_all("_reliable")
    theirs.send(b"expensive")
    await eventually(lambda: len(call.received) == 1)
    theirs.send(b"unheard")
    await eventually(lambda: call.channels.lost_packets > 3)
    assert len(call.received) == 1
    call.now += 100
    await eventually(lambda: len(call.received) == 2)
    await call.close()


async def test_packets_before_the_start_are_lost() -> None:
    call = Call()
    await call.connect(client=False)
    assert call.channels.lost_packets == 0
    never = DataChannels(call.transport)
    call.carrier.send(b"whatever")
    await eventually(lambda: never.lost_packets == 1)
    never.close()
    await call.close()


async def test_on_a_transport_that_carries_no_data_none_ever_opens() -> None:
    timers = live_timers()
    call = Call(keep_listening=False)
    never = call.channels.open("_reliable")
    await call.connect(client=False)
    assert not call.transport.carries_data
    assert not never.is_open
    assert live_timers() == timers
    await call.close()
    assert call.failures == []


async def test_a_message_too_large_for_the_client_is_not_sent() -> None:
    call = Call(remote_max_message_size=100, max_message_size=200)
    await call.connect()
    ((theirs, ours),) = await call.open_all("_reliable")
    assert not ours.send(bytes(101))
    assert ours.send(bytes(100))
    theirs.send(bytes(200))
    await eventually(lambda: len(call.received) == len(call.client_messages) == 1)
    theirs.send(bytes(201))
    await eventually(lambda: call.failures == ["message-too-large"])
    await call.close()


async def becomes(channel: RTCDataChannel, *states: str) -> None:
    await eventually(lambda: channel.readyState in states)


def live_timers() -> int:
    """Those of this loop that will call somebody; `eventually` has none while it is not waiting."""
    scheduled = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    return sum(not handle.cancelled() for handle in scheduled)
