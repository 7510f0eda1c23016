"""The emulator does to packets what its spec says, and the same again for the same seed."""

import statistics
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.net.link import Link, LinkSpec
from tests.net.loss import GilbertElliott, IndependentLoss, Outages, bursts


def packet(number: int, length: int = 1000) -> bytes:
    return number.to_bytes(4, "big").ljust(length, b"\0")


def run(spec: LinkSpec, count: int, interval_us: int = 1_000, seed: str = "seed") -> tuple[Link, list[tuple[int, int]]]:
    """Send numbered packets at an even pace; `(arrival time, number)` of each delivery, and the link."""
    link = Link(spec, seed)
    deliveries = []
    for number in range(count):
        link.send(number * interval_us, packet(number))
    while (at_us := link.next_delivery()) is not None:
        deliveries += [(at_us, int.from_bytes(each[:4], "big")) for each in link.receive(at_us)]
    return link, deliveries


def test_perfect_link_only_delays() -> None:
    _, deliveries = run(LinkSpec(delay_us=7_000), 50)
    assert deliveries == [(number * 1_000 + 7_000, number) for number in range(50)]


def test_same_seed_same_deliveries_and_another_seed_others() -> None:
    spec = LinkSpec(jitter_us=3_000, keep_order=False, loss=IndependentLoss(0.1), duplicate=0.05, reorder=0.02)
    _, once = run(spec, 500)
    _, again = run(spec, 500)
    _, other = run(spec, 500, seed="other")
    assert once == again
    assert once != other


def test_independent_loss_has_its_rate() -> None:
    link, deliveries = run(LinkSpec(loss=IndependentLoss(0.05)), 20_000)
    assert link.counters.lost + len(deliveries) == 20_000
    assert link.counters.lost == pytest.approx(1_000, rel=0.15)


@pytest.mark.parametrize(("loss", "mean_burst"), [(0.05, 5.0), (0.01, 2.0), (0.2, 4.0)])
def test_bursty_loss_has_its_rate_and_its_burst_length(loss: float, mean_burst: float) -> None:
    _, deliveries = run(LinkSpec(loss=bursts(loss, mean_burst)), 60_000)
    numbers = [number for _, number in deliveries]
    gaps = [after - before - 1 for before, after in pairwise(numbers) if after - before > 1]
    assert 1 - len(numbers) / 60_000 == pytest.approx(loss, rel=0.15)
    assert statistics.mean(gaps) == pytest.approx(mean_burst, rel=0.15)


def test_impossible_bursts_are_refused() -> None:
    with pytest.raises(ValueError, match="mean_burst"):
        bursts(0.8, 1.0)


def test_gilbert_elliott_loses_in_the_good_state_too() -> None:
    link, _ = run(LinkSpec(loss=GilbertElliott(0.0, 1.0, loss_good=0.5)), 4_000)
    assert link.counters.lost == pytest.approx(2_000, rel=0.1)


def test_outages_depend_on_time_alone() -> None:
    _, deliveries = run(LinkSpec(loss=Outages(period_us=100_000, length_us=30_000), delay_us=0), 200)
    assert [number for _, number in deliveries] == [number for number in range(200) if number % 100 < 70]


def test_jitter_keeps_order_unless_told_otherwise() -> None:
    spec = LinkSpec(jitter_us=5_000)
    _, ordered = run(spec, 500)
    _, free = run(replace(spec, keep_order=False), 500)
    assert [number for _, number in ordered] == list(range(500))
    assert [number for _, number in free] != list(range(500))
    assert sorted(number for _, number in free) == list(range(500))
    assert max(abs(at_us - number * 1_000 - 10_000) for at_us, number in free) <= 15_000


def test_reordered_packets_arrive_late_and_the_others_do_not() -> None:
    link, deliveries = run(LinkSpec(reorder=0.1, reorder_us=25_000), 1_000)
    late = [number for at_us, number in deliveries if at_us == number * 1_000 + 35_000]
    assert len(late) == link.counters.reordered > 50
    assert all(at_us - number * 1_000 in (10_000, 35_000) for at_us, number in deliveries)


def test_duplicates_arrive_after_the_first_copy() -> None:
    link, deliveries = run(LinkSpec(duplicate=0.1), 1_000)
    assert len(deliveries) == 1_000 + link.counters.duplicated
    assert link.counters.duplicated > 50


def test_rate_spaces_packets_by_their_length() -> None:
    link = Link(LinkSpec(rate_bps=1_000_000, overhead=0, delay_us=0), "seed")
    for number in range(3):
        link.send(0, packet(number, 1_250))  # 10 ms each at 1 Mbit/s
    assert [(at_us, len(link.receive(at_us))) for at_us in (9_999, 10_000, 20_000, 30_000)] == [
        (9_999, 0),
        (10_000, 1),
        (20_000, 1),
        (30_000, 1),
    ]


def test_full_queue_drops_the_newest() -> None:
    link = Link(LinkSpec(rate_bps=1_000_000, queue_bytes=2_500, overhead=0), "seed")
    for number in range(3):
        link.send(0, packet(number, 1_250))
    assert link.counters.overflowed == 1
    assert [int.from_bytes(each[:4], "big") for each in link.receive(1_000_000)] == [0, 1]


def test_longer_than_the_mtu_is_dropped() -> None:
    link = Link(LinkSpec(mtu=1_200), "seed")
    link.send(0, bytes(1_200))
    link.send(0, bytes(1_201))
    assert [len(each) for each in link.receive(20_000)] == [1_200]
    assert link.counters.too_long == 1


@settings(max_examples=50)
@given(
    jitter_us=st.integers(0, 20_000),
    keep_order=st.booleans(),
    loss=st.floats(0, 1),
    duplicate=st.floats(0, 1),
    reorder=st.floats(0, 1),
    rate_bps=st.none() | st.integers(100_000, 100_000_000),
    seed=st.text(max_size=4),
)
def test_every_packet_is_accounted_for_and_none_travels_back_in_time(
    jitter_us: int, keep_order: bool, loss: float, duplicate: float, reorder: float, rate_bps: int | None, seed: str
) -> None:
    spec = LinkSpec(
        jitter_us=jitter_us,
        keep_order=keep_order,
        loss=IndependentLoss(loss),
        duplicate=duplicate,
        reorder=reorder,
        rate_bps=rate_bps,
    )
    link, deliveries = run(spec, 100, seed=seed)
    counters = link.counters
    assert counters.sent + counters.duplicated == counters.delivered + counters.lost + counters.overflowed
    assert all(at_us >= number * 1_000 for at_us, number in deliveries)
    assert [at_us for at_us, _ in deliveries] == sorted(at_us for at_us, _ in deliveries)
