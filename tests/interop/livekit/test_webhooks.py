"""A backend is told by webhooks what happens in a call, and LiveKit's own server SDK believes them."""

import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from livekit.api import DeleteRoomRequest, TokenVerifier, WebhookReceiver
from livekit.protocol.webhook import WebhookEvent

from api.settings import DEV_KEY, DEV_SECRET
from bench.server import ServerProcess
from tests.interop.browser import RESULTS
from tests.interop.livekit.backend import backend
from tests.interop.livekit.callers import call
from tests.interop.livekit.test_media import RED, shows
from tests.waiting import eventually

# The secret of --dev is short, and LiveKit's SDK says so.
pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")]


@contextlib.asynccontextmanager
async def receiver() -> AsyncIterator[tuple[str, list[WebhookEvent]]]:
    """Its URL, and the events that were received and verified."""
    verifying = WebhookReceiver(TokenVerifier(DEV_KEY, DEV_SECRET))
    events: list[WebhookEvent] = []

    async def take(asked: web.Request) -> web.Response:
        events.append(verifying.receive(await asked.text(), asked.headers["Authorization"]))
        return web.Response()

    app = web.Application()
    app.router.add_post("/events", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/events", events
    finally:
        await runner.cleanup()


async def test_a_whole_call_is_told_in_its_order() -> None:
    RESULTS.mkdir(exist_ok=True)
    async with receiver() as (url, events):
        settings = {"webhook_urls": url, "webhook_allow_private": "true"}
        with ServerProcess(RESULTS / "test_webhooks.server.log", settings=settings) as server:
            async with backend(server) as livekit, call(server, "told", "alice", "bob", single=True) as (alice, bob):
                face = await alice.ask("publish_video", colour=RED)
                await bob.receives(face, matching=shows(RED))
                await alice.ask("unpublish", sid=face)
                await bob.told("track_unpublished")
                await alice.ask("disconnect")
                await bob.told("participant_disconnected")
                await livekit.room.delete_room(DeleteRoomRequest(room="told"))
                await bob.told("disconnected")

                async def all_told() -> bool:
                    return bool(events) and events[-1].event == "room_finished"

                await eventually(all_told, "the room's end is told")
    told = [(event.event, event.participant.identity) for event in events]
    assert told == [
        ("room_started", ""),
        ("participant_joined", "alice"),
        ("participant_joined", "bob"),
        ("track_published", "alice"),
        ("track_unpublished", "alice"),
        ("participant_left", "alice"),
        ("participant_left", "bob"),
        ("room_finished", ""),
    ]
    assert {event.room.name for event in events} == {"told"}
    assert [event.track.sid for event in events if event.event.startswith("track_")] == [face, face]
    assert len({event.id for event in events}) == len(events)
