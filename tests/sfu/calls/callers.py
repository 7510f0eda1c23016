"""aiortc clients in a call, with two peer connections or with one, over loopback; there is no signalling but calls."""

import asyncio

from aiortc import MediaStreamTrack, RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack

from sfu.calls.joining import Joining, ServerOffer
from sfu.calls.member import Member
from sfu.permissions import Permissions
from sfu.server import Sfu
from sfu.track import Track, TrackAnnouncement, TrackSource
from tests.sfu.peers import eventually


class Caller:
    """A client with two peer connections. `frames` counts what it decoded, by the id of the sender's track."""

    def __init__(self, sfu: Sfu, room: str, identity: str, permissions: Permissions, auto_subscribe: bool) -> None:
        joining = Joining(identity, permissions=permissions, auto_subscribe=auto_subscribe)
        self.member: Member = sfu.join(room, joining)
        self.publisher = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.subscriber = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.frames: dict[str, int] = {}
        self.messages: list[tuple[str, bytes]] = []
        self.offers: list[ServerOffer] = []
        self.closed: list[str] = []
        self.reliable = self.publisher.createDataChannel("_reliable")
        self.lossy = self.publisher.createDataChannel("_lossy", ordered=False, maxRetransmits=0)
        self._tracks: dict[str, str] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._offered = asyncio.Queue[ServerOffer]()
        self.member.offered.connect(self._take_offer)
        self.member.closed.connect(self.closed.append)
        self.subscriber.on("track", self._consume)
        self.subscriber.on("datachannel", self._listen)
        self._tasks.append(asyncio.ensure_future(self._answer_offers()))

    @classmethod
    async def join(
        cls,
        sfu: Sfu,
        room: str,
        identity: str,
        *,
        permissions: Permissions | None = None,
        auto_subscribe: bool = True,
    ) -> "Caller":
        caller = cls(sfu, room, identity, permissions or Permissions(), auto_subscribe)
        caller.member.start()
        return caller

    async def publish(self, *kinds: str, sources: tuple[TrackSource, ...] = ()) -> list[Track]:
        """Announce and send one more track of each kind."""
        tracks = []
        for index, kind in enumerate(kinds):
            media = AudioStreamTrack() if kind == "audio" else VideoStreamTrack()
            self.publisher.addTrack(media)
            source = sources[index] if sources else TrackSource.UNKNOWN
            announcement = TrackAnnouncement(media.id, "audio" if kind == "audio" else "video", source)
            tracks.append(self.member.add_track(announcement))
        await self.offer()
        return tracks

    async def offer(self) -> None:
        await self.publisher.setLocalDescription(await self.publisher.createOffer())
        answered = self.member.offer(self.publisher.localDescription.sdp)
        await self.publisher.setRemoteDescription(RTCSessionDescription(answered.sdp, "answer"))

    def seen(self, track: Track) -> int:
        return self.frames.get(track.id, 0)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.publisher.close()
        await self.subscriber.close()
        self.member.close()

    def _take_offer(self, offer: ServerOffer) -> None:
        self.offers.append(offer)
        self._offered.put_nowait(offer)

    async def _answer_offers(self) -> None:
        while True:
            offer = await self._offered.get()
            self._tracks = dict(offer.tracks)
            await self.subscriber.setRemoteDescription(RTCSessionDescription(offer.sdp, "offer"))
            await self.subscriber.setLocalDescription(await self.subscriber.createAnswer())
            self.member.answer(self.subscriber.localDescription.sdp, offer.id)
            # aiortc forgets to start receivers that are added while it connects.
            await eventually(lambda: self.subscriber.connectionState == "connected")

    def _listen(self, channel: RTCDataChannel) -> None:
        channel.on("message", lambda message: self.messages.append((channel.label, message)))

    def _consume(self, track: MediaStreamTrack) -> None:
        receivers = self.subscriber.getTransceivers()
        mid = next(one.mid for one in receivers if one.receiver.track is track) or ""

        async def count() -> None:
            try:
                while True:
                    await track.recv()
                    name = self._tracks.get(mid, "")
                    self.frames[name] = self.frames.get(name, 0) + 1
            except MediaStreamError:
                return

        self._tasks.append(asyncio.ensure_future(count()))
