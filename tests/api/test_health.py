"""Liveness and readiness."""

import httpx

from api.app import create_app
from tests.api.recording import RecordingSfu, settings_for_tests


async def test_readyz_fails_while_draining(sfu: RecordingSfu) -> None:
    app = create_app(settings_for_tests(), sfu)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as http:
        assert (await http.get("/readyz")).status_code == 503
        async with app.router.lifespan_context(app):
            assert (await http.get("/readyz")).json() == {"status": "ready"}
            app.state.context.readiness.draining()
            draining = await http.get("/readyz")
            assert (draining.status_code, draining.json()["code"]) == (503, "not-ready")
            assert (await http.get("/healthz")).status_code == 200
