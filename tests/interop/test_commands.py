"""`sluice publish` and `sluice watch` against the running server."""

import asyncio
import json
from fractions import Fraction
from pathlib import Path

import av
import pytest

from bench.server import ServerProcess
from clients.testsrc import TestPicture
from tests.interop.commands import publishing, sluice

pytestmark = pytest.mark.interop


async def test_watch_shows_what_publish_sends(server: ServerProcess) -> None:
    async with publishing(server, "commands"):
        status, summary = await _watch(server, "commands", 10)
    assert status == 0
    assert summary["frames"] > 60
    assert (summary["width"], summary["height"]) == (640, 360)
    assert summary["bitrate_kbps"] > 20
    assert summary["lost"] == 0
    assert summary["audio_level_db"] > -40
    assert summary["sessions"] == 1


async def test_a_file_is_published(server: ServerProcess, tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    picture = TestPicture(320, 184)
    with av.open(film, "w") as output:
        stream = output.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 184, "yuv420p"
        for number in range(60):
            frame = picture.frame(number)
            frame.pts, frame.time_base = number, Fraction(1, 30)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    token = server.token("publisher", "film", publish=True)
    async with sluice("publish", "film", str(film), "--url", server.url, "--token", token):
        status, summary = await _watch(server, "film", 10)
    assert status == 0
    assert (summary["width"], summary["height"]) == (320, 184)


async def test_watching_nothing_fails(server: ServerProcess) -> None:
    status, summary = await _watch(server, "nobody", 3)
    assert status == 1
    assert summary["frames"] == 0


async def _watch(server: ServerProcess, room: str, seconds: float) -> tuple[int | None, dict[str, float]]:
    """Exit status and summary of `sluice watch`."""
    token = server.token("watcher", room, watch=True)
    arguments = ("watch", room, "--url", server.url, "--token", token, "--duration", str(seconds))
    async with sluice(*arguments) as command:
        output, _ = await asyncio.wait_for(command.communicate(), seconds + 30)
        summary: dict[str, float] = json.loads(output.decode().strip().splitlines()[-1])
        return command.returncode, summary
