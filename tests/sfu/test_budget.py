"""A budget is full at first, is spent, and comes back with time."""

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
