"""The network check in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.async_api import Browser, Page

from bench.server import ServerProcess
from tests.interop import browser as chrome
from tests.interop.browser import RESULTS
from tests.waiting import eventually

pytestmark = pytest.mark.interop

ROOM = "network-check"
# Five ways, of which those that fail take seven seconds each.
PATIENCE = 60.0


@pytest.fixture(scope="module")
def loopback() -> Iterator[ServerProcess]:
    """A server that announces the loopback alone."""
    RESULTS.mkdir(exist_ok=True)
    log = RESULTS / "test_network_page.loopback.log"
    log.unlink(missing_ok=True)
    with ServerProcess(log, arguments=("--public-ip", "127.0.0.1")) as server:
        yield server


async def test_every_way_that_the_server_offers_works(loopback: ServerProcess, capture: Path) -> None:
    async with chrome.chromium(capture) as browser:
        page = await _checked(browser, loopback)
        found = await _findings(page)
        assert {leg: finding["status"] for leg, finding in found.items()} == {
            "server": "ok",
            "stun": "ok",
            "nat": "skipped",
            "direct udp": "ok",
            "direct tcp": "ok",
            "relay udp": "ok",
            "relay tcp": "ok",
            "relay tls": "skipped",
        }
        ways = [finding for leg, finding in found.items() if leg.startswith(("direct", "relay"))]
        assert all(finding["setupMs"] > 0 and "roundTripMs" in finding for finding in ways if finding["status"] == "ok")
        assert "Serve TLS, best on 443" in await page.inner_text("[data-leg='relay tls']")
        assert "4 of 5 ways" in await page.inner_text("#verdict")
        await chrome.screenshot(page, "network")
        await page.set_viewport_size({"width": 380, "height": 1000})
        await page.emulate_media(color_scheme="dark")
        assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        await chrome.screenshot(page, "network-narrow-dark")


async def test_a_token_that_may_not_publish_is_refused_and_another_asked_for(
    loopback: ServerProcess, capture: Path
) -> None:
    token = loopback.token("viewer", "elsewhere", watch=True)
    async with chrome.chromium(capture) as browser:
        page = await chrome.open_page(browser, f"{loopback.url}/network#token={token}")
        await _done(page)
        assert (await _findings(page))["server"]["fault"] == "refused"
        await page.fill("#token", loopback.token("checker", ROOM, publish=True))
        await page.press("#token", "Enter")
        await _done(page, "direct udp")
        assert (await _findings(page))["direct udp"]["status"] == "ok"


async def _checked(browser: Browser, server: ServerProcess) -> Page:
    token = server.token("checker", ROOM, publish=True)
    page = await chrome.open_page(browser, f"{server.url}/network#token={token}")
    await _done(page)
    return page


async def _done(page: Page, leg: str = "server") -> None:
    async def look() -> bool:
        return await chrome.state(page) == "done" and leg in await _findings(page)

    await eventually(look, "the check is done", PATIENCE)


async def _findings(page: Page) -> dict[str, dict[str, Any]]:
    """By leg."""
    found = cast("list[dict[str, Any]]", (await chrome.figures(page))["findings"])
    return {finding["leg"]: finding for finding in found}
