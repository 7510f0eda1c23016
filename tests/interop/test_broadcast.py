"""From the Broadcast page to Watch pages, in a real browser."""

import asyncio
import os
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page

from bench.server import ServerProcess
from tests.interop import browser as chrome
from tests.interop.viewing import broadcast_url, until_heard, until_seen, watch_url, watching
from tests.waiting import eventually

pytestmark = pytest.mark.interop


async def test_one_page_publishes_and_three_pages_show_its_picture(server: ServerProcess, capture: Path) -> None:
    async with chrome.chromium(capture) as browser:
        broadcast = await chrome.open_page(browser, broadcast_url(server, "three"))
        await chrome.go_live(broadcast)
        pages = [await chrome.open_page(browser, watch_url(server, "three", f"viewer-{n}")) for n in range(3)]
        for number, page in enumerate(pages):
            await chrome.until_state(page, "live")
            await chrome.until_playing(page)
            await chrome.until_numbers_advance(page)
            await _until_sound(page)
            await chrome.screenshot(page, f"watch-{number}")
        await chrome.screenshot(broadcast, "broadcast")
        figures = await chrome.figures(broadcast)
        assert figures["framesEncoded"] > 0
        async with watching(server, "three") as watcher:
            await until_seen(watcher)
            await until_heard(watcher)


async def test_a_viewer_waits_for_the_broadcast_and_a_late_one_has_a_picture_at_once(
    server: ServerProcess, capture: Path
) -> None:
    room = "late"
    offer = {"Authorization": f"Bearer {server.token('early', room, watch=True)}", "Content-Type": "application/sdp"}
    async with chrome.chromium(capture) as browser, httpx.AsyncClient(trust_env=False) as http:
        early = await chrome.open_page(browser, watch_url(server, room, "early"))
        await chrome.until_state(early, "waiting")
        sdp = await early.evaluate(
            """async () => {
                const peer = new RTCPeerConnection();
                peer.addTransceiver("video", { direction: "recvonly" });
                const offer = await peer.createOffer();
                peer.close();
                return offer.sdp;
            }"""
        )
        response = await http.post(f"{server.url}/whep/{room}", headers=offer, content=sdp)
        assert response.status_code == httpx.codes.CONFLICT
        assert int(response.headers["retry-after"]) >= 1
        broadcast = await chrome.open_page(browser, broadcast_url(server, room))
        await chrome.go_live(broadcast)
        await chrome.until_state(early, "live")
        await chrome.until_playing(early)
        await asyncio.sleep(3.0)  # well into the stream, far from its first keyframe
        started = asyncio.get_running_loop().time()
        async with watching(server, room, "late") as watcher:
            await until_seen(watcher, frames=1)
        assert asyncio.get_running_loop().time() - started < 6.0
        assert watcher.figures.sessions == 1


async def test_the_server_holds_one_udp_port(server: ServerProcess, capture: Path) -> None:
    async with chrome.chromium(capture) as browser:
        broadcast = await chrome.open_page(browser, broadcast_url(server, "ports"))
        await chrome.go_live(broadcast)
        async with watching(server, "ports") as watcher:
            await until_seen(watcher)
            assert _udp_ports(server.pid) == {server.media_port}


async def _until_sound(page: Page) -> None:
    async def energy() -> float:
        return float((await chrome.figures(page)).get("audioEnergy") or 0.0)

    before = await energy()

    async def look() -> bool:
        return await energy() > before

    await eventually(look, "audio energy grows")


def _udp_ports(pid: int) -> set[int]:
    """Local ports of the process's UDP sockets (proc(5): fd, net/udp and net/udp6)."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        target = os.readlink(link)
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    ports = set()
    for table in ("udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports
