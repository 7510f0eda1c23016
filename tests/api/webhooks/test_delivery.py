"""Queues, requests and retries together, over real sockets."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx
import pytest
from prometheus_client import CollectorRegistry

from api.webhooks.delivery import PARALLEL, Label, TargetDelivery
from api.webhooks.figures import Figures
from api.webhooks.names import NameLookup
from api.webhooks.posting import Patience, Poster
from api.webhooks.queue import MAX_EVENTS, EventQueue
from api.webhooks.retries import Backoff
from api.webhooks.targets import parse_target
from tests.api.webhooks.receiver import OK, Received, answer, never, receiver
from tests.waiting import eventually

TLS = httpx.create_ssl_context()
QUICK = Backoff(first=0.001, longest=0.01, attempts=4)


class Targets:
    """Makes them, and reads what is counted about them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.figures = Figures(self.registry)
        self.made: list[TargetDelivery] = []

    def to(
        self,
        url: str,
        *,
        backoff: Backoff = QUICK,
        patience: Patience | None = None,
        queue: EventQueue | None = None,
        allow_private: bool = True,
    ) -> TargetDelivery:
        target = parse_target(url)
        lookup = NameLookup(target.host, target.port)
        poster = Poster(target, lookup, tls=TLS, allow_private=allow_private, patience=patience)
        made = TargetDelivery(
            Label(len(self.made) + 1, str(target)),
            poster,
            sign,
            figures=self.figures,
            chance=lambda: 0.5,
            backoff=backoff,
            queue=queue,
        )
        self.made.append(made)
        return made

    def count(self, outcome: str, target: int = 1) -> float:
        labels = {"target": str(target), "outcome": outcome}
        return self.registry.get_sample_value("sluice_webhook_events_total", labels) or 0.0

    def queued(self) -> float | None:
        return self.registry.get_sample_value("sluice_webhook_queued", {"target": "1"})

    async def counted(self, outcome: str, count: int, target: int = 1) -> None:
        async def reached() -> bool:
            return self.count(outcome, target) >= count

        await eventually(reached, f"{count} events {outcome}")


def sign(event_id: str, _: bytes) -> Mapping[str, str]:
    return {"webhook-id": event_id}


@asynccontextmanager
async def targets() -> AsyncIterator[Targets]:
    made = Targets()
    try:
        yield made
    finally:
        await asyncio.gather(*(target.drain(0.0) for target in made.made))


async def test_events_of_a_room_arrive_in_order_and_rooms_side_by_side() -> None:
    at_once, most = 0, 0

    async def slowly(request: Received) -> bytes:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        for _ in range(5):
            await asyncio.sleep(0)
        at_once -= 1
        return OK

    async with receiver(slowly) as seen, targets() as made:
        to = made.to(seen.url)
        for number in range(20):
            for room in range(12):
                to.send(f"room {room}", f"EV_{room}_{number}", b"%d %d" % (room, number))
        received = await seen.got(240)
        for room in range(12):
            numbers = [int(request.body.split()[1]) for request in received if int(request.body.split()[0]) == room]
            assert numbers == list(range(20))
        await made.counted("delivered", 240)
        assert 1 < most <= PARALLEL


async def test_what_fails_is_repeated_before_what_is_behind_it() -> None:
    answers = [answer(503), answer(500), OK, OK]

    async def recovering(_: Received) -> bytes:
        return answers.pop(0)

    async with receiver(recovering) as seen, targets() as made:
        to = made.to(seen.url)
        to.send("room", "EV_1", b"1")
        to.send("room", "EV_2", b"2")
        received = await seen.got(4)
        assert [(request.headers["webhook-id"], request.body) for request in received] == [
            ("EV_1", b"1"),
            ("EV_1", b"1"),
            ("EV_1", b"1"),
            ("EV_2", b"2"),
        ]
        await made.counted("delivered", 2)
        assert made.registry.get_sample_value("sluice_webhook_retries_total", {"target": "1"}) == 2


async def test_what_fails_too_often_or_is_refused_makes_way(caplog: pytest.LogCaptureFixture) -> None:
    async def picky(request: Received) -> bytes:
        return {b"1": answer(500), b"2": answer(400)}.get(request.body, OK)

    async with receiver(picky) as seen, targets() as made:
        to = made.to(seen.url)
        for number in (b"1", b"2", b"3"):
            to.send("room", "EV", number)
        received = await seen.got(6)
        assert [request.body for request in received] == [b"1", b"1", b"1", b"1", b"2", b"3"]
        await made.counted("delivered", 1)
        assert (made.count("undelivered"), made.count("refused")) == (1, 1)
        told = [record for record in caplog.records if record.levelno == logging.WARNING]
        assert len(told) == 1
        assert "1 events lost, the last because it answers 500" in told[0].getMessage()
        assert "hook" not in told[0].getMessage().rsplit("(", 1)[1]


async def test_who_never_answers_holds_up_nobody_else() -> None:
    async with receiver(never) as stuck, receiver() as seen, targets() as made:
        blocked, other = made.to(stuck.url), made.to(seen.url)
        for number in range(50):
            blocked.send(f"room {number}", "EV", b"1")
            other.send(f"room {number}", "EV", b"1")
        await seen.got(50)
        await made.counted("delivered", 50, target=2)
        await stuck.got(PARALLEL)
        assert (made.count("delivered"), made.queued()) == (0, 50 - PARALLEL)


async def test_ten_thousand_events_for_a_dead_target_stay_within_the_bound(caplog: pytest.LogCaptureFixture) -> None:
    async with receiver() as gone:
        pass
    async with targets() as made:
        to = made.to(gone.url, backoff=Backoff(first=1000.0, longest=1000.0))
        for number in range(10_000):
            to.send(f"room {number % 500}", f"EV_{number}", b"x" * 100)
        assert made.queued() == MAX_EVENTS
        assert made.count("dropped") == 10_000 - MAX_EVENTS - PARALLEL

        async def all_have_failed() -> bool:
            return made.registry.get_sample_value("sluice_webhook_retries_total", {"target": "1"}) == 500

        await eventually(all_have_failed, "every room's first event failing once")
        assert made.queued() == MAX_EVENTS
    assert made.count("unsent") == MAX_EVENTS
    # Once at the first, once at the end for all the others: not ten thousand times.
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 2


async def test_the_end_waits_for_what_can_be_delivered() -> None:
    async with receiver() as seen, targets() as made:
        to = made.to(seen.url)
        for number in range(100):
            to.send(f"room {number % 5}", "EV", b"1")
        await to.drain(20.0)
        assert len(seen.received) == 100
        to.send("room", "EV", b"late")
        assert (made.count("delivered"), made.count("unsent")) == (100, 1)


async def test_the_end_gives_what_waits_to_be_repeated_one_more_chance() -> None:
    async def refuse(_: Received) -> bytes:
        return answer(503)

    async with receiver(refuse) as seen, targets() as made:
        to = made.to(seen.url, backoff=Backoff(first=1000.0))
        to.send("room", "EV", b"1")
        await seen.got(1)

        async def waits() -> bool:
            return made.queued() == 1

        await eventually(waits, "the event back in the queue")
        await to.drain(20.0)
        assert (len(seen.received), made.count("undelivered")) == (2, 1)


async def test_the_end_does_not_wait_for_who_never_answers() -> None:
    async with receiver(never) as stuck, targets() as made:
        to = made.to(stuck.url)
        for number in range(20):
            to.send(f"room {number}", "EV", b"1")
        await stuck.got(PARALLEL)
        began = time.monotonic()
        await to.drain(0.05)
        # Not a measurement: an attempt would last 10 s, and 20 of them, eight at once, 30 s.
        assert time.monotonic() - began < 8
        assert made.count("unsent") == 20


async def test_a_bug_in_one_attempt_costs_one_event(caplog: pytest.LogCaptureFixture) -> None:
    async with receiver() as seen, targets() as made:
        target = parse_target(seen.url)
        poster = Poster(target, NameLookup(target.host, target.port), tls=TLS, allow_private=True)

        def sometimes(event_id: str, _: bytes) -> Mapping[str, str]:
            if event_id == "EV_1":
                raise ZeroDivisionError
            return {}

        to = TargetDelivery(Label(1, "x"), poster, sometimes, figures=made.figures, chance=lambda: 0.0)
        made.made.append(to)
        to.send("room", "EV_1", b"1")
        to.send("room", "EV_2", b"2")
        await made.counted("delivered", 1)
        assert made.count("refused") == 1
    assert any(record.exc_info for record in caplog.records)
