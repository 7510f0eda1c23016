"""The OpenAPI 3.1 description: what the framework finds out, and that every error is a problem."""

from functools import cache
from importlib import metadata
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from api.schemas import ProblemDetails

DISTRIBUTION = "sluice-sfu"
DESCRIPTION = """\
Publish over WHIP (RFC 9725), watch over WHEP (draft-ietf-wish-whep-04), and manage rooms, participants, what they
publish and receive, and tokens. LiveKit's clients and server SDKs speak their own protocol to the same rooms.

Every request but those for health and metrics carries an access token: a LiveKit-shaped JWT, `Authorization: Bearer …`,
made by `sluice token`, by `POST /v1/tokens`, or by any LiveKit server SDK. Errors are `application/problem+json`.
"""
REFERENCE = "#/components/schemas/{model}"


@cache
def version() -> str:
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:  # run from a checkout
        return "0"


def describe(app: FastAPI) -> None:
    """Make `app.openapi()` give the whole description; it is built once, when first asked for."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = build(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the documented way to extend it


def build(app: FastAPI) -> dict[str, Any]:
    description = get_openapi(title=app.title, version=version(), description=DESCRIPTION, routes=app.routes)
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    for superseded in ("HTTPValidationError", "ValidationError"):
        schemas.pop(superseded, None)
    _, problem = models_json_schema([(ProblemDetails, "serialization")], ref_template=REFERENCE)
    schemas.update(problem["$defs"])
    answer = {
        "description": "A problem",
        "content": {"application/problem+json": {"schema": {"$ref": REFERENCE.format(model="ProblemDetails")}}},
    }
    for operations in description["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = answer
    return description
