"""`sluice watch`: receive a room's broadcast and show how well it arrives."""

import asyncio
import random
import re
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from aiortc.mediastreams import MediaStreamTrack
from aiortc.stats import RTCInboundRtpStreamStats
from rich.console import Console
from rich.live import Live

from clients import whep
from clients.backoff import Backoff
from clients.connection import Connection
from clients.media import AudioSink, VideoSink, drain
from clients.signalling import Endpoint, SignallingError, endpoint_url
from clients.watch_table import Figures, summary, table

REFRESH = 0.5
"""Seconds between two looks at the figures."""

CLOCK_RATES = {"audio": 48_000, "video": 90_000}


async def run(
    url: str,
    room: str,
    token: str,
    duration: float | None = None,
    *,
    relay_only: bool = False,
    authority: Path | None = None,
    console: Console | None = None,
) -> int:
    """Watch a room until `duration` seconds are over or for ever, showing a live table.

    relay_only: through the server's TURN even where there is a direct way. authority: certificates to trust besides
    the system's. Joins a room that is not live yet as soon as it is, and again after a session broke. The last line on
    standard output is a JSON summary. Returns the exit status: 0 if pictures or sound came, 1 if nothing did, 2 if the
    certificates cannot be read.
    """
    console = console or Console(stderr=True)
    try:
        watcher = Watcher(url, room, token, relay_only=relay_only, authority=authority)
    except OSError as error:
        console.print(f"[red]cannot read {authority}: {error}")
        return 2
    try:
        with Live(table(room, watcher.figures), console=console) as live:
            async with asyncio.timeout(duration), aclosing(watcher.follow()) as moments:
                async for figures in moments:
                    live.update(table(room, figures))
    except TimeoutError:
        pass
    except SignallingError as error:
        watcher.figures = Figures(state=str(error))
    finally:
        if not console.is_terminal:
            console.print()  # elsewhere the table ends without a line break
        Console().print(summary(room, watcher.figures), soft_wrap=True, markup=False, highlight=False)
    return 0 if watcher.video.frames or watcher.audio.frames else 1


class Watcher:
    """Follows one room's broadcast across sessions and knows its latest figures."""

    def __init__(
        self, url: str, room: str, token: str, *, relay_only: bool = False, authority: Path | None = None
    ) -> None:
        """OSError: the authority's file cannot be read."""
        self._endpoint = Endpoint(endpoint_url(url, "whep", room), token, authority=authority)
        self._relay_only = relay_only
        self._started = time.monotonic()
        self._sessions = 0
        self._drains: set[asyncio.Task[None]] = set()
        self.video, self.audio = VideoSink(), AudioSink()
        self.figures = Figures(state="joining")
        self.connection: Connection | None = None

    async def follow(self) -> AsyncGenerator[Figures, None]:
        """The figures, twice a second, for ever; SignallingError when the server will not have us at all."""
        backoff = Backoff(random.random)
        async with self._endpoint as endpoint:
            while True:
                try:
                    self.connection = await whep.watch(endpoint, self._take, relay_only=self._relay_only)
                except SignallingError as error:
                    if error.permanent:
                        raise
                    self.figures = Figures(state=str(error), frames=self.video.frames, sessions=self._sessions)
                    yield self.figures
                    await asyncio.sleep(backoff.next(error.retry_after))
                    continue
                backoff.reset()
                self._sessions += 1
                try:
                    async with aclosing(self._observe(self.connection)) as moments:
                        async for figures in moments:
                            yield figures
                finally:
                    await self.connection.close()
                    for task in self._drains:
                        task.cancel()

    async def _observe(self, connection: Connection) -> AsyncGenerator[Figures, None]:
        """The figures of one session until it ends."""
        ended = asyncio.ensure_future(connection.ended())
        codecs = negotiated_codecs(connection.session.answer)
        received, at = 0, time.monotonic()
        try:
            while not ended.done():
                await asyncio.wait([ended], timeout=REFRESH)
                before, since, received, at = received, at, await connection.bytes_received(), time.monotonic()
                bitrate_kbps = (received - before) * 8e-3 / max(at - since, 1e-3)
                self.figures = await self._measure(connection, codecs, bitrate_kbps)
                yield self.figures
        finally:
            ended.cancel()

    async def _measure(self, connection: Connection, codecs: str, bitrate_kbps: float) -> Figures:
        packets = lost = 0
        jitter_ms = 0.0
        for stats in (await connection.peer.getStats()).values():
            if isinstance(stats, RTCInboundRtpStreamStats):
                packets += stats.packetsReceived
                lost += max(0, stats.packetsLost)
                jitter_ms = max(jitter_ms, stats.jitter * 1e3 / CLOCK_RATES.get(stats.kind, 90_000))
        first = None if self.video.first_at is None else round((self.video.first_at - self._started) * 1e3, 1)
        width, height = self.video.size or (0, 0)
        return Figures(
            state=connection.peer.connectionState,
            path=connection.path,
            codecs=codecs,
            bitrate_kbps=round(bitrate_kbps, 1),
            frames=self.video.frames,
            fps=round(self.video.rate(), 2),
            width=width,
            height=height,
            packets=packets,
            lost=lost,
            loss_percent=round(100 * lost / max(1, packets + lost), 3),
            jitter_ms=round(jitter_ms, 2),
            audio_frames=self.audio.frames,
            audio_level_db=round(self.audio.level_db, 1),
            first_frame_ms=first,
            sessions=self._sessions,
        )

    def _take(self, track: MediaStreamTrack) -> None:
        task = asyncio.ensure_future(drain(track, self.video, self.audio))
        self._drains.add(task)
        task.add_done_callback(self._drains.discard)


def negotiated_codecs(answer: str) -> str:
    """Names of the codecs an SDP answer keeps, without the repair formats, e.g. "opus VP8 H264"."""
    names = re.findall(r"^a=rtpmap:\d{1,3} ([\w.-]+)/", answer, re.MULTILINE)
    return " ".join(dict.fromkeys(name for name in names if name.lower() not in ("rtx", "red", "ulpfec", "flexfec-03")))
