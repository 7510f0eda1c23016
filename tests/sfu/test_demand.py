"""What publishers are asked to send, in virtual time."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sfu.demand import DECREASE_SECONDS, Demand
from sfu.view_settings import QUALITIES, VideoQuality

ALL = {"low": True, "medium": True, "high": True}
NOTHING = {"low": False, "medium": False, "high": False}


def test_more_at_once_and_less_after_a_while() -> None:
    demand = Demand[str](0.0)
    assert demand.want("ann", "low", 0.0) is False
    assert (demand.enabled, demand.next_deadline()) == (ALL, DECREASE_SECONDS)
    assert demand.handle_timeout(DECREASE_SECONDS) is True
    assert (demand.enabled, demand.maximum) == ({"low": True, "medium": False, "high": False}, "low")
    assert demand.want("bob", "medium", 6.0) is True
    assert demand.enabled == {"low": True, "medium": True, "high": False}
    assert demand.want("bob", None, 7.0) is False
    assert demand.next_deadline() == 7.0 + DECREASE_SECONDS
    assert demand.handle_timeout(11.9) is False
    assert demand.handle_timeout(12.0) is True
    assert (demand.maximum, demand.next_deadline()) == ("low", None)


def test_who_scrolls_past_and_back_disturbs_nobody() -> None:
    demand = Demand[str](0.0)
    assert demand.want("ann", "high", 0.0) is False
    assert demand.next_deadline() is None
    assert demand.want("ann", None, 1.0) is False
    assert demand.want("ann", "high", 4.0) is False
    assert (demand.enabled, demand.next_deadline()) == (ALL, None)


def test_a_track_nobody_wants_is_not_sent() -> None:
    demand = Demand[str](10.0)
    assert demand.handle_timeout(10.0 + DECREASE_SECONDS) is True
    assert (demand.enabled, demand.maximum) == (NOTHING, None)
    assert demand.want("ann", "low", 20.0) is True
    assert demand.want("ann", None, 21.0) is False
    assert demand.handle_timeout(26.0) is True
    assert demand.enabled == NOTHING


def test_one_who_wants_less_and_less_does_not_put_it_off() -> None:
    demand = Demand[str](0.0)
    demand.want("ann", "high", 0.0)
    demand.want("ann", "medium", 1.0)
    demand.want("ann", "low", 5.0)
    assert demand.next_deadline() == 1.0 + DECREASE_SECONDS
    assert demand.handle_timeout(6.0) is True
    assert demand.maximum == "low"


def test_the_most_demanding_viewer_counts() -> None:
    demand = Demand[int](0.0)
    for viewer in range(1000):
        demand.want(viewer, QUALITIES[viewer % 2], 0.0)
    demand.handle_timeout(5.0)
    assert demand.enabled == {"low": True, "medium": True, "high": False}
    for viewer in range(1, 1000, 2):
        demand.want(viewer, None, 6.0)
    demand.handle_timeout(11.0)
    assert demand.enabled == {"low": True, "medium": False, "high": False}


_wishes = st.lists(
    st.tuples(st.integers(0, 3), st.none() | st.sampled_from(QUALITIES), st.floats(0.0, 4.0)), max_size=60
)


@given(_wishes)
def test_everybody_is_served_at_once_and_the_publisher_is_left_in_peace(
    wishes: list[tuple[int, VideoQuality | None, float]],
) -> None:
    demand, now = Demand[int](0.0), 0.0
    wanted: dict[int, VideoQuality] = {}
    changes: list[tuple[float, int]] = [(0.0, 3)]

    def note(changed: bool, at: float, before: dict[VideoQuality, bool]) -> None:
        assert changed == (demand.enabled != before)
        if changed:
            changes.append((at, sum(demand.enabled.values())))

    def expire(until: float) -> None:
        while (due := demand.next_deadline()) is not None and due <= until:
            before = demand.enabled
            note(demand.handle_timeout(due), due, before)
            assert demand.next_deadline() is None

    for viewer, quality, wait in wishes:
        now += wait
        expire(now)
        before = demand.enabled
        note(demand.want(viewer, quality, now), now, before)
        wanted.pop(viewer, None)
        if quality is not None:
            wanted[viewer] = quality
        assert all(demand.enabled[each] for each in wanted.values())
        assert list(demand.enabled.values()) == sorted(demand.enabled.values(), reverse=True), "no holes"
        highest = max((QUALITIES.index(each) for each in wanted.values()), default=-1)
        assert (demand.next_deadline() is None) == (sum(demand.enabled.values()) == highest + 1)
    for (earlier, was), (later, then) in pairwise(changes):
        assert then > was or later - earlier >= DECREASE_SECONDS - 1e-9, "down only after a while"
    expire(now + DECREASE_SECONDS)
    assert sum(demand.enabled.values()) == max((QUALITIES.index(each) for each in wanted.values()), default=-1) + 1
    assert len(demand._wanted) == len(wanted)
