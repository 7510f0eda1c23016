"""The Dashboard page in a real browser, over a server with real media."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from playwright.async_api import Page

from api.settings import DEV_KEY, DEV_SECRET
from api.tokens import VideoGrant, mint
from bench.server import ServerProcess
from tests.interop import browser as chrome
from tests.interop.browser import RESULTS
from tests.interop.commands import publishing
from tests.interop.viewing import until_seen, watching
from tests.waiting import eventually

pytestmark = pytest.mark.interop

MARKUP = "<b>alice</b>"
# How many pixels of a chart's canvas are of the first line's colour (`--line-1` of web/src/style/dashboard.css).
_DRAWN = """
canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const [red, green, blue] = [0x0b, 0x72, 0x85];
  let drawn = 0;
  for (let at = 0; at < data.length; at += 4)
    if (data[at] === red && data[at + 1] === green && data[at + 2] === blue) drawn++;
  return drawn;
}
"""


@pytest.fixture
def mortal() -> Iterator[ServerProcess]:
    """A server that may be killed."""
    RESULTS.mkdir(exist_ok=True)
    log = Path(RESULTS / "test_dashboard.mortal.log")
    log.unlink(missing_ok=True)
    with ServerProcess(log) as server:
        yield server


async def test_everybody_in_a_room_is_shown_with_what_their_media_does(server: ServerProcess) -> None:
    async with publishing(server, "busy", MARKUP), dashboard(server, operator()) as page:
        async with watching(server, "busy", "bob") as watcher:
            await until_seen(watcher)
            await eventually(lambda: _listed(page, "busy"), "the room is listed")
            await page.click("[data-room='busy']")
            await eventually(lambda: _flowing(page), "bitrates of both")
            people = {person["identity"]: person for person in (await chrome.figures(page))["participants"]}
            assert {person["kind"] for person in people.values()} == {"publisher", "viewer"}
            assert (people[MARKUP]["layerIn"], people["bob"]["layerOut"]) == (0, 0)
            assert people["bob"]["paths"] == [{"protocol": "udp", "relayed": False}]
            # Markup in a name is text.
            assert await page.inner_text(f"[data-participant='{people[MARKUP]['id']}'] button") == MARKUP
            assert await page.locator("main b").count() == 0
            await page.click(f"[data-participant='{people[MARKUP]['id']}'] button")
            assert await page.locator("#tracks tr").count() == 2
            await eventually(lambda: _drawn(page, "#charts figure:first-child canvas"), "a line in the chart")
            assert await page.locator("#charts .legend li:visible", has_text="Estimated").count() == 0
            await eventually(lambda: _drawn(page, "#server-charts figure:first-child canvas"), "the server's load")
            await chrome.screenshot(page, "dashboard")
            await page.set_viewport_size({"width": 380, "height": 1000})
            await page.emulate_media(color_scheme="dark")
            assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
            await chrome.screenshot(page, "dashboard-narrow-dark")
        await eventually(lambda: _alone(page), "the viewer is gone from the table")


async def test_members_of_a_call_are_shown_with_what_they_send(server: ServerProcess) -> None:
    async with dashboard(server, operator(), query="?room=meeting") as page:
        browser = page.context.browser
        assert browser is not None
        caller = await chrome.open_page(browser, f"{server.url}/call/meeting")
        await caller.fill("#name", "<i>Ada</i>")
        await caller.click("#join:not([disabled])")

        async def sends() -> dict[str, Any] | None:
            people = cast("list[dict[str, Any]]", (await chrome.figures(page))["participants"])
            return next((person for person in people if person["inKbps"] > 0 and person["layerIn"] is not None), None)

        member = await eventually(sends, "a camera", 60.0)
        assert member is not None
        assert (member["kind"], member["name"]) == ("member", "<i>Ada</i>")
        assert {track["source"] for track in member["tracks"]} == {"camera", "microphone"}
        assert await page.inner_text("#people th .hint") == "<i>Ada</i>"
        await page.click("#people button")
        assert await page.locator("main i").count() == 0


async def test_rooms_and_participants_come_page_by_page(server: ServerProcess) -> None:
    headers = {"Authorization": f"Bearer {operator()}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False) as http:
        for number in range(45):
            (await http.post("/v1/rooms", json={"name": f"many-{number:02}"})).raise_for_status()
    async with dashboard(server, operator()) as page:
        seen = set(await eventually(lambda: _rooms(page), "the first page"))
        assert len(seen) == 20
        while await page.is_enabled("#rooms-pages button:last-child"):
            shown = set(await _rooms(page))
            await page.click("#rooms-pages button:last-child")

            async def turned(before: set[str] = shown) -> list[str] | None:
                rooms = await _rooms(page)
                return rooms if before.isdisjoint(rooms) else None

            seen |= set(await eventually(turned, "the next page") or ())
        assert {f"many-{number:02}" for number in range(45)} <= seen


async def test_a_token_that_does_not_do_is_refused_and_another_asked_for(server: ServerProcess) -> None:
    async with dashboard(server, "rubbish", state="failed") as page:
        assert "not a jwt" in (await page.inner_text("#notice")).lower()
        assert not await page.is_visible("#board")
        for wrong in (operator(age=timedelta(hours=7)), server.token("viewer", "busy", watch=True)):
            await page.fill("#token", wrong)
            await page.press("#token", "Enter")
            await chrome.until_state(page, "failed")
        assert "not permit" in await page.inner_text("#notice")
        await page.fill("#token", operator())
        await page.press("#token", "Enter")
        await chrome.until_state(page, "live")
        assert not await page.is_visible("#token-form")
        assert not await page.is_visible("#notice")


async def test_an_administrator_of_one_room_sees_that_room(server: ServerProcess) -> None:
    grant = VideoGrant(room="own", room_admin=True)
    async with publishing(server, "own"), dashboard(server, _minted(grant), query="?room=own") as page:

        async def one() -> bool:
            return len((await chrome.figures(page))["participants"]) == 1

        await eventually(one, "the publisher")
        assert not await page.is_visible("#server")
        assert "does not list rooms" in await page.inner_text("#rooms-hint")
        await page.fill("#room-name", "another")
        await page.press("#room-name", "Enter")

        async def refused() -> bool:
            return "not permit" in await page.inner_text("#notice")

        await eventually(refused, "the other room is refused")


async def test_a_server_that_goes_is_missed_and_one_that_comes_back_is_shown(mortal: ServerProcess) -> None:
    async with dashboard(mortal, operator()) as page:
        await chrome.until_state(page, "live")
        mortal.kill()
        await chrome.until_state(page, "reconnecting")
        assert "does not answer" in await page.inner_text("#notice")
        mortal.start()
        await chrome.until_state(page, "live")
        assert not await page.is_visible("#notice")


async def test_in_dev_mode_no_token_is_needed(server: ServerProcess) -> None:
    async with dashboard(server, None) as page:
        assert (await chrome.figures(page))["server"]["rooms"] >= 0


def operator(age: timedelta = timedelta()) -> str:
    """A token for everything, made so long ago."""
    return _minted(VideoGrant(room_list=True, room_admin=True, room_create=True), age)


def _minted(grant: VideoGrant, age: timedelta = timedelta()) -> str:
    return mint(DEV_KEY, DEV_SECRET, grant, identity="operator", now=datetime.now(UTC) - age)


@asynccontextmanager
async def dashboard(
    server: ServerProcess, token: str | None, *, query: str = "", state: str = "live"
) -> AsyncIterator[Page]:
    """The page, once it is in this state."""
    async with chrome.chromium() as browser:
        fragment = "" if token is None else f"#token={token}"
        page = await chrome.open_page(browser, f"{server.url}/dashboard{query}{fragment}")
        await chrome.until_state(page, state)
        yield page


async def _rooms(page: Page) -> list[str]:
    return cast("list[str]", (await chrome.figures(page)).get("rooms") or [])


async def _listed(page: Page, room: str) -> bool:
    return room in await _rooms(page) and await page.locator(f"[data-room='{room}']").count() == 1


async def _flowing(page: Page) -> bool:
    people = cast("list[dict[str, Any]]", (await chrome.figures(page))["participants"])
    sends = any(person["inKbps"] > 0 and person["layerIn"] is not None for person in people)
    return sends and any(person["outKbps"] > 0 and person["layerOut"] is not None for person in people)


async def _alone(page: Page) -> bool:
    return await page.locator("#people tr").count() == 1


async def _drawn(page: Page, canvas: str) -> bool:
    return cast("int", await page.eval_on_selector(canvas, _DRAWN)) > 5
