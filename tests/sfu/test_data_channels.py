"""Our data channels against aiortc's: what is said arrives, what is too much is bounded, and nothing is left behind."""

import asyncio

from tests.sfu.channel_peers import Call
from tests.sfu.peers import eventually


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
    before = asyncio.all_tasks()
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
    assert asyncio.all_tasks() == before
    assert call.failures == []
