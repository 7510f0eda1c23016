"""The Call page in a real browser: several tabs of it, and the server between them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.async_api import Browser, Page

from api.settings import DEV_KEY, DEV_SECRET
from api.tokens import VideoGrant, mint
from bench.server import ServerProcess
from tests.interop import browser as chrome
from tests.interop.viewing import broadcast_url, watch_url
from tests.waiting import eventually

pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]

# Markup is what names are made of here: none of it may become elements.
NAMES = {"ada": "Ada Lovelace", "bob": "<b>Bob</b>", "cem": "<img src=x onerror=alert(1)>", "dia": "Dia & Co."}
# Four encoders and a dozen decoders share what cores there are.
PATIENCE = 60.0


async def test_four_tabs_see_each_other_talk_and_part(server: ServerProcess, capture: Path) -> None:
    async with meeting(server, capture, "four", tuple(NAMES)) as pages:
        for identity, page in pages.items():
            for other in pages.keys() - {identity}:
                await chrome.until_numbers_advance(page, picture(other), within=PATIENCE)
            assert await page.locator("#tiles bdi b, #tiles bdi img").count() == 0
        ada, bob = pages["ada"], pages["bob"]
        await chrome.screenshot(ada, "call-four")
        names = await ada.locator("#tiles .tile-name").all_inner_texts()
        assert set(names) == {f"{NAMES['ada']} (you)", *list(NAMES.values())[1:]}

        await bob.click("#mic")
        for page in pages.values():
            await page.wait_for_selector("[data-identity='bob'].muted")
        await bob.click("#mic")
        for page in pages.values():
            await page.wait_for_selector("[data-identity='bob']:not(.muted)")

        text = "<img src=x onerror=alert(1)> <script>alert(2)</script>\nsecond line"
        await bob.click("#chat")
        await bob.fill("#chat-text", text)
        await bob.press("#chat-text", "Enter")
        await pages["dia"].wait_for_selector("#chat-unread:not([hidden])")
        for page in pages.values():
            await page.wait_for_selector("#chat-log li", state="attached")
            assert await page.locator("#chat-log .chat-words").all_text_contents() == [text]
            assert await page.locator("#chat-log img, #chat-log script").count() == 0

        await bob.click("#leave")
        await chrome.until_state(bob, "idle")
        for page in (ada, pages["cem"], pages["dia"]):
            await page.wait_for_selector("[data-identity='bob']", state="detached")
            assert await page.locator("#tiles .tile").count() == 3
        assert "You left" in await bob.inner_text("#notice")
        await bob.click("#join")
        await chrome.until_state(bob, "live")
        await chrome.until_numbers_advance(ada, picture("bob"), within=PATIENCE)


async def test_a_shared_screen_is_large_and_goes_again(server: ServerProcess, capture: Path) -> None:
    async with meeting(server, capture, "screen", ("ada", "bob")) as pages:
        ada, bob = pages["ada"], pages["bob"]
        await bob.click("#screen")
        await ada.wait_for_selector(".tile.large[data-identity='bob'][data-source='screen']")
        await _until_frames(ada, ".tile.large video")
        await chrome.screenshot(ada, "call-screen")
        shared, face = [
            await ada.locator(f".tile{which}").bounding_box() for which in (".large", ":not(.large) >> nth=0")
        ]
        assert shared is not None
        assert face is not None
        assert shared["width"] * shared["height"] > 4 * face["width"] * face["height"]
        await bob.click("#screen")
        await ada.wait_for_selector("[data-source='screen']", state="detached")
        assert await ada.locator(".tile.large").count() == 0


async def test_the_host_mutes_and_removes(server: ServerProcess, capture: Path) -> None:
    async with meeting(server, capture, "hosted", ("ada", "bob"), host="ada") as pages:
        ada, bob = pages["ada"], pages["bob"]
        await bob.click("#people")
        assert await bob.locator("#people-list .host").count() == 0
        await ada.wait_for_selector("[data-identity='bob']:not(.muted)")
        await ada.click("#people")
        await ada.click("#people-list button[title='Mute <b>Bob</b>']")
        await bob.wait_for_selector("#mic[aria-pressed='true']")
        await ada.wait_for_selector("[data-identity='bob'].muted")
        await bob.click("#mic")
        await ada.wait_for_selector("[data-identity='bob']:not(.muted)")
        await ada.click("#people-list button[title='Remove <b>Bob</b>']")
        assert await ada.inner_text("#remove-name") == NAMES["bob"]
        await ada.click("#remove-dialog [value='remove']")
        await chrome.until_state(bob, "idle")
        assert "host removed you" in await bob.inner_text("#notice")
        await ada.wait_for_selector("[data-identity='bob']", state="detached")


async def test_a_broadcast_and_a_call_share_a_room(server: ServerProcess, capture: Path) -> None:
    room = "both"
    async with meeting(server, capture, room, ("ada",)) as pages, chrome.chromium(capture) as browser:
        ada = pages["ada"]
        # By WHEP: whoever is in the call is seen without being in it.
        watch = await chrome.open_page(browser, watch_url(server, room, "eve"))
        await chrome.until_state(watch, "live", PATIENCE)
        await chrome.until_numbers_advance(watch, within=PATIENCE)
        # By WHIP: whoever broadcasts is somebody in the call.
        broadcast = await chrome.open_page(browser, broadcast_url(server, room))
        await chrome.go_live(broadcast)
        await chrome.until_numbers_advance(ada, picture("broadcaster"), within=PATIENCE)
        await _until_people(ada, 2)  # Eve is hidden
        await broadcast.click("#stop")
        await ada.wait_for_selector("[data-identity='broadcaster']", state="detached")


async def test_devices_are_changed_in_the_call(server: ServerProcess, capture: Path) -> None:
    async with meeting(server, capture, "devices", ("ada", "bob")) as pages:
        ada, bob = pages["ada"], pages["bob"]
        await ada.wait_for_selector("#mic[aria-pressed='false']:not(:disabled)")
        await ada.click("#devices")
        choices = await ada.locator("#call-mic option").evaluate_all("options => options.map(({ value }) => value)")
        before = await ada.input_value("#call-mic")
        chosen = next(value for value in choices if value != before)
        await ada.select_option("#call-mic", chosen)
        await ada.click("#devices-dialog [type='submit']")
        await ada.click("#devices")
        assert await ada.input_value("#call-mic") == chosen
        assert await ada.is_hidden("#devices-problem")
        await ada.press("#call-mic", "Escape")
        await bob.wait_for_selector("[data-identity='ada']:not(.muted)")


async def test_a_name_is_chosen_where_the_token_allows(server: ServerProcess, capture: Path) -> None:
    async with meeting(server, capture, "naming", ("ada",)) as pages, chrome.chromium(capture) as browser:
        guest = await chrome.open_page(browser, call_url(server, "naming", "guest", naming=True))
        await guest.fill("#name", "Grace <i>Hopper</i>")
        await _join(guest)
        await pages["ada"].locator("#tiles").get_by_text("Grace <i>Hopper</i>", exact=True).wait_for()


async def test_a_token_that_does_not_open_the_room_is_refused_and_another_asked_for(
    server: ServerProcess, capture: Path
) -> None:
    async with chrome.chromium(capture) as browser:
        page = await chrome.open_page(browser, call_url(server, "elsewhere", "ada").replace("/elsewhere", "/here"))
        await page.wait_for_selector("#token:visible")
        assert "another room" in await page.inner_text("#notice")
        await page.fill(
            "#token", mint("nobody", "secret", VideoGrant(room="here", room_join=True), now=datetime.now(UTC))
        )
        await page.click("#join")
        await chrome.until_state(page, "failed")
        assert "refused this token" in await page.inner_text("#notice")
        await page.fill("#token", call_token("here", "ada"))
        await page.click("#join")
        await chrome.until_state(page, "live")


async def test_a_call_goes_on_after_the_server_was_restarted(server: ServerProcess, capture: Path) -> None:
    async with meeting(server, capture, "restarted", ("ada", "bob")) as pages:
        for page in pages.values():
            await _until_frames(page, ".tile:not(.local) video")
        server.kill()
        for page in pages.values():
            await chrome.until_state(page, "reconnecting")
            assert "Reconnecting" in await page.inner_text("#banner")
        server.start()
        for page, other in ((pages["ada"], "bob"), (pages["bob"], "ada")):
            await chrome.until_state(page, "live", PATIENCE)
            await chrome.until_numbers_advance(page, picture(other), within=PATIENCE)
            assert await page.is_hidden("#banner")


async def test_it_fits_a_phone_in_both_colour_schemes(server: ServerProcess, capture: Path) -> None:
    async with meeting(server, capture, "narrow", ("ada", "bob")) as pages:
        page = pages["ada"]
        await page.set_viewport_size({"width": 380, "height": 760})
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=cast("Any", scheme))
            await _until_frames(page, ".tile:not(.local) video")
            fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
            assert await page.evaluate(fits)
            for name in ("mic", "camera", "devices", "people", "chat", "leave"):
                box = await page.locator(f"#{name}").bounding_box()
                assert box is not None
                assert box["x"] >= 0
                assert box["x"] + box["width"] <= 380
                assert box["y"] + box["height"] <= 760
            await chrome.screenshot(page, f"call-narrow-{scheme}")


@asynccontextmanager
async def meeting(
    server: ServerProcess, capture: Path, room: str, identities: Sequence[str], host: str | None = None
) -> AsyncIterator[dict[str, Page]]:
    """Tabs by identity, all of them in the call and each aware of all."""
    async with chrome.chromium(capture) as browser:
        pages = {identity: await _tab(browser, server, room, identity, identity == host) for identity in identities}
        for page in pages.values():
            await _join(page)
        for page in pages.values():
            await _until_people(page, len(pages))
        yield pages


async def _tab(browser: Browser, server: ServerProcess, room: str, identity: str, host: bool) -> Page:
    return await chrome.open_page(browser, call_url(server, room, identity, host=host))


async def _join(page: Page) -> None:
    # The last to be there of what the lobby opens.
    await page.wait_for_selector("#mic-device option", state="attached")
    await page.click("#join")
    await chrome.until_state(page, "live", PATIENCE)


async def _until_people(page: Page, count: int) -> None:
    async def look() -> bool:
        return len((await chrome.figures(page))["participants"]) == count

    await eventually(look, f"{count} participants", PATIENCE)


async def _until_frames(page: Page, selector: str) -> None:
    """Wait until the picture plays on: its clock, and frames that were shown."""

    async def seen() -> tuple[float, int]:
        script = "video => [video.currentTime, video.getVideoPlaybackQuality().totalVideoFrames]"
        clock, frames = await page.locator(selector).first.evaluate(script)
        return clock, frames

    clock, frames = await seen()

    async def look() -> bool:
        now = await seen()
        return now[0] > clock and now[1] >= frames + 10

    await eventually(look, f"{selector} plays", PATIENCE)


def picture(identity: str) -> str:
    """The video element of somebody's camera."""
    return f"[data-identity='{identity}'][data-source='camera'] video"


def call_token(room: str, identity: str, *, host: bool = False, naming: bool = False) -> str:
    grant = VideoGrant(room=room, room_join=True, room_admin=host, can_update_own_metadata=naming)
    return mint(DEV_KEY, DEV_SECRET, grant, identity=identity, name=NAMES.get(identity, ""), now=datetime.now(UTC))


def call_url(server: ServerProcess, room: str, identity: str, *, host: bool = False, naming: bool = False) -> str:
    """The Call page with its token."""
    return f"{server.url}/call/{room}#token={call_token(room, identity, host=host, naming=naming)}"
