"""One real LiveKit client (libwebrtc inside) in a process of its own, driven by JSON lines: a wrong message from a
server aborts the whole process it runs in.

A request is `{"id": 1, "do": "<method of Participant>", "with": {…}}`, its answer `{"re": 1, "value": …}` or `{"re": 1,
"error": "…"}`; what happens meanwhile is told as `{"event": "…", …}`.
"""

import asyncio
import contextlib
import json
import math
import sys
from typing import Any

import numpy as np
from livekit import rtc
from livekit.rtc.room import EventTypes

RATE = 48_000
FRAME = RATE // 100
SOURCES = {
    "camera": rtc.TrackSource.SOURCE_CAMERA,
    "microphone": rtc.TrackSource.SOURCE_MICROPHONE,
    "screen_share": rtc.TrackSource.SOURCE_SCREENSHARE,
    "screen_share_audio": rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO,
}
NAMES = {number: name for name, number in SOURCES.items()}
EVENTS: tuple[EventTypes, ...] = (
    "participant_connected",
    "participant_disconnected",
    "local_track_published",
    "local_track_unpublished",
    "local_track_subscribed",
    "track_published",
    "track_unpublished",
    "track_subscribed",
    "track_unsubscribed",
    "track_subscription_failed",
    "track_muted",
    "track_unmuted",
    "active_speakers_changed",
    "room_metadata_changed",
    "participant_metadata_changed",
    "participant_name_changed",
    "participant_attributes_changed",
    "connection_quality_changed",
    "participant_permissions_changed",
    "connection_state_changed",
    "disconnected",
    "reconnecting",
    "reconnected",
    "moved",
    "token_refreshed",
)


class Participant:
    """Its methods are what can be asked for."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.room = rtc.Room(loop=loop)
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.tracks: dict[str, rtc.LocalTrack] = {}
        self.received: dict[str, dict[str, Any]] = {}
        for name in EVENTS:
            self.room.on(name, self._teller(name))
        self.room.on("data_received", self._take_data)
        self.room.on("track_subscribed", self._receive)

    async def connect(
        self, url: str, token: str, single: bool = True, auto_subscribe: bool = True, dynacast: bool = False
    ) -> dict[str, Any]:
        options = rtc.RoomOptions(
            auto_subscribe=auto_subscribe, dynacast=dynacast, single_peer_connection=single, connect_timeout=10.0
        )
        await self.room.connect(url, token, options)
        return {"sid": self.room.local_participant.sid, "room": self.room.name}

    async def listen(self, topic: str) -> None:
        """Take text and byte streams of this topic."""
        self.room.register_text_stream_handler(topic, lambda reader, who: self._spawn(self._read_text(reader, who)))
        self.room.register_byte_stream_handler(topic, lambda reader, who: self._spawn(self._read_bytes(reader, who)))

    async def serve(self, method: str) -> None:
        """Answer calls of this method with what was said, backwards."""

        async def handle(invocation: rtc.RpcInvocationData) -> str:
            return f"{invocation.caller_identity}: {invocation.payload[::-1]}"

        self.room.local_participant.register_rpc_method(method, handle)

    async def call(self, to: str, method: str, payload: str) -> str:
        return await self.room.local_participant.perform_rpc(
            destination_identity=to, method=method, payload=payload, response_timeout=10.0
        )

    async def publish_audio(self, tone: float = 440.0, name: str = "audio", source: str = "microphone") -> str:
        feed = rtc.AudioSource(RATE, 1)
        track = rtc.LocalAudioTrack.create_audio_track(name, feed)
        options = rtc.TrackPublishOptions(source=SOURCES[source], dtx=False)
        publication = await self.room.local_participant.publish_track(track, options)
        self.tracks[publication.sid] = track
        self.tasks[publication.sid] = asyncio.ensure_future(_sing(feed, tone))
        return publication.sid

    async def publish_video(
        self,
        colour: list[int],
        name: str = "video",
        source: str = "camera",
        size: list[int] | None = None,
        simulcast: bool = False,
        codec: str = "VP8",
        fps: float = 15.0,
    ) -> str:
        width, height = size or [320, 180]
        feed = rtc.VideoSource(width, height, is_screencast=source == "screen_share")
        track = rtc.LocalVideoTrack.create_video_track(name, feed)
        options = rtc.TrackPublishOptions(
            source=SOURCES[source], simulcast=simulcast, video_codec=rtc.VideoCodec.Value(codec)
        )
        publication = await self.room.local_participant.publish_track(track, options)
        self.tracks[publication.sid] = track
        self.tasks[publication.sid] = asyncio.ensure_future(_paint(feed, width, height, colour, fps))
        return publication.sid

    async def unpublish(self, sid: str) -> None:
        self.tasks.pop(sid).cancel()
        await self.room.local_participant.unpublish_track(sid)

    async def mute(self, sid: str, muted: bool) -> None:
        track = self.tracks[sid]
        track.mute() if muted else track.unmute()

    async def subscribe(self, sid: str, wanted: bool) -> None:
        self._publication(sid).set_subscribed(wanted)

    async def quality(self, sid: str, quality: str) -> None:
        self._publication(sid).set_video_quality(rtc.VideoQuality.Value(f"VIDEO_QUALITY_{quality.upper()}"))

    async def send(self, payload: str, reliable: bool = True, topic: str = "", to: list[str] | None = None) -> None:
        await self.room.local_participant.publish_data(
            payload, reliable=reliable, topic=topic, destination_identities=to or []
        )

    async def flood(self, seconds: float, size: int, reliable: bool) -> int:
        """Send packets of so many bytes as fast as they are taken; how many it were."""
        loop = asyncio.get_running_loop()
        end, sent = loop.time() + seconds, 0
        while loop.time() < end:
            packets = [self.room.local_participant.publish_data(b"f" * size, reliable=reliable) for _ in range(50)]
            await asyncio.gather(*packets, return_exceptions=True)
            sent += len(packets)
        return sent

    async def send_text(self, text: str, topic: str, to: list[str] | None = None) -> None:
        await self.room.local_participant.send_text(text, topic=topic, destination_identities=to)

    async def send_bytes(self, size: int, topic: str) -> None:
        await self.room.local_participant.send_bytes(bytes(number % 251 for number in range(size)), topic=topic)

    async def set_metadata(self, metadata: str) -> None:
        await self.room.local_participant.set_metadata(metadata)

    async def set_name(self, name: str) -> None:
        await self.room.local_participant.set_name(name)

    async def set_attributes(self, attributes: dict[str, str]) -> None:
        await self.room.local_participant.set_attributes(attributes)

    async def allow(self, everybody: bool, tracks: dict[str, list[str] | None]) -> None:
        self.room.local_participant.set_track_subscription_permissions(
            allow_all_participants=everybody,
            participant_permissions=[
                rtc.ParticipantTrackPermission(
                    participant_identity=identity, allow_all=sids is None, allowed_track_sids=sids or []
                )
                for identity, sids in tracks.items()
            ],
        )

    async def media(self) -> dict[str, dict[str, Any]]:
        """What has been received, by track: kind, source, from, frames, and the last picture's mean colour and size, or
        the loudest frequency and the level of the last 100 ms of sound."""
        return self.received

    async def state(self) -> dict[str, Any]:
        """The room as this client sees it."""
        return {
            "connection": rtc.ConnectionState.Name(self.room.connection_state),
            "metadata": self.room.metadata,
            "me": _described(self.room.local_participant),
            "others": {who.identity: _described(who) for who in self.room.remote_participants.values()},
        }

    async def disconnect(self) -> None:
        await self.room.disconnect()

    def _publication(self, sid: str) -> rtc.RemoteTrackPublication:
        for participant in self.room.remote_participants.values():
            for publication in participant.track_publications.values():
                if publication.sid == sid:
                    return publication
        raise KeyError(sid)

    def _teller(self, name: str) -> Any:
        def tell(*arguments: Any) -> None:
            _say({"event": name, "about": [_summary(argument) for argument in arguments]})

        return tell

    def _take_data(self, packet: rtc.DataPacket) -> None:
        sender = packet.participant.identity if packet.participant else None
        reliable = packet.kind == rtc.DataPacketKind.KIND_RELIABLE
        _say(
            {"event": "data", "from": sender, "topic": packet.topic, "text": packet.data.decode(), "reliable": reliable}
        )

    def _receive(
        self, track: rtc.Track, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        figures = self.received.setdefault(publication.sid, {"frames": 0})
        figures |= {
            "from": participant.identity,
            "source": NAMES.get(publication.source, "unknown"),
            "kind": "audio" if track.kind == rtc.TrackKind.KIND_AUDIO else "video",
        }
        self._spawn(_hear(track, figures) if figures["kind"] == "audio" else _look(track, figures))

    async def _read_text(self, reader: rtc.TextStreamReader, who: str) -> None:
        _say({"event": "text", "from": who, "topic": reader.info.topic, "text": await reader.read_all()})

    async def _read_bytes(self, reader: rtc.ByteStreamReader, who: str) -> None:
        data = b"".join([chunk async for chunk in reader])
        right = data == bytes(number % 251 for number in range(len(data)))
        _say({"event": "bytes", "from": who, "topic": reader.info.topic, "size": len(data), "right": right})

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self.tasks[str(id(task))] = task


async def _sing(feed: rtc.AudioSource, tone: float) -> None:
    at = 0
    while True:
        times = np.arange(at, at + FRAME) / RATE
        samples = (np.sin(2 * math.pi * tone * times) * 12_000).astype(np.int16)
        await feed.capture_frame(rtc.AudioFrame(samples.tobytes(), RATE, 1, FRAME))
        at += FRAME


async def _paint(feed: rtc.VideoSource, width: int, height: int, colour: list[int], fps: float) -> None:
    """One colour and a grain that moves, or encoders send next to nothing."""
    grain = np.random.default_rng(1)
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        picture = np.empty((height, width, 4), np.uint8)
        picture[:] = [*colour, 255]
        spot = int(grain.integers(0, height - 16))
        picture[spot : spot + 16, :16, :3] = grain.integers(0, 255, (16, 16, 3), np.uint8)
        feed.capture_frame(rtc.VideoFrame(width, height, rtc.VideoBufferType.RGBA, picture.tobytes()))
        due += 1 / fps
        await asyncio.sleep(max(0.0, due - loop.time()))


async def _hear(track: rtc.Track, figures: dict[str, Any]) -> None:
    async for event in rtc.AudioStream(track, sample_rate=RATE, num_channels=1, frame_size_ms=100):
        samples = np.frombuffer(event.frame.data, np.int16)
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        figures["frames"] += 1
        figures["tone"] = float(np.argmax(spectrum)) * RATE / len(samples)
        figures["level"] = float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


async def _look(track: rtc.Track, figures: dict[str, Any]) -> None:
    async for event in rtc.VideoStream(track, format=rtc.VideoBufferType.RGBA):
        frame = event.frame
        figures["frames"] += 1
        figures["size"] = [frame.width, frame.height]
        if figures["frames"] % 5 == 1:
            picture = np.frombuffer(frame.data, np.uint8).reshape(frame.height, frame.width, 4)
            figures["colour"] = [round(float(value)) for value in np.median(picture[:, :, :3], axis=(0, 1))]


def _described(who: Any) -> dict[str, Any]:
    return {
        "sid": who.sid,
        "name": who.name,
        "metadata": who.metadata,
        "attributes": dict(who.attributes),
        "tracks": {
            one.sid: {"name": one.name, "source": NAMES.get(one.source, "unknown"), "muted": one.muted}
            for one in who.track_publications.values()
        },
    }


def _summary(argument: Any) -> Any:
    if isinstance(argument, str | int | float | bool) or argument is None:
        return argument
    if isinstance(argument, list):
        return [_summary(one) for one in argument]
    for name in ("identity", "sid"):
        with contextlib.suppress(AttributeError):
            return getattr(argument, name)
    return str(argument)


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)  # noqa: T201 - the other process reads it


async def _obey(participant: Participant, request: dict[str, Any]) -> None:
    try:
        value = await getattr(participant, request["do"])(**request.get("with", {}))
    except Exception as error:
        _say({"re": request["id"], "error": f"{type(error).__name__}: {error}"})
    else:
        _say({"re": request["id"], "value": value})


async def main() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**22)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    participant = Participant(loop)
    _say({"event": "ready"})
    obeying = set()
    while line := await reader.readline():
        task = asyncio.ensure_future(_obey(participant, json.loads(line)))
        obeying.add(task)
        task.add_done_callback(obeying.discard)


if __name__ == "__main__":
    asyncio.run(main())
