"""Waiting for a condition, with a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.1


async def eventually(look: Callable[[], Awaitable[T]], what: str, within: float = 20.0) -> T:
    """Look again and again until what is seen is truthy, and return it. AssertionError: it did not come in time."""
    deadline = time.monotonic() + within
    while True:
        seen = await look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:.0f} s: {what}; last seen: {seen!r}")
        await asyncio.sleep(POLL_SECONDS)
