"""Publishers that are not our pages: FFmpeg and aiortc; and publishers that go and come back."""

import pytest

from bench.server import ServerProcess
from tests.interop import browser as chrome
from tests.interop.commands import ffmpeg_publishing, publishing
from tests.interop.viewing import until_heard, until_seen, watch_url, watching

pytestmark = pytest.mark.interop


async def test_ffmpeg_publishes_h264_and_both_kinds_of_viewers_decode_it(server: ServerProcess) -> None:
    room = "ffmpeg"
    async with ffmpeg_publishing(server, room, seconds=45), watching(server, room) as watcher:
        await until_seen(watcher)
        await until_heard(watcher)
        async with chrome.chromium() as browser:
            page = await chrome.open_page(browser, watch_url(server, room, "chromium"))
            await chrome.until_playing(page)
            await chrome.until_numbers_advance(page)
            assert "h264" in str((await chrome.figures(page))["codec"]).lower()
            await chrome.screenshot(page, "watch-ffmpeg")


async def test_aiortc_publishes_vp8_and_chromium_watches(server: ServerProcess) -> None:
    room = "aiortc"
    async with publishing(server, room), chrome.chromium() as browser:
        page = await chrome.open_page(browser, watch_url(server, room, "chromium"))
        await chrome.until_playing(page)
        await chrome.until_numbers_advance(page)
        assert "vp8" in str((await chrome.figures(page))["codec"]).lower()


async def test_a_killed_publisher_returns_and_viewers_keep_their_sessions(server: ServerProcess) -> None:
    room = "returns"
    async with chrome.chromium() as browser, watching(server, room) as watcher:
        async with publishing(server, room):
            page = await chrome.open_page(browser, watch_url(server, room, "chromium"))
            await chrome.until_playing(page)
            await until_seen(watcher)
            session = await chrome.session(page)
        # Leaving the block above killed the publisher without a word.
        async with publishing(server, room):
            await until_seen(watcher, frames=30)
            await chrome.until_playing(page)
            await chrome.until_numbers_advance(page)
        assert watcher.figures.sessions == 1
        assert await chrome.session(page) == session
