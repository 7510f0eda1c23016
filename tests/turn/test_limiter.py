"""Answers to strangers, in virtual time."""

from hypothesis import given
from hypothesis import strategies as st

from turn.limiter import BURST, RATE, Limiter


def admitted(limiter: Limiter, host: str, now: float, asked: int = 1000) -> int:
    return sum(limiter.admits(host, now) for _ in range(asked))


def test_a_burst_and_then_a_rate() -> None:
    limiter = Limiter()
    assert admitted(limiter, "192.0.2.1", 0.0) == BURST
    assert admitted(limiter, "192.0.2.1", 0.05) == 0
    assert admitted(limiter, "192.0.2.1", 0.1) == 1
    assert admitted(limiter, "192.0.2.1", 1.1) == RATE
    assert admitted(limiter, "192.0.2.1", 1_000.0) == BURST


def test_neighbours_have_their_own() -> None:
    limiter = Limiter()
    admitted(limiter, "192.0.2.1", 0.0)
    assert limiter.admits("192.0.2.2", 0.0)


def test_an_ipv6_network_is_one_stranger() -> None:
    limiter = Limiter()
    assert (
        sum(limiter.admits(f"2001:db8:0:{subnet:x}::{host:x}", 0.0) for subnet in range(256) for host in range(2))
        == BURST
    )
    assert limiter.admits("2001:db8:0:100::1", 0.0)
    assert limiter.admits("2001:db9::1", 0.0)


def test_a_clock_that_goes_back_gives_nothing() -> None:
    limiter = Limiter()
    admitted(limiter, "192.0.2.1", 100.0)
    assert admitted(limiter, "192.0.2.1", 0.0) == 0


def test_the_table_is_bounded_and_forgets_whom_it_heard_least_lately() -> None:
    limiter = Limiter(capacity=2)
    assert admitted(limiter, "192.0.2.1", 0.0) == BURST
    limiter.admits("192.0.2.2", 0.0)
    assert not limiter.admits("192.0.2.1", 0.0)
    limiter.admits("192.0.2.3", 0.0)
    assert len(limiter) == 2
    assert not limiter.admits("192.0.2.1", 0.0)


@given(st.lists(st.floats(0, 10)))
def test_never_more_than_burst_and_rate_allow(times: list[float]) -> None:
    limiter = Limiter(rate=2.0, burst=3.0)
    assert sum(limiter.admits("192.0.2.1", now) for now in sorted(times)) <= 3 + 2 * max(times, default=0.0)


def test_a_flood_of_strangers_leaves_a_table_of_its_size() -> None:
    limiter = Limiter(capacity=1000)
    for number in range(100_000):
        limiter.admits(f"{number >> 16}.{number >> 8 & 255}.{number & 255}.1", 0.0)
    assert len(limiter) == 1000
