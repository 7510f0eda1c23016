"""One direction of a network path, in virtual time and from a seed.

A packet passes, in this order: the MTU, random loss, the serializer behind a tail-drop queue, propagation with jitter,
then duplication. Nothing here reads a clock: `send` and `receive` take the time, in microseconds.
"""

import heapq
from copy import copy
from dataclasses import dataclass, field
from random import Random

from tests.net.loss import LossModel

MAX_IN_FLIGHT = 100_000
"""Packets; a test that keeps more under way than this is broken and is told so."""


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """What a link is like. The default is a perfect one with 10 ms delay.

    jitter_us: standard deviation of a Gaussian added to the delay, cut at three deviations and at zero delay.
    keep_order: whether a jittered packet waits for the one before it (a queue) or may overtake it (many paths).
    reorder: share of packets held back by `reorder_us` on top, always out of order. duplicate: share delivered twice.
    rate_bps and queue_bytes: the serializer, with `overhead` bytes of headers per packet; None is infinitely fast.
    mtu: a longer datagram is dropped, as with the don't-fragment bit.
    """

    delay_us: int = 10_000
    jitter_us: int = 0
    keep_order: bool = True
    loss: LossModel | None = None
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_us: int = 30_000
    rate_bps: int | None = None
    queue_bytes: int = 64_000
    overhead: int = 28
    mtu: int = 1472


@dataclass(slots=True)
class LinkCounters:
    """The truth about a link, for oracles that must not trust what the peers report."""

    sent: int = 0
    delivered: int = 0
    lost: int = 0
    overflowed: int = 0
    too_long: int = 0
    duplicated: int = 0
    reordered: int = 0


@dataclass(order=True, slots=True)
class _Delivery:
    at_us: int
    order: int
    packet: bytes = field(compare=False)


class Link:
    """A seeded link: the same seed and the same calls give the same deliveries."""

    def __init__(self, spec: LinkSpec, seed: str) -> None:
        self.spec = spec
        self.counters = LinkCounters()
        self._loss = copy(spec.loss)  # a model may have state; links share specs
        self._rng = Random(seed)
        self._in_flight: list[_Delivery] = []
        self._order = 0
        self._free_at_us = 0
        self._last_arrival_us = 0

    def send(self, now_us: int, packet: bytes) -> None:
        """Put a packet on the link."""
        self.counters.sent += 1
        if len(packet) > self.spec.mtu:
            self.counters.too_long += 1
            return
        if self._loss is not None and self._loss.loses(now_us, self._rng):
            self.counters.lost += 1
            return
        left_at_us = self._serialize(now_us, len(packet))
        if left_at_us is None:
            self.counters.overflowed += 1
            return
        arrival_us = self._propagate(left_at_us)
        self._deliver(arrival_us, packet)
        if self.spec.duplicate and self._rng.random() < self.spec.duplicate:
            self.counters.duplicated += 1
            self._deliver(arrival_us + self._rng.randrange(1, 5_000), packet)

    def next_delivery(self) -> int | None:
        """When the next packet arrives."""
        return self._in_flight[0].at_us if self._in_flight else None

    def receive(self, now_us: int) -> list[bytes]:
        """The packets that have arrived, in order of arrival."""
        arrived = []
        while self._in_flight and self._in_flight[0].at_us <= now_us:
            arrived.append(heapq.heappop(self._in_flight).packet)
        self.counters.delivered += len(arrived)
        return arrived

    def queued_bytes(self, now_us: int) -> int:
        """Bytes waiting for the serializer."""
        if self.spec.rate_bps is None:
            return 0
        return max(0, self._free_at_us - now_us) * self.spec.rate_bps // 8_000_000

    def _serialize(self, now_us: int, length: int) -> int | None:
        """When the packet's last bit leaves; None if the queue has no room."""
        if self.spec.rate_bps is None:
            return now_us
        size = length + self.spec.overhead
        if self.queued_bytes(now_us) + size > self.spec.queue_bytes:
            return None
        self._free_at_us = max(now_us, self._free_at_us) + size * 8_000_000 // self.spec.rate_bps
        return self._free_at_us

    def _propagate(self, left_at_us: int) -> int:
        arrival_us = left_at_us + self.spec.delay_us
        if self.spec.jitter_us:
            limit = 3 * self.spec.jitter_us
            jitter_us = max(-limit, min(limit, round(self._rng.gauss(0, self.spec.jitter_us))))
            arrival_us = max(left_at_us, arrival_us + jitter_us)
        if self.spec.keep_order:
            arrival_us = max(self._last_arrival_us, arrival_us)
        self._last_arrival_us = max(self._last_arrival_us, arrival_us)
        if self.spec.reorder and self._rng.random() < self.spec.reorder:
            self.counters.reordered += 1
            arrival_us += self.spec.reorder_us
        return arrival_us

    def _deliver(self, at_us: int, packet: bytes) -> None:
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            raise OverflowError(f"more than {MAX_IN_FLIGHT} packets under way")
        heapq.heappush(self._in_flight, _Delivery(at_us, self._order, packet))
        self._order += 1
