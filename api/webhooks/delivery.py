"""Events to one target: its queue, its requests, its one timer, and its end."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from api.webhooks.figures import Figures
from api.webhooks.losses import Losses
from api.webhooks.outcomes import Outcome
from api.webhooks.posting import Poster
from api.webhooks.queue import Delivery, EventQueue
from api.webhooks.retries import Backoff

PARALLEL = 8  # requests to one target at once

log = logging.getLogger(__name__)

Sign = Callable[[str, bytes], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Label:
    """Of a target: its place in the settings, from 1, and how it is shown."""

    number: int
    shown: str


class TargetDelivery:
    """sign: event id and body to the headers of one attempt, made now. chance: 0 to 1, at random."""

    def __init__(
        self,
        label: Label,
        poster: Poster,
        sign: Sign,
        *,
        figures: Figures,
        chance: Callable[[], float],
        backoff: Backoff | None = None,
        queue: EventQueue | None = None,
    ) -> None:
        self._label = label
        self._poster = poster
        self._sign = sign
        self._figures = figures
        self._chance = chance
        self._backoff = backoff or Backoff()
        self._queue = queue or EventQueue()
        self._losses = Losses()
        self._requests: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._draining = False
        self._idle = asyncio.Event()
        figures.watch_queue(str(label.number), self._queue.__len__)

    def send(self, room: str, event_id: str, body: bytes) -> None:
        """Never waits and never fails; what there is no room for is counted and told of."""
        if self._draining:
            self._lost(1, "unsent", "the server stops")
            return
        dropped = self._queue.push(room, event_id, body, _clock())
        self._lost(dropped, "dropped", "too many wait")
        self._pump()

    async def drain(self, within: float) -> None:
        """One last attempt for whatever waits, for so many seconds at most; the rest is lost, and what comes later."""
        self._draining = True
        self._queue.hurry(_clock())
        self._pump()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._idle_again()
        for request in self._requests:
            request.cancel()
        cancelled = len(self._requests)
        await asyncio.gather(*self._requests, return_exceptions=True)
        self._disarm()
        self._lost(cancelled + len(self._queue), "unsent", "the server stops")
        self._tell(self._losses.rest(_clock()), "the server stops")
        self._poster.close()

    async def _idle_again(self) -> None:
        while self._requests:
            self._idle.clear()
            await self._idle.wait()

    def _pump(self) -> None:
        """Begin what is due, as far as requests may run at once, and wake up for the rest."""
        while len(self._requests) < PARALLEL and (delivery := self._queue.take(_clock())) is not None:
            request = asyncio.get_running_loop().create_task(self._attempt(delivery))
            self._requests.add(request)
            request.add_done_callback(self._finished)
        self._disarm()
        due = self._queue.next_due()
        if due is not None and len(self._requests) < PARALLEL:
            self._timer = asyncio.get_running_loop().call_at(due, self._pump)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _finished(self, request: asyncio.Task[None]) -> None:
        self._requests.discard(request)
        self._idle.set()
        if not request.cancelled():
            self._pump()

    async def _attempt(self, delivery: Delivery) -> None:
        try:
            outcome = await self._poster.post(delivery.body, self._sign(delivery.event_id, delivery.body))
        except Exception:
            log.exception("a webhook request failed by a bug of ours")
            outcome = Outcome("refused", "of a bug of ours")  # costs one event, and not all that are behind it
        if outcome.result == "failed":
            self._again(delivery, outcome.reason)
            return
        self._queue.done(delivery, _clock())
        if outcome.result == "delivered":
            self._count(1, "delivered")
        else:
            self._lost(1, "refused", outcome.reason)

    def _again(self, delivery: Delivery, reason: str) -> None:
        delivery.failures += 1
        wait = None if self._draining else self._backoff.wait(delivery.failures, self._chance())
        if wait is None:
            self._queue.done(delivery, _clock())
            self._lost(1, "undelivered", reason)
            return
        self._figures.retries.labels(str(self._label.number)).inc()
        self._lost(self._queue.retry(delivery, _clock() + wait), "dropped", "too many wait")

    def _count(self, events: int, outcome: str) -> None:
        self._figures.events.labels(str(self._label.number), outcome).inc(events)

    def _lost(self, events: int, outcome: str, reason: str) -> None:
        if events:
            self._count(events, outcome)
            self._tell(self._losses.add(events, _clock()), reason)

    def _tell(self, events: int, reason: str) -> None:
        if events:
            log.warning(
                "webhook target %d (%s): %d events lost, the last because %s",
                self._label.number,
                self._label.shown,
                events,
                reason,
            )


def _clock() -> float:
    return asyncio.get_running_loop().time()
