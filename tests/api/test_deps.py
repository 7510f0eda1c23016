"""Who is let in: the Authorization header, and what a challenge says."""

import httpx
import pytest

from api.deps import REALM, require
from api.problems import Problem
from tests.api.recording import WallClock, admin_token, token


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        (None, 401, "no-token"),
        ("", 401, "no-token"),
        ("Basic YTpi", 401, "no-token"),
        ("Bearer", 401, "no-token"),
        ("Bearer x.y.z", 401, "invalid-token"),
        (f"Bearer {token()}", 403, "not-permitted"),
        (f"bearer {admin_token()}", 200, None),
    ],
)
async def test_authorization(http: httpx.AsyncClient, header: str | None, status: int, code: str | None) -> None:
    response = await http.get("/v1/rooms", headers={"Authorization": header} if header is not None else {})
    assert (response.status_code, response.json().get("code")) == (status, code)
    assert ("www-authenticate" in response.headers) == (status != 200)


async def test_an_expired_token_says_so(http: httpx.AsyncClient, wall: WallClock) -> None:
    wall.advance(7 * 3600)
    response = await http.get("/v1/rooms", headers={"Authorization": f"Bearer {admin_token()}"})
    assert (response.status_code, response.json()["detail"]) == (401, "The token has expired.")


async def test_a_token_in_the_query_is_no_token(http: httpx.AsyncClient) -> None:
    assert (await http.get("/v1/rooms", params={"access_token": admin_token()})).status_code == 401


def test_a_refusal_names_the_missing_scope() -> None:
    with pytest.raises(Problem) as refusal:
        require(False, "flying")
    assert refusal.value.headers == {"WWW-Authenticate": f'{REALM}, error="insufficient_scope"'}
    assert "flying" in refusal.value.detail
