"""How long is waited, in numbers."""

from hypothesis import given
from hypothesis import strategies as st

from api.webhooks.posting import Patience
from api.webhooks.retries import Backoff


def test_each_wait_is_twice_the_one_before() -> None:
    waits = [Backoff().wait(failures, 1.0) for failures in range(1, 10)]
    assert waits == [1, 2, 4, 8, 16, 30, 30, None, None]


def test_an_event_is_given_up_after_three_minutes() -> None:
    waits = [Backoff().wait(failures, 1.0) or 0.0 for failures in range(1, 9)]
    assert sum(waits) + Backoff().attempts * Patience().attempt <= 180


@given(st.integers(1, 7), st.floats(0, 1))
def test_chance_shortens_a_wait_by_half_at_most(failures: int, chance: float) -> None:
    longest, wait = Backoff().wait(failures, 1.0), Backoff().wait(failures, chance)
    assert longest is not None
    assert wait is not None
    assert longest / 2 <= wait <= longest
