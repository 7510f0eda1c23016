"""The queue: order within rooms, bounds, and what happens there."""

from collections import defaultdict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from api.webhooks.queue import MAX_EVENTS, Delivery, EventQueue
from api.webhooks.retries import Backoff


def push(queue: EventQueue, room: str, event: str, now: float = 0.0) -> int:
    return queue.push(room, event, event.encode(), now)


def test_a_room_waits_for_what_is_on_its_way() -> None:
    queue = EventQueue()
    for room, event in (("a", "a1"), ("a", "a2"), ("b", "b1")):
        push(queue, room, event)
    first, second = queue.take(0.0), queue.take(0.0)
    assert first is not None
    assert second is not None
    assert (first.event_id, second.event_id, queue.take(0.0)) == ("a1", "b1", None)
    queue.done(first, 1.0)
    third = queue.take(1.0)
    assert third is not None
    assert third.event_id == "a2"
    queue.done(second, 2.0)
    queue.done(third, 2.0)
    assert (len(queue), queue.next_due()) == (0, None)


def test_what_is_tried_again_stays_before_what_is_behind_it() -> None:
    queue = EventQueue()
    push(queue, "a", "a1")
    push(queue, "a", "a2")
    first = queue.take(0.0)
    assert first is not None
    queue.retry(first, 5.0)
    assert (queue.take(4.9), queue.next_due()) == (None, 5.0)
    assert queue.take(5.0) is first
    queue.retry(first, 50.0)
    queue.hurry(6.0)
    assert queue.take(6.0) is first


def test_the_oldest_is_dropped_for_the_newest() -> None:
    queue = EventQueue(max_events=3)
    assert [push(queue, room, room) for room in "abcde"] == [0, 0, 0, 1, 1]
    assert [delivery.room for _ in range(4) if (delivery := queue.take(0.0))] == ["c", "d", "e"]


def test_bytes_are_bounded_too() -> None:
    queue = EventQueue(max_bytes=10)
    assert push(queue, "a", "x" * 6) == 0
    assert push(queue, "b", "y" * 6) == 1
    assert push(queue, "c", "z" * 11) == 1
    assert len(queue) == 1
    assert push(queue, "d", "1") == push(queue, "e", "2") == push(queue, "f", "3") == 0


def test_what_is_tried_again_may_be_the_oldest() -> None:
    queue = EventQueue(max_events=2)
    push(queue, "a", "a1")
    first = queue.take(0.0)
    assert first is not None
    push(queue, "b", "b1")
    push(queue, "a", "a2")
    assert queue.retry(first, 9.0) == 1
    assert [event and event.event_id for event in (queue.take(0.0), queue.take(9.0))] == ["b1", "a2"]


def test_ten_thousand_events_to_nobody_stay_within_the_bound() -> None:
    queue = EventQueue()
    dropped = sum(push(queue, f"room {number % 977}", str(number)) for number in range(10_000))
    assert (len(queue), dropped) == (MAX_EVENTS, 10_000 - MAX_EVENTS)


@given(st.lists(st.floats(0, 1), min_size=16, max_size=16))
def test_a_target_that_is_down_costs_a_few_attempts_and_a_minute_and_a_half(chances: list[float]) -> None:
    queue, backoff, now, attempts = EventQueue(), Backoff(), 0.0, []
    push(queue, "a", "a1")
    push(queue, "a", "a2")
    while (due := queue.next_due()) is not None:
        now = due
        delivery = queue.take(now)
        assert delivery is not None
        attempts.append((delivery.event_id, now))
        delivery.failures += 1
        wait = backoff.wait(delivery.failures, chances[len(attempts) - 1])
        if wait is None:
            queue.done(delivery, now)
        else:
            queue.retry(delivery, now + wait)
    assert [event for event, _ in attempts] == ["a1"] * 8 + ["a2"] * 8
    assert 91 <= now <= 2 * 91
    assert len(queue) == 0


@given(st.lists(st.sampled_from("abc"), max_size=40))
def test_everything_comes_out_once_and_in_order(rooms: list[str]) -> None:
    queue = EventQueue()
    for number, room in enumerate(rooms):
        push(queue, room, str(number))
    out: dict[str, list[int]] = defaultdict(list)
    while (delivery := queue.take(0.0)) is not None:
        out[delivery.room].append(int(delivery.event_id))
        queue.done(delivery, 0.0)
    assert {room: [n for n, name in enumerate(rooms) if name == room] for room in rooms} == out


class Model(RuleBasedStateMachine):
    """Whatever is done to it: no more than the bound, no event twice, none out of its room's order, none stuck."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = EventQueue(max_events=4, max_bytes=12)
        self.now = 0.0
        self.count = 0
        self.on_their_way: list[Delivery] = []
        self.ended: dict[str, list[int]] = defaultdict(list)
        self.accounted = 0

    @rule(room=st.sampled_from("abc"))
    def push(self, room: str) -> None:
        self.count += 1
        self.accounted += self.queue.push(room, str(self.count), str(self.count).encode(), self.now)

    @rule()
    def take(self) -> None:
        delivery = self.queue.take(self.now)
        if delivery is not None:
            assert delivery.room not in {other.room for other in self.on_their_way}
            self.on_their_way.append(delivery)

    @precondition(lambda self: self.on_their_way)
    @rule(data=st.data())
    def done(self, data: Any) -> None:
        delivery = self.on_their_way.pop(data.draw(st.integers(0, len(self.on_their_way) - 1)))
        self.queue.done(delivery, self.now)
        assert [*self.ended[delivery.room], delivery.number] == sorted({*self.ended[delivery.room], delivery.number})
        self.ended[delivery.room].append(delivery.number)
        self.accounted += 1

    @precondition(lambda self: self.on_their_way)
    @rule(data=st.data(), wait=st.integers(0, 3))
    def retry(self, data: Any, wait: int) -> None:
        delivery = self.on_their_way.pop(data.draw(st.integers(0, len(self.on_their_way) - 1)))
        self.accounted += self.queue.retry(delivery, self.now + wait)

    @rule(seconds=st.integers(1, 3))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def hurry(self) -> None:
        self.queue.hurry(self.now)

    @invariant()
    def nothing_is_lost_unnoticed(self) -> None:
        assert len(self.queue) <= 4
        assert self.accounted + len(self.queue) + len(self.on_their_way) == self.count

    def teardown(self) -> None:
        for delivery in self.on_their_way:
            self.queue.done(delivery, self.now)
        while self.queue.next_due() is not None:
            delivery_now = self.queue.take(self.now + 100)
            assert delivery_now is not None
            self.queue.done(delivery_now, self.now)
        assert len(self.queue) == 0


TestModel = Model.TestCase
