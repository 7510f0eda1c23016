"""Whole sessions with another program's stack at the far end: publish, watch, and what the commands make of them."""

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiortc.mediastreams import MediaStreamTrack
from rich.console import Console
from starlette.responses import Response

from clients import publish, watch, whep, whip
from clients.media import AudioSink, VideoSink, drain, open_source
from clients.signalling import Endpoint, SignallingError, endpoint_url
from tests.clients.peer_server import TOKEN, PeerServer
from tests.waiting import eventually


@pytest.fixture
async def server() -> AsyncIterator[PeerServer]:
    async with PeerServer().running() as server:
        yield server


@pytest.mark.parametrize("codec", ["vp8", "h264"])
async def test_what_is_published_arrives(server: PeerServer, codec: str) -> None:
    async def seen() -> bool:
        return server.video.number() is not None and server.audio.level_db > -30

    async with Endpoint(endpoint_url(server.url, "whip", "demo"), TOKEN) as endpoint:
        tracks = open_source("testsrc")
        connection = await whip.publish(endpoint, tracks, codec)
        names = watch.negotiated_codecs(connection.session.answer).lower().split()
        assert names == [codec, "opus", "g722", "pcmu", "pcma"][: len(names)]
        await eventually(seen, "numbered pictures and sound")
        assert await connection.bytes_sent() > 0
        await connection.close()
        for track in tracks:
            track.stop()
    assert server.requests[-1] == ("DELETE", "/whip/demo/session-1")
    assert not server.sessions


async def test_an_unknown_codec_is_refused() -> None:
    async with Endpoint("http://127.0.0.1:9/whip/demo", "") as endpoint:
        with pytest.raises(ValueError, match="vp8, h264"):
            await whip.publish(endpoint, [], "av1")


async def test_a_viewer_sees_and_hears(server: PeerServer) -> None:
    video, audio = VideoSink(), AudioSink()
    drains: list[asyncio.Task[None]] = []

    def take(track: MediaStreamTrack) -> None:
        drains.append(asyncio.ensure_future(drain(track, video, audio)))

    async def seen() -> bool:
        return video.number() is not None and audio.level_db > -30

    async with Endpoint(endpoint_url(server.url, "whep", "demo"), TOKEN) as endpoint:
        connection = await whep.watch(endpoint, take)
        await eventually(seen, "numbered pictures and sound")
        await connection.close()
        await asyncio.gather(*drains)


async def test_a_useless_answer_ends_the_session(server: PeerServer) -> None:
    server.refusals.append(Response("v=0\r\nm=video", 201, {"Location": "/whep/demo/x"}, media_type="application/sdp"))
    async with Endpoint(endpoint_url(server.url, "whep", "demo"), TOKEN) as endpoint:
        with pytest.raises(SignallingError, match="cannot be used"):
            await whep.watch(endpoint, lambda track: None)
    assert server.requests[-1] == ("DELETE", "/whep/demo/x")


async def test_a_connection_says_which_way_it_goes(server: PeerServer) -> None:
    async with Endpoint(endpoint_url(server.url, "whep", "demo"), TOKEN) as endpoint:
        connection = await whep.watch(endpoint, lambda track: None)
        assert connection.path == "direct udp"
        await connection.close()


async def test_without_a_relay_there_is_no_relayed_session(server: PeerServer) -> None:
    async with Endpoint(endpoint_url(server.url, "whep", "demo"), TOKEN) as endpoint:
        with pytest.raises(SignallingError, match="offers no relay"):
            await whep.watch(endpoint, lambda track: None, relay_only=True)
    assert server.requests == []


async def test_certificates_that_cannot_be_read_end_a_command(tmp_path: Path) -> None:
    said = io.StringIO()
    missing, console = tmp_path / "missing.pem", Console(file=said, width=200)
    assert await publish.run("https://x", "demo", TOKEN, "testsrc", authority=missing, console=console) == 2
    assert await watch.run("https://x", "demo", TOKEN, authority=missing, console=console) == 2
    assert said.getvalue().count("cannot read") == 2


async def test_publish_runs_for_its_time(server: PeerServer) -> None:
    status = await publish.run(server.url, "demo", TOKEN, "testsrc", 3.0, console=Console(file=io.StringIO()))
    assert status == 0
    assert server.video.frames > 10
    assert server.requests[-1] == ("DELETE", "/whip/demo/session-1")


async def test_publish_says_what_is_wrong(server: PeerServer) -> None:
    said = io.StringIO()
    console = Console(file=said, width=200)
    assert await publish.run(server.url, "demo", TOKEN, "no-such-file.mp4", 1.0, console=console) == 2
    assert await publish.run(server.url, "demo", "wrong", "testsrc", 5.0, console=console) == 1
    assert "cannot play no-such-file.mp4" in said.getvalue()
    assert "the token is not valid" in said.getvalue()


async def test_watch_waits_until_the_room_is_live(server: PeerServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.refusals += [Response(status_code=409, headers={"Retry-After": "1"}), Response(status_code=503)]
    assert await watch.run(server.url, "demo", TOKEN, 8.0, console=Console(file=io.StringIO())) == 0
    read = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert read["watch"] == "demo"
    assert read["frames"] > 20
    assert (read["width"], read["height"]) == (640, 360)
    assert read["audio_level_db"] > -30
    assert read["sessions"] == 1
    assert read["first_frame_ms"] > 1_000


async def test_watch_fails_when_nothing_comes(server: PeerServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert await watch.run(server.url, "demo", "wrong", 5.0, console=Console(file=io.StringIO())) == 1
    assert "the token is not valid" in json.loads(capsys.readouterr().out.splitlines()[-1])["state"]


async def test_watch_joins_again_when_the_session_is_gone(server: PeerServer) -> None:
    watcher = watch.Watcher(server.url, "demo", TOKEN)

    async def follow() -> None:
        async for figures in watcher.follow():
            if figures.sessions == 2 and figures.fps > 5:
                return

    async def playing() -> bool:
        return watcher.video.frames > 0

    following = asyncio.ensure_future(follow())
    await eventually(playing, "the first session plays")
    await server.end("session-1")
    await asyncio.wait_for(following, 30)


async def test_publish_goes_on_with_its_picture_when_the_session_is_gone(server: PeerServer) -> None:
    async def playing() -> bool:
        return server.video.number() is not None

    publishing = asyncio.ensure_future(
        publish.run(server.url, "demo", TOKEN, "testsrc", console=Console(file=io.StringIO()))
    )
    await eventually(playing, "the first session plays")
    await server.end("session-1")
    server.video.last = None
    await eventually(playing, "the second session plays", within=40)
    assert list(server.sessions) == ["session-2"]
    publishing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await publishing
