"""Deadlines against the obvious implementation."""

from hypothesis import given
from hypothesis import strategies as st

from turn.deadlines import Deadlines

_steps = st.lists(st.tuples(st.integers(0, 5), st.one_of(st.none(), st.integers(0, 20))), max_size=60)


@given(_steps, st.integers(0, 25))
def test_they_are_due_in_order_and_only_the_last_word_counts(steps: list[tuple[int, int | None]], now: int) -> None:
    deadlines = Deadlines[int]()
    model: dict[int, int] = {}
    for key, due in steps:
        deadlines.set(key, due)
        if due is None:
            model.pop(key, None)
        else:
            model[key] = due
        assert deadlines.next() == min(model.values(), default=None)
    popped = list(deadlines.pop_due(now))
    assert sorted(popped) == sorted(key for key, due in model.items() if due <= now)
    assert [model[key] for key in popped] == sorted(model[key] for key in popped)
    assert deadlines.next() == min((due for due in model.values() if due > now), default=None)


def test_moving_one_deadline_for_ever_needs_no_more_room() -> None:
    deadlines = Deadlines[str]()
    for due in range(10_000):
        deadlines.set("key", due)
    assert len(deadlines._heap) < 100
