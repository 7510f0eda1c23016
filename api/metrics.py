"""Prometheus metrics, in a registry of the app's own."""

import asyncio
from collections import Counter as Tally
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.facade import SfuFacade

LAG_PERIOD = 0.5
LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class SfuCollector(Collector):
    """Reads the SFU when it is scraped; nothing is counted twice."""

    def __init__(self, sfu: SfuFacade) -> None:
        self._sfu = sfu

    def collect(self) -> Iterable[Metric]:
        yield from self._rooms()
        yield from self._transports()
        yield from self._counters()

    def _rooms(self) -> Iterable[Metric]:
        rooms = self._sfu.rooms.list()
        yield GaugeMetricFamily("sluice_rooms", "Rooms that exist.", value=len(rooms))
        kinds = Tally(str(participant.kind) for room in rooms for participant in room.participants)
        participants = GaugeMetricFamily("sluice_participants", "Participants by kind.", labels=["kind"])
        for kind in sorted({"publisher", "viewer"} | kinds.keys()):
            participants.add_metric([kind], kinds[kind])
        yield participants

    def _transports(self) -> Iterable[Metric]:
        stats = self._sfu.stats()
        yield GaugeMetricFamily("sluice_transports", "Media transports.", value=len(stats))
        connected = sum(1 for transport in stats if transport["connected"])
        yield GaugeMetricFamily("sluice_transports_connected", "Media transports with a valid path.", value=connected)
        for kind in ("audio", "video"):
            tracks = [track for transport in stats for track in transport["tracks"] if track["kind"] == kind]
            bitrate = sum(layer["bitrate_bps"] for track in tracks for layer in track["layers"])
            yield GaugeMetricFamily(f"sluice_{kind}_tracks", f"Published {kind} tracks.", value=len(tracks))
            yield GaugeMetricFamily(f"sluice_{kind}_ingress_bps", f"Published {kind}, bits per second.", value=bitrate)

    def _counters(self) -> Iterable[Metric]:
        """The data path's own counters, by their names; those of one `dropped_` family become one metric's labels."""
        dropped = CounterMetricFamily("sluice_dropped", "What was dropped, by reason.", labels=["reason"])
        for name, value in sorted(self._sfu.counters().items()):
            if name.startswith("dropped_"):
                dropped.add_metric([name.removeprefix("dropped_")], value)
            else:
                yield CounterMetricFamily(f"sluice_{name}", f"Data path: {name.replace('_', ' ')}.", value=value)
        yield dropped


class Metrics:
    """The registry, and what the HTTP layer counts in it."""

    def __init__(self, sfu: SfuFacade) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(SfuCollector(sfu))
        self.requests = Counter(
            "sluice_http_requests", "HTTP requests.", ["method", "route", "status"], registry=self.registry
        )
        self.latency = Histogram(
            "sluice_http_request_seconds",
            "HTTP request duration.",
            ["route"],
            buckets=LATENCIES,
            registry=self.registry,
        )
        self.loop_lag = Histogram(
            "sluice_event_loop_lag_seconds",
            "How late the event loop runs what is due.",
            buckets=LATENCIES,
            registry=self.registry,
        )

    def lag_so_far(self) -> tuple[float, int]:
        """Of the event loop: seconds in all, and how often they were observed."""
        (metric,) = self.loop_lag.collect()
        samples = {sample.name: sample.value for sample in metric.samples if "le" not in sample.labels}
        return samples[f"{metric.name}_sum"], int(samples[f"{metric.name}_count"])


class LoopLag:
    """Observes, every `period` seconds, how late a timer fires."""

    def __init__(self, observe: Callable[[float], None], period: float = LAG_PERIOD) -> None:
        self._observe = observe
        self._period = period
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(loop.time() + self._period, self._fire, loop)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _fire(self, loop: asyncio.AbstractEventLoop) -> None:
        assert self._timer is not None  # noqa: S101 — it has just fired
        self._observe(max(0.0, loop.time() - self._timer.when()))
        self.start()


class RequestMetrics:
    """ASGI middleware that counts requests by route template, so that labels stay few whatever paths are asked for."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        began = loop.time()
        status = 500

        async def observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, observe)
        finally:
            route = route_template(scope)
            method = scope["method"] if scope["method"] in METHODS else "other"
            self._metrics.requests.labels(method, route, str(status)).inc()
            self._metrics.latency.labels(route).observe(loop.time() - began)


def route_template(scope: Scope) -> str:
    route: BaseRoute | None = scope.get("route")
    return getattr(route, "path", "unmatched")
