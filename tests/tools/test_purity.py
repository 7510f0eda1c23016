"""The promise of [P], on sources that keep and break it."""

import pytest

from tools.purity import impure_python, impure_rust


@pytest.mark.parametrize(
    ("source", "reached"),
    [
        ("import struct\nfrom collections import deque\n", set()),
        ("import asyncio\n", {"asyncio"}),
        ("from os import path\n", {"os"}),
        ("def f():\n    import socket\n", {"socket"}),
        ("from datetime import datetime\ndef f():\n    return datetime.now()\n", {"now"}),
        ("from datetime import datetime\ndef f(now: datetime):\n    return now\n", set()),
        ("from . import time\n", set()),
        ("async def f(channel):\n    await channel.get()\n", {"async def"}),
        ("class Channel(Protocol):\n    async def get(self) -> bytes: ...\n", set()),
    ],
)
def test_python(source: str, reached: set[str]) -> None:
    assert impure_python(source) == reached


@pytest.mark.parametrize(
    ("source", "reached"),
    [
        ("use core::time::Duration;\nuse std::net::SocketAddr;\n", set()),
        ("use std::net::UdpSocket;\n", {"UdpSocket"}),
        ("// SystemTime is for the shell\nuse crate::time::Instant;\n", set()),
        ("fn f() { unsafe { g() } }\n", {"unsafe"}),
        ("fn f() {}\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n", set()),
        ("let id = std::thread::current();\n", {"std::thread"}),
    ],
)
def test_rust(source: str, reached: set[str]) -> None:
    assert impure_rust(source) == reached
