"""Webhooks as the rest of the server uses them: an event goes in, and nothing is waited for."""

import asyncio
import random
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime

import httpx
from livekit.protocol.webhook import WebhookEvent
from prometheus_client import CollectorRegistry

from api.settings import Settings
from api.webhooks.delivery import Label, TargetDelivery
from api.webhooks.events import encode
from api.webhooks.figures import Figures
from api.webhooks.names import NameLookup
from api.webhooks.posting import Poster
from api.webhooks.signing import signature_headers

DRAIN_SECONDS = 3.0


class Webhooks:
    """To every target of the settings, each with a queue of its own. Used on the event loop only."""

    def __init__(self, settings: Settings, registry: CollectorRegistry, now: Callable[[], datetime]) -> None:
        self._now = now
        self._targets: list[TargetDelivery] = []
        if not settings.webhook_urls:
            return
        tls = httpx.create_ssl_context()
        figures = Figures(registry)
        sign = _signer(settings, now)
        for number, target in enumerate(settings.webhook_urls, 1):
            lookup = NameLookup(target.host, target.port)
            poster = Poster(target, lookup, tls=tls, allow_private=settings.webhook_allow_private)
            label = Label(number, str(target))
            self._targets.append(TargetDelivery(label, poster, sign, figures=figures, chance=random.random))

    @property
    def wanted(self) -> bool:
        """Whether there is anybody to send to."""
        return bool(self._targets)

    def send(self, event: WebhookEvent, room: str) -> None:
        """Events of one room reach a target in the order of these calls. Never waits, never fails."""
        if not self._targets:
            return
        event_id = f"EV_{secrets.token_hex(12)}"
        body = encode(event, event_id, int(self._now().timestamp()))
        for target in self._targets:
            target.send(room, event_id, body)

    async def close(self) -> None:
        """Deliver what waits, for DRAIN_SECONDS at most."""
        await asyncio.gather(*(target.drain(DRAIN_SECONDS) for target in self._targets))


def _signer(settings: Settings, now: Callable[[], datetime]) -> Callable[[str, bytes], Mapping[str, str]]:
    key = settings.webhook_key or next(iter(settings.keys))
    secret = settings.keys[key].get_secret_value()
    return lambda event_id, body: signature_headers(event_id, body, key, secret, now())
