"""aiortc clients of an `Sfu` in the same event loop, over loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack

from sfu.server import Sfu, SfuSettings
from sfu.session import MediaSession

PATIENCE = 20.0


@asynccontextmanager
async def running_sfu(**changes: object) -> AsyncIterator[Sfu]:
    """On 127.0.0.1 and a port of the system's choice."""
    defaults: dict[str, object] = {"listen": (("127.0.0.1", 0),), "workers": 2}
    sfu = Sfu(SfuSettings(**{**defaults, **changes}))  # type: ignore[arg-type]
    await sfu.start()
    try:
        yield sfu
    finally:
        await sfu.close()


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """aioice leaves loopback out; here it is all there is."""
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda **_: ["127.0.0.1"])


class Peer:
    """One aiortc peer connection and its session."""

    def __init__(self) -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.frames = {"audio": 0, "video": 0}
        self._tasks: list[asyncio.Task[None]] = []
        self.pc.on("track", self._consume)

    @classmethod
    async def publish(cls, sfu: Sfu, room: str, identity: str = "alice") -> tuple["Peer", MediaSession]:
        peer = cls()
        peer.pc.addTrack(AudioStreamTrack())
        peer.pc.addTrack(VideoStreamTrack())
        offer = await peer._offer()
        session = await sfu.publish(room, identity, offer)
        await peer._accept(session.answer)
        return peer, session

    @classmethod
    async def watch(cls, sfu: Sfu, room: str, identity: str = "bob") -> tuple["Peer", MediaSession]:
        peer = cls()
        for kind in ("audio", "video"):
            peer.pc.addTransceiver(kind, direction="recvonly")
        offer = await peer._offer()
        session = await sfu.watch(room, identity, offer)
        await peer._accept(session.answer)
        return peer, session

    async def receives(self, kind: str, frames: int) -> None:
        """Wait for so many more decoded frames."""
        wanted = self.frames[kind] + frames
        await eventually(lambda: self.frames[kind] >= wanted)

    async def close(self) -> None:
        await self.pc.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _offer(self) -> str:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def _accept(self, answer: str) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    def _consume(self, track: MediaStreamTrack) -> None:
        async def count() -> None:
            try:
                while True:
                    await track.recv()
                    self.frames[track.kind] += 1
            except MediaStreamError:
                return

        self._tasks.append(asyncio.ensure_future(count()))


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait for the condition, for at most `PATIENCE` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    while not condition():
        assert loop.time() < deadline, "it never happened"
        await asyncio.sleep(0.02)
