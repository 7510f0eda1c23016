"""Bodies with a limit on size and time."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request

from api import problems
from api.bodies import BoundedBodies, declared_length, read_text


def app_with(limit: int, timeout: float) -> FastAPI:
    app = FastAPI()
    problems.install(app)
    app.add_middleware(BoundedBodies, limit=limit, timeout=timeout)

    @app.post("/")
    async def echo(request: Request) -> str:
        return await read_text(request, 100)

    @app.post("/json")
    async def json(body: list[int]) -> int:
        return len(body)

    return app


def client(limit: int = 1000, timeout: float = 30.0) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app_with(limit, timeout)), base_url="http://testserver")


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def silence() -> AsyncIterator[bytes]:
    yield b"beginning"
    await asyncio.Event().wait()


async def test_text_is_read_whole() -> None:
    async with client() as http:
        assert (await http.post("/", content=chunks("hé".encode(), b"llo"))).json() == "héllo"


@pytest.mark.parametrize("path", ["/", "/json"])
async def test_too_much_is_413_announced_or_not(path: str) -> None:
    async with client() as http:
        for content in (b"[" + b"1," * 600 + b"1]", chunks(b"[" + b"1," * 300, b"1," * 300, b"1]")):
            response = await http.post(path, content=content)
            assert (response.status_code, response.json()["code"]) == (413, "body-too-large")


async def test_the_handlers_own_limit_is_lower() -> None:
    async with client() as http:
        assert (await http.post("/", content=b"x" * 100)).status_code == 200
        assert (await http.post("/", content=b"x" * 101)).status_code == 413
        assert (await http.post("/", content=chunks(b"x" * 60, b"x" * 60))).status_code == 413


@pytest.mark.parametrize("path", ["/", "/json"])
async def test_a_body_that_does_not_come_is_408(path: str) -> None:
    async with client(timeout=0.05) as http:
        response = await http.post(path, content=silence())
        assert (response.status_code, response.json()["code"]) == (408, "body-timeout")


@pytest.mark.parametrize(
    ("text", "length"), [("5", 5), ("", None), ("-5", None), ("+5", None), ("٣", None), ("9" * 30, None)]
)
def test_declared_lengths(text: str, length: int | None) -> None:
    headers = [(b"content-length", text.encode("latin-1", "replace"))] if text else []
    assert declared_length(Request({"type": "http", "headers": headers})) == length
