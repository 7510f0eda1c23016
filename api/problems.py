"""Errors as `application/problem+json` (RFC 9457), everywhere.

`code` is stable and for programs; `title` and `detail` are for people.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import ceil

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from sfu.errors import Conflict, Malformed, NotFound, Overloaded, Rejected, SfuError

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:sluice:problem:"
MAX_FAULTS = 20
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

# What the data layer refuses, by the kind of refusal and, where a kind is too coarse, by its code.
STATUS_BY_KIND: Mapping[type[SfuError], int] = {
    Malformed: 400,
    Rejected: 422,
    NotFound: 404,
    Conflict: 409,
    Overloaded: 503,
}
STATUS_BY_CODE: Mapping[str, int] = {"stale-etag": 412}

# Codes for what the framework itself refuses.
CODE_BY_STATUS: Mapping[int, str] = {
    400: "malformed-request",
    404: "not-found",
    405: "method-not-allowed",
    422: "invalid-request",
}


class Problem(HTTPException):
    """An answer that is an error."""

    def __init__(
        self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, retry_after: float = 0
    ) -> None:
        extra = dict(headers or {})
        if retry_after > 0:
            extra["Retry-After"] = str(ceil(retry_after))
        super().__init__(status, detail, extra)
        self.code = code


def problem_response(
    status: int,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Mapping[str, str]] = (),
) -> Response:
    body: dict[str, object] = {
        "type": TYPE_PREFIX + code,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if errors:
        body["errors"] = list(errors)
    return JSONResponse(body, status, {"Cache-Control": "no-store"} | dict(headers or {}), MEDIA_TYPE)


def sfu_problem(error: SfuError) -> Problem:
    """The answer for what the data layer refused."""
    status = STATUS_BY_CODE.get(error.code) or next(
        (status for kind, status in STATUS_BY_KIND.items() if isinstance(error, kind)), 422
    )
    detail = error.detail[:1].upper() + error.detail[1:].removesuffix(".") + "."
    return Problem(status, error.code, detail, retry_after=getattr(error, "retry_after", None) or 0)


def install(app: FastAPI) -> None:
    """Give every error the app expects this shape; `api.failures` does so for the others."""
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(SfuError, _on_sfu_error)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 — by registration
    headers = dict(error.headers or {})
    if isinstance(error, Problem):
        return problem_response(error.status_code, error.code, error.detail, headers)
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_allowed_methods(request))
    code = CODE_BY_STATUS.get(error.status_code, "http-error")
    return problem_response(error.status_code, code, str(error.detail), headers)


async def _on_sfu_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, SfuError)  # noqa: S101 — by registration
    return await _on_http_exception(request, sfu_problem(error))


async def _on_invalid_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 — by registration
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return problem_response(400, "malformed-json", "The body is not JSON.")
    # The input itself is not echoed: it may hold secrets, and it is as large as the caller likes.
    errors = [
        {"pointer": "/".join(map(str, fault["loc"])), "detail": fault["msg"].removeprefix("Value error, ")}
        for fault in faults[:MAX_FAULTS]
    ]
    summary = "; ".join(f"{fault['pointer']}: {fault['detail']}" for fault in errors)
    return problem_response(422, "invalid-request", summary[:1000], errors=errors)


def _allowed_methods(request: Request) -> list[str]:
    """RFC 9110, 15.5.6: a 405 names every method the resource has; each is found out by asking the router for it."""
    return [
        method
        for method in METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    ]
