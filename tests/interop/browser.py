"""A real Chromium with fake devices, and what can be seen of its pages from outside."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from playwright.async_api import Browser, Page, async_playwright

from clients import pattern
from clients.testsrc import TestPicture
from tests.waiting import eventually

RESULTS = Path(__file__).parents[2] / "test-results"
"""Where screenshots go."""

EXECUTABLE = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
CAPTURE_FRAMES = 90
"""Frames of the numbered picture that Chromium's fake camera plays in a loop."""

# Means of the middle of every cell of the strip that `clients.pattern` paints, read from the picture on the screen.
_READ_LEVELS = """
([selector, cells, share]) => {
  const video = document.querySelector(selector);
  if (!video || !video.videoWidth || video.readyState < 2) return null;
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(video, 0, 0);
  const strip = Math.floor(canvas.height * share);
  const top = Math.floor(strip / 4), rows = Math.max(1, Math.floor(strip * 3 / 4) - top);
  return Array.from({ length: cells }, (_, index) => {
    const left = Math.floor(index * canvas.width / cells), right = Math.floor((index + 1) * canvas.width / cells);
    const inset = Math.floor((right - left) / 4), width = Math.max(1, right - left - 2 * inset);
    const pixels = context.getImageData(left + inset, top, width, rows).data;
    let total = 0;
    for (let at = 0; at < pixels.length; at += 4) total += pixels[at + 1];
    return total * 4 / pixels.length;
  });
}
"""


@asynccontextmanager
async def chromium(
    capture: Path | None = None, *, executable: str | Path = EXECUTABLE, home: Path | None = None
) -> AsyncIterator[Browser]:
    """A browser whose camera shows `capture` (a .y4m file), else Chromium's own test picture."""
    arguments = [*ARGUMENTS, *([f"--use-file-for-fake-video-capture={capture}"] if capture else [])]
    async with async_playwright() as playwright:
        environment: dict[str, str | float | bool] = {**os.environ, **({"HOME": str(home)} if home else {})}
        browser = await playwright.chromium.launch(executable_path=executable, args=arguments, env=environment)
        try:
            yield browser
        finally:
            await browser.close()


def write_capture(path: Path, width: int = 640, height: int = 360) -> None:
    """The numbered test picture as a YUV4MPEG2 file for the fake camera."""
    picture = TestPicture(width, height)
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F30:1 Ip A1:1 C420jpeg\n".encode())
        for number in range(CAPTURE_FRAMES):
            file.write(b"FRAME\n" + b"".join(picture.planes(number)))


async def open_page(browser: Browser, url: str) -> Page:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    await page.goto(url)
    return page


async def frame_number(page: Page, selector: str = "video") -> int | None:
    """The time code in the picture a video element shows, or None."""
    levels = await page.evaluate(_READ_LEVELS, [selector, pattern.CELLS, pattern.STRIP_HEIGHT])
    return None if levels is None else pattern.number(levels)


async def figures(page: Page) -> dict[str, Any]:
    """What the page says of itself: `window.sluice.stats`."""
    return cast("dict[str, Any]", await page.evaluate("() => ({ ...window.sluice.stats })"))


async def state(page: Page) -> str:
    return cast("str", await page.evaluate("() => window.sluice.state"))


async def session(page: Page) -> str | None:
    """The page's session URL."""
    return cast("str | None", await page.evaluate("() => window.sluice.session"))


async def go_live(page: Page) -> None:
    """Press "Go live" on a Broadcast page and wait until it is."""
    await page.click("#go-live")
    await until_state(page, "live")


async def until_state(page: Page, wanted: str, within: float = 20.0) -> None:
    async def look() -> bool:
        return await state(page) == wanted

    await eventually(look, f"the page is {wanted}", within)


async def until_playing(page: Page, within: float = 20.0) -> None:
    """Wait until decoded frames advance."""
    first = (await figures(page)).get("framesDecoded") or 0

    async def look() -> bool:
        return ((await figures(page)).get("framesDecoded") or 0) >= first + 20

    await eventually(look, "decoded frames advance", within)


async def until_numbers_advance(
    page: Page, selector: str = "video", distinct: int = 3, within: float = 20.0
) -> set[int]:
    """Wait until so many different time codes have been read from the screen; they."""
    seen: set[int] = set()

    async def look() -> bool:
        number = await frame_number(page, selector)
        if number is not None:
            seen.add(number)
        return len(seen) >= distinct

    await eventually(look, f"{distinct} different time codes on the screen", within)
    return seen


async def screenshot(page: Page, name: str) -> None:
    """Keep a picture of the page in test-results/."""
    RESULTS.mkdir(exist_ok=True)
    await page.screenshot(path=RESULTS / f"{name}.png")
