"""Bad networks and bad neighbours, with real clients over real sockets."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from bench.server import ServerProcess
from clients import whep, whip
from clients.media import AudioSink, VideoSink, drain
from clients.signalling import Endpoint, Session, endpoint_url
from clients.testsrc import TestVideo
from tests.interop.commands import publishing
from tests.interop.viewing import until_seen, watching
from tests.net.link import LinkSpec
from tests.net.loss import IndependentLoss
from tests.net.relay import Relay
from tests.waiting import eventually

pytestmark = pytest.mark.interop

LOSSY = LinkSpec(delay_us=5_000, loss=IndependentLoss(0.05))
MEASURED_FRAMES = 450


class RelayedEndpoint(Endpoint):
    """An endpoint whose sessions' media takes the way over a relay."""

    relay: Relay

    async def post(self, offer: str) -> Session:
        session = await super().post(offer)
        return replace(session, answer=self.relay.redirect(session.answer))


async def test_five_percent_loss_each_way_costs_less_than_five_percent_of_the_frames(server: ServerProcess) -> None:
    room, video, audio = "lossy", VideoSink(), AudioSink()
    media = ("127.0.0.1", server.media_port)
    async with (
        Relay(media, LOSSY, LOSSY, "publisher") as up,
        Relay(media, LOSSY, LOSSY, "viewer") as down,
        RelayedEndpoint(endpoint_url(server.url, "whip", room), server.token("alice", room, publish=True)) as whip_end,
        RelayedEndpoint(endpoint_url(server.url, "whep", room), server.token("bob", room, watch=True)) as whep_end,
    ):
        whip_end.relay, whep_end.relay = up, down
        source, drains = TestVideo(), set()
        publisher = await whip.publish(whip_end, [source])
        viewer = await whep.watch(whep_end, lambda track: drains.add(asyncio.ensure_future(drain(track, video, audio))))

        async def started() -> bool:
            return video.frames > 30

        await eventually(started, "the picture comes")
        published, decoded = source.frames, video.frames

        async def measured() -> bool:
            return source.frames - published >= MEASURED_FRAMES

        await eventually(measured, "enough frames are published", within=60)
        share = (video.frames - decoded) / (source.frames - published)
        for relay in (up, down):
            for counters in relay.counters():
                assert counters.lost > 0
        await viewer.close()
        await publisher.close()
        source.stop()
        await asyncio.gather(*drains)
    assert share >= 0.95


async def test_hostile_datagrams_harm_nobody_and_are_counted(server: ServerProcess) -> None:
    room = "hostile"
    async with publishing(server, room), watching(server, room) as watcher:
        await until_seen(watcher)
        before = _dropped(server)
        sent = 0
        with socket.socket(type=socket.SOCK_DGRAM) as stranger:
            for datagram in _hostile_datagrams():
                stranger.sendto(datagram, ("127.0.0.1", server.media_port))
                sent += 1
                await asyncio.sleep(0)
        await until_seen(watcher, frames=60)
        assert watcher.figures.lost == 0
        assert watcher.figures.sessions == 1

        async def counted() -> bool:
            return _dropped(server) - before >= sent * 0.9

        await eventually(counted, f"nine tenths of {sent} datagrams are counted as dropped")
    assert server.pid


def _hostile_datagrams() -> Iterator[bytes]:
    """What nobody should send to a media port, about two thousand of it."""
    rng = Random("hostile")
    cookie = bytes.fromhex("2112a442")
    for _ in range(100):
        yield b""
        yield rng.randbytes(65_507)
        yield bytes([rng.randrange(256)]) + rng.randbytes(rng.randrange(1_400))
        yield b"\x00\x01" + rng.randbytes(rng.randrange(18))  # truncated STUN
        yield b"\x00\x01\x00\x08" + cookie + rng.randbytes(12) + b"\x00\x06\x00\x04abcd"  # a check for nobody
        yield b"\x00\x01\xff\xfc" + cookie + rng.randbytes(1_200)  # a length that lies
        yield b"\x16\xfe\xfd" + rng.randbytes(rng.randrange(60))  # DTLS before any check
        yield b"\x16\xfe\xfd" + bytes(8) + b"\xff\xff" + rng.randbytes(100)
        yield b"\x80" + rng.randbytes(rng.randrange(12))  # truncated RTP
        yield b"\x90\x60" + rng.randbytes(10) + b"\xbe\xde\xff\xff" + rng.randbytes(30)  # endless extensions
        yield b"\x8f\x60" + rng.randbytes(20)  # CSRCs that are not there
        yield b"\x80\xc8\xff\xff" + rng.randbytes(40)  # RTCP longer than its datagram
        yield b"\x40\x00\xff\xff" + rng.randbytes(40)  # ChannelData


def _dropped(server: ServerProcess) -> float:
    return sum(value for name, value in server.metrics().items() if name.startswith("sluice_dropped_total"))
