"""What calls of the REST API can end in."""

import json
from collections.abc import Sequence

import httpx


class ApiError(Exception):
    """The server's answer is a problem (RFC 9457). `code` is for programs, `detail` for people; `errors` says what is
    wrong in which place of the request. retry_after: seconds.
    """

    def __init__(
        self, status: int, code: str, detail: str, errors: Sequence[str] = (), retry_after: float | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after = retry_after


class UnreachableError(Exception):
    """There was no answer."""


def api_error(response: httpx.Response) -> ApiError:
    """Also for what something between us and the server answers."""
    try:
        problem = response.json()
    except (ValueError, RecursionError):
        problem = None
    if not isinstance(problem, dict):
        problem = {}
    faults = problem.get("errors")
    return ApiError(
        response.status_code,
        str(problem.get("code", "http-error")),
        str(problem.get("detail", response.reason_phrase)),
        [json.dumps(fault) for fault in faults] if isinstance(faults, list) else (),
        _seconds(response.headers.get("retry-after", "")),
    )


def _seconds(header: str) -> float | None:
    """RFC 9110, 10.2.3; dates are not read."""
    return float(header) if header.isascii() and header.isdigit() and len(header) < 10 else None
