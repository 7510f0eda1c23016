"""A bug of ours is answered in order, and without telling anything."""

import logging
from typing import NoReturn

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.failures import Failures
from tests.api.recording import RecordingSfu, admin_token, bearer


def broken() -> NoReturn:
    raise RuntimeError("secret detail")


async def test_it_is_a_problem_with_all_headers(
    http: httpx.AsyncClient, sfu: RecordingSfu, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sfu.rooms, "list", broken)
    with caplog.at_level(logging.ERROR):
        response = await http.get("/v1/rooms", headers=bearer(admin_token()))
    assert (response.status_code, response.json()["code"]) == (500, "internal-error")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["access-control-allow-origin"] == "*"
    assert "secret" not in response.text
    assert "RuntimeError" in caplog.text
    assert admin_token() not in caplog.text


async def test_after_the_answer_began_it_goes_on() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response("begun")(scope, receive, send)
        broken()

    transport = httpx.ASGITransport(Failures(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as http:
        with pytest.raises(RuntimeError, match="secret detail"):
            await http.get("/")
