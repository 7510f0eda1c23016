"""What became of webhook events, for Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge


class Figures:
    """Targets are labelled by their place in the settings, from 1: their URLs may hold secrets."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.events = Counter(
            "sluice_webhook_events",
            "Webhook events that are done with: delivered, refused, undelivered (tried in vain), dropped (queue full), "
            "unsent (server stopped).",
            ["target", "outcome"],
            registry=registry,
        )
        self.retries = Counter(
            "sluice_webhook_retries", "Webhook requests that failed and are repeated.", ["target"], registry=registry
        )
        self._queued = Gauge("sluice_webhook_queued", "Webhook events that wait.", ["target"], registry=registry)

    def watch_queue(self, target: str, length: Callable[[], int]) -> None:
        self._queued.labels(target).set_function(length)
