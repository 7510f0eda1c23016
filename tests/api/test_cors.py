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


@pytest.mark.parametrize("url", ["/rtc/validate", "/rtc/v1/validate", "/rtc/nothing"])
async def test_livekits_clients_can_read_why_they_are_not_let_in(http: httpx.AsyncClient, url: str) -> None:
    response = await http.get(url, headers=ORIGIN)
    assert response.status_code in {401, 404}
    assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_livekits_clients_can_see_that_the_server_is_there(http: httpx.AsyncClient, method: str) -> None:
    response = await http.request(method, "/", headers=ORIGIN)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "*"


async def test_credentials_are_never_allowed(http: httpx.AsyncClient) -> None:
    response = await http.post("/whip/room", content=OFFER, headers=SDP | bearer(token()) | ORIGIN)
    assert response.status_code == 201
    assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize("url", ["/metrics", "/healthz", "/openapi.json", "/v1x", "/whipped/room"])
async def test_nothing_else_is_shared(http: httpx.AsyncClient, url: str) -> None:
    assert "access-control-allow-origin" not in (await http.get(url, headers=ORIGIN)).headers
