"""Liveness, readiness, metrics."""

import hmac
from typing import Annotated

from fastapi import APIRouter, Header
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from api.deps import REALM, ContextDep
from api.problems import Problem
from api.readiness import State

router = APIRouter(tags=["Health"])


@router.get("/healthz", operation_id="getHealth", summary="The process is up")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz", operation_id="getReadiness", summary="Traffic should be sent here")
async def readiness(context: ContextDep) -> dict[str, str]:
    state = context.readiness.state
    if state is not State.READY:
        raise Problem(503, "not-ready", f"The server is {state.value}.", retry_after=5)
    return {"status": state.value}


@router.get("/metrics", operation_id="getMetrics", summary="Prometheus metrics", response_class=Response)
async def metrics(context: ContextDep, authorization: Annotated[str, Header(include_in_schema=False)] = "") -> Response:
    expected = context.settings.metrics_token
    if expected is not None:
        given = authorization.encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, f"Bearer {expected.get_secret_value()}".encode()):
            raise Problem(401, "no-token", "Metrics ask for their token.", headers={"WWW-Authenticate": REALM})
    return Response(generate_latest(context.metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
