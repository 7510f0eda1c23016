"""A server that calls can be made on."""

from collections.abc import AsyncIterator

import pytest

from tests.api.livekit.calling import Server, serving


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as running:
        yield running
