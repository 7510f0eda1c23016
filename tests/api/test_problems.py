"""Errors have one shape."""

import httpx
import pytest

from api.problems import sfu_problem
from sfu.errors import Conflict, Malformed, NotFound, Overloaded, Rejected, SfuError


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (Malformed("malformed-sdp", "line 3"), 400, None),
        (Rejected("no-media", "nothing to forward"), 422, None),
        (NotFound("room-not-found", "no"), 404, None),
        (Conflict("not-live", "no", retry_after=2), 409, "2"),
        (Conflict("room-exists", "no"), 409, None),
        (Overloaded("room-full", "no", retry_after=0.2), 503, "1"),
        (Rejected("stale-etag", "no"), 412, None),
    ],
)
def test_what_the_sfu_refuses(error: SfuError, status: int, retry_after: str | None) -> None:
    problem = sfu_problem(error)
    assert (problem.status_code, problem.code) == (status, error.code)
    assert (problem.headers or {}).get("Retry-After") == retry_after
    assert problem.detail == error.detail.capitalize() + "."


async def test_a_problem_names_itself(http: httpx.AsyncClient) -> None:
    problem = (await http.get("/nothing")).json()
    assert problem == {
        "type": "urn:sluice:problem:not-found",
        "title": "Not Found",
        "status": 404,
        "code": "not-found",
        "detail": "Not Found",
    }
