"""The API page in a real browser, under the server's own content security policy."""

import pytest
from playwright.async_api import ConsoleMessage, expect

from tests.api.recording import admin_token, settings_for_tests
from tests.api.running import running
from tests.interop.browser import chromium


@pytest.mark.interop
async def test_operations_are_drawn_and_can_be_tried() -> None:
    complaints: list[str] = []

    def complain(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    async with running(settings_for_tests(http="127.0.0.1:0")) as server, chromium() as browser:
        page = await browser.new_page()
        page.on("console", complain)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{server.url}/docs#createRoom")
        operation = page.locator("#createRoom")
        await expect(operation).to_have_attribute("open", "")
        assert await page.locator("details.operation").count() == await page.locator("nav a").count() > 15
        await page.fill("#token", admin_token())
        await operation.get_by_role("button", name="Send").click()
        await expect(operation.locator("form.try + pre")).to_contain_text("201 Created")
        assert "lobby" in server.sfu.rooms.rooms
    assert complaints == []
