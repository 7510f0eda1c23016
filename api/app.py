"""The HTTP application."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI

from api import problems
from api.bodies import BoundedBodies
from api.context import make_context
from api.cors import Cors
from api.facade import RelayFacade, SfuFacade
from api.failures import Failures
from api.livekit import room_service
from api.livekit.door import OLD_PATH, PATH, Door
from api.livekit.room_service import RoomService
from api.livekit.server_data import ServerData
from api.livekit.signalling import Signalling
from api.livekit.twirp import Twirp
from api.metrics import LoopLag, RequestMetrics
from api.openapi import describe
from api.routes import (
    data,
    dev,
    figures,
    health,
    ice_servers,
    participants,
    reference,
    rooms,
    subscriptions,
    tokens,
    tracks,
    transfers,
    whep,
    whip,
)
from api.routes.pages import STATIC, add_pages
from api.security_headers import SecurityHeaders
from api.settings import Settings
from api.socket_paths import SocketPaths
from api.trusted_hosts import TrustedHosts
from api.webhooks.sending import Webhooks
from api.webhooks.telling import Telling


def utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    settings: Settings,
    sfu: SfuFacade,
    *,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] = utc_now,
    relay: RelayFacade | None = None,
    pages: Path = STATIC,
) -> FastAPI:
    """The application over an SFU that is not started yet; the lifespan starts and closes it.

    relay: STUN and TURN for its clients, if it has that. pages: where the built web pages are.
    """
    context = make_context(settings, sfu, clock=clock, now=now, relay=relay)

    signalling = Signalling(context)
    webhooks = Webhooks(settings, context.metrics.registry, now)
    Telling(sfu.rooms, webhooks)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await sfu.start()
        if relay is not None:
            relay.start()
        lag = LoopLag(context.metrics.loop_lag.observe)
        lag.start()
        context.readiness.started()
        try:
            yield
        finally:
            context.readiness.draining()
            lag.stop()
            await signalling.close()
            if relay is not None:
                relay.close()
            await sfu.close()
            await webhooks.close()

    app = FastAPI(title="Sluice", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.context = context
    app.state.signalling = signalling
    app.state.server_data = server_data = ServerData(sfu.rooms.get, signalling.data)
    resources = (rooms, participants, transfers, tracks, subscriptions, data, figures, tokens, ice_servers)
    for module in (whip, whep, *resources, health, reference):
        app.include_router(module.router)
    app.include_router(Door(context, signalling).router)
    app.include_router(Twirp(context, {room_service.NAME: RoomService(context, server_data).methods}).router)
    if settings.dev:
        app.include_router(dev.router)
    add_pages(app, pages)
    describe(app)
    problems.install(app)
    # The last one added is the outermost.
    app.add_middleware(BoundedBodies)
    app.add_middleware(SocketPaths, paths=(OLD_PATH, PATH))
    app.add_middleware(Failures)
    app.add_middleware(Cors)
    if settings.allowed_hosts:
        app.add_middleware(TrustedHosts, hosts=settings.allowed_hosts)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestMetrics, metrics=context.metrics)
    return app
