"""Token buckets, in virtual time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.rate_limit import RateLimiter, address_key


def test_a_burst_then_the_rate() -> None:
    limiter = RateLimiter(rate=2.0, burst=3.0, capacity=10)
    assert [limiter.take("a", 0.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert limiter.take("a", 0.0) == 0.5
    assert limiter.take("a", 0.5) == 0.0
    assert limiter.take("a", 0.5) == 0.5


def test_keys_are_independent() -> None:
    limiter = RateLimiter(rate=1.0, burst=1.0, capacity=10)
    assert limiter.take("a", 0.0) == 0.0
    assert limiter.take("b", 0.0) == 0.0
    assert limiter.take("a", 0.0) > 0.0


def test_the_map_is_bounded_and_forgets_the_longest_unused() -> None:
    limiter = RateLimiter(rate=1.0, burst=1.0, capacity=2)
    for key in ("a", "b", "a", "c"):
        limiter.take(key, 0.0)
    assert len(limiter) == 2
    assert limiter.take("a", 0.0) > 0.0
    assert limiter.take("b", 0.0) == 0.0


@given(
    st.lists(st.floats(min_value=0, max_value=5), max_size=100),
    st.floats(min_value=0.1, max_value=10),
    st.floats(min_value=1, max_value=20),
)
def test_never_more_than_burst_plus_rate_times_time(gaps: list[float], rate: float, burst: float) -> None:
    limiter, now, allowed = RateLimiter(rate=rate, burst=burst, capacity=1), 0.0, 0
    for gap in gaps:
        now += gap
        wait = limiter.take("a", now)
        allowed += wait == 0.0
        assert wait <= 1.0 / rate + 1e-9
    assert allowed <= burst + rate * now + 1e-6


def test_a_clock_that_steps_back_gives_nothing() -> None:
    limiter = RateLimiter(rate=1.0, burst=1.0, capacity=1)
    assert limiter.take("a", 100.0) == 0.0
    assert limiter.take("a", 0.0) > 0.0


def test_an_ipv6_client_is_its_64_and_a_mapped_address_is_itself() -> None:
    assert address_key("2001:db8::1") == address_key("2001:db8::ffff:1")
    assert address_key("2001:db8::1") != address_key("2001:db8:0:1::1")
    assert address_key("::ffff:192.0.2.1") == address_key("192.0.2.1") == "192.0.2.1"
    assert address_key("unix") == "unix"


def test_what_costs_more_is_waited_for_longer() -> None:
    limiter = RateLimiter(rate=2.0, burst=4.0, capacity=10)
    assert limiter.take("a", 0.0, cost=10.0) == 0.0
    assert limiter.take("a", 0.0) == pytest.approx(3.5)
    assert limiter.take("a", 3.5) == 0.0
    assert limiter.take("b", 0.0) == 0.0
