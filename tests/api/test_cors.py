"""Cross-origin access: to the programmatic routes, from anywhere, and to nothing else."""

import httpx
import pytest

from tests.api.recording import OFFER, SDP, bearer, token

ORIGIN = {"Origin": "https://elsewhere.example"}


async def test_preflights_under_v1_need_no_token(http: httpx.AsyncClient) -> None:
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "DELETE"}
    response = await http.options("/v1/rooms/room", headers=asked)
    assert response.status_code == 204
    assert "Idempotency-Key" in response.headers["access-control-allow-headers"]


@pytest.mark.parametrize("url", ["/whip/room", "/whep/room", "/v1/rooms"])
async def test_refusals_can_be_read_too(http: httpx.AsyncClient, url: str) -> None:
    response = await http.post(url, headers=ORIGIN)
    assert response.status_code == 401
    assert response.headers["access-control-allow-origin"] == "*"
    assert "WWW-Authenticate" in response.headers["access-control-expose-headers"]


async def test_credentials_are_never_allowed(http: httpx.AsyncClient) -> None:
    response = await http.post("/whip/room", content=OFFER, headers=SDP | bearer(token()) | ORIGIN)
    assert response.status_code == 201
    assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize("url", ["/", "/metrics", "/healthz", "/openapi.json", "/v1x", "/whipped/room"])
async def test_nothing_else_is_shared(http: httpx.AsyncClient, url: str) -> None:
    assert "access-control-allow-origin" not in (await http.get(url, headers=ORIGIN)).headers
