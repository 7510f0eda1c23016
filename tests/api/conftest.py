"""An app over a recording SFU, and what tests need to talk to it."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.settings import Settings
from tests.api.recording import RecordingSfu, WallClock, settings_for_tests


@pytest.fixture
def wall() -> WallClock:
    return WallClock()


@pytest.fixture
def settings() -> Settings:
    return settings_for_tests()


@pytest.fixture
def sfu(wall: WallClock) -> RecordingSfu:
    return RecordingSfu(wall.now)


@pytest.fixture
def app(settings: Settings, sfu: RecordingSfu, wall: WallClock) -> FastAPI:
    return create_app(settings, sfu, clock=wall.monotonic, now=wall.now)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://testserver") as client,
    ):
        yield client
