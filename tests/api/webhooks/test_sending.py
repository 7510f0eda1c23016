"""Webhooks as the server uses them, to a real receiver."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
import standardwebhooks
from livekit import api as livekit
from livekit.protocol.models import ParticipantInfo, Room
from prometheus_client import CollectorRegistry

from api.webhooks.events import participant_joined, room_started
from api.webhooks.sending import Webhooks
from tests.api.recording import KEY, SECRET, settings_for_tests
from tests.api.webhooks.receiver import Received, receiver
from tests.waiting import eventually

ROOM = Room(sid="RM_1", name="room")
OTHER_SECRET = "another-secret-of-thirty-two-bytes"


def webhooks(registry: CollectorRegistry | None = None, **settings: Any) -> Webhooks:
    made = settings_for_tests(**settings)
    return Webhooks(made, registry or CollectorRegistry(), lambda: datetime.now(UTC))


def check(request: Received, key: str, secret: str) -> tuple[str, str]:
    """Both signatures are good; the event's name and id."""
    verifier = livekit.TokenVerifier(key, secret)
    event = livekit.WebhookReceiver(verifier).receive(request.body.decode(), request.headers["authorization"])
    standardwebhooks.Webhook(base64.b64encode(secret.encode()).decode()).verify(request.body, request.headers)
    assert request.headers["webhook-id"] == event.id
    assert abs(event.created_at - datetime.now(UTC).timestamp()) < 60
    return event.event, event.id


async def test_every_target_gets_every_event_signed() -> None:
    async with receiver() as one, receiver() as two:
        hooks = webhooks(webhook_urls=[one.url, two.url], webhook_allow_private=True)
        hooks.send(room_started(ROOM), "room")
        hooks.send(participant_joined(ROOM, ParticipantInfo(sid="PA_1", identity="alice")), "room")
        await hooks.close()
        first, second = ([check(request, KEY, SECRET) for request in seen.received] for seen in (one, two))
        assert first == second
        assert [name for name, _ in first] == ["room_started", "participant_joined"]
        assert len({event_id for _, event_id in first}) == 2
        assert all(event_id.startswith("EV_") for _, event_id in first)


async def test_another_key_may_sign() -> None:
    async with receiver() as seen:
        hooks = webhooks(
            keys={KEY: SECRET, "hooks": OTHER_SECRET},
            webhook_urls=seen.url,
            webhook_key="hooks",
            webhook_allow_private=True,
        )
        hooks.send(room_started(ROOM), "room")
        await hooks.close()
        assert check(seen.received[0], "hooks", OTHER_SECRET)[0] == "room_started"


async def test_private_targets_are_refused_unless_allowed(caplog: pytest.LogCaptureFixture) -> None:
    async with receiver() as seen:
        registry = CollectorRegistry()
        hooks = webhooks(registry, webhook_urls=seen.url)
        hooks.send(room_started(ROOM), "room")

        async def refused() -> bool:
            labels = {"target": "1", "outcome": "refused"}
            return registry.get_sample_value("sluice_webhook_events_total", labels) == 1

        await eventually(refused, "the event being refused")
        await hooks.close()
        assert seen.connections == 0
        assert "webhook_allow_private" in caplog.text


async def test_without_targets_nothing_is_done() -> None:
    registry = CollectorRegistry()
    hooks = webhooks(registry)
    hooks.send(room_started(ROOM), "room")
    await hooks.close()
    assert list(registry.collect()) == []
