"""Quotas against counting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turn.errors import Refused
from turn.quotas import Quotas

STEPS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(-2, 2)), max_size=60)


@given(STEPS, st.integers(1, 6), st.integers(1, 4))
def test_against_counting(steps: list[tuple[str, int]], total: int, per_user: int) -> None:
    quotas = Quotas(total=total, per_user=per_user)
    held = dict.fromkeys("abc", 0)
    for user, change in steps:
        if change > 0:
            expected = 486 if held[user] + change > per_user else 508 if sum(held.values()) + change > total else 0
            if expected:
                with pytest.raises(Refused, match=str(expected)):
                    quotas.take(user, change)
                continue
            quotas.take(user, change)
        elif held[user] >= -change > 0:
            quotas.release(user, -change)
        else:
            continue
        held[user] += change
    assert len(quotas) == sum(count > 0 for count in held.values())


def test_who_holds_nothing_is_forgotten() -> None:
    quotas = Quotas(total=2, per_user=1)
    for at in range(100):
        quotas.take(f"user {at}")
        with pytest.raises(Refused):
            quotas.take(f"user {at}")
        quotas.release(f"user {at}")
    assert len(quotas) == 0
