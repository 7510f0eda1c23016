"""How fast one client may make us work, in virtual time."""

import pytest

from api.livekit.pace import Pace


def test_a_burst_is_free_and_then_it_takes_time() -> None:
    pace = Pace(rate=10.0, burst=5.0, now=0.0)
    assert [pace.spend(1.0, 0.0) for _ in range(6)] == [0.0] * 5 + [pytest.approx(0.1)]
    assert pace.spend(1.0, 0.1) == pytest.approx(0.1)
    assert pace.spend(4.0, 100.0) == 0.0


def test_what_costs_more_than_there_can_be_is_waited_for() -> None:
    pace = Pace(rate=10.0, burst=5.0, now=0.0)
    assert pace.spend(25.0, 0.0) == pytest.approx(2.0)
    assert pace.spend(0.0, 1.0) == pytest.approx(1.0)
    assert pace.spend(0.0, 2.0) == 0.0


def test_a_clock_that_stands_still_gives_nothing() -> None:
    pace = Pace(rate=10.0, burst=1.0, now=5.0)
    pace.spend(1.0, 5.0)
    assert pace.spend(1.0, 4.0) == pytest.approx(0.1)
