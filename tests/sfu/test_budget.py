"""A budget is full at first, is spent, and comes back with time."""

import pytest

from sfu.budget import Budget


def test_it_begins_full_and_fills_up_to_its_burst() -> None:
    budget = Budget(2.0, 10.0, now=100.0)
    assert budget.has(10.0, 100.0)
    assert not budget.has(10.1, 1000.0)
    budget.spend(10.0)
    assert not budget.has(0.1, 1000.0)
    assert budget.has(4.0, 1002.0)
    assert not budget.has(4.1, 1002.0)


def test_a_debt_is_paid_first() -> None:
    budget = Budget(1.0, 1.0, now=0.0)
    budget.spend(3.0)
    assert not budget.has(0.0, 1.9)
    assert budget.has(0.0, 2.0)


def test_what_is_spent_in_a_burst_is_free_and_then_it_takes_time() -> None:
    budget = Budget(10.0, 5.0, now=0.0)
    assert [budget.owe(1.0, 0.0) for _ in range(6)] == [0.0] * 5 + [pytest.approx(0.1)]
    assert budget.owe(1.0, 0.1) == pytest.approx(0.1)
    assert budget.owe(4.0, 100.0) == 0.0


def test_what_costs_more_than_there_can_be_is_waited_for() -> None:
    budget = Budget(10.0, 5.0, now=0.0)
    assert budget.owe(25.0, 0.0) == pytest.approx(2.0)
    assert budget.owe(0.0, 1.0) == pytest.approx(1.0)
    assert budget.owe(0.0, 2.0) == 0.0


def test_a_clock_that_goes_back_gives_nothing() -> None:
    budget = Budget(10.0, 1.0, now=5.0)
    budget.spend(1.0)
    assert budget.owe(1.0, 4.0) == pytest.approx(0.1)
