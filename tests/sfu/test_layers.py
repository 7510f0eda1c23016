"""Which layer viewers get, in virtual time."""

from hypothesis import given
from hypothesis import strategies as st

from sfu.layers import MAX_STABLE_SECONDS, STABLE_SECONDS, LayerChoice


def test_layers_are_climbed_as_they_prove_themselves() -> None:
    choice = LayerChoice()
    choice.handle_change(0, True, 0.0)
    choice.handle_change(1, True, 0.2)
    choice.handle_change(2, True, 0.5)
    assert (choice.chosen, choice.next_deadline()) == (0, 0.2 + STABLE_SECONDS)
    choice.handle_timeout(0.2 + STABLE_SECONDS)
    assert choice.chosen == 1
    choice.handle_timeout(0.5 + STABLE_SECONDS)
    assert (choice.chosen, choice.next_deadline()) == (2, None)


def test_a_layer_that_stops_is_left_at_once_and_trusted_less() -> None:
    choice = LayerChoice()
    choice.handle_change(0, True, 0.0)
    choice.handle_change(1, True, 0.0)
    choice.handle_timeout(1.0)
    choice.handle_change(1, False, 5.0)
    assert choice.chosen == 0
    choice.handle_change(1, True, 6.0)
    assert choice.next_deadline() == 8.0
    choice.handle_timeout(7.9)
    assert choice.chosen == 0
    choice.handle_timeout(8.0)
    assert choice.chosen == 1


def test_distrust_has_an_end() -> None:
    choice = LayerChoice()
    choice.handle_change(0, True, 0.0)
    for at in range(20):
        choice.handle_change(1, True, at)
        choice.handle_change(1, False, at)
    choice.handle_change(1, True, 100.0)
    assert choice.next_deadline() == 100.0 + MAX_STABLE_SECONDS


def test_any_layer_is_better_than_none() -> None:
    choice = LayerChoice()
    choice.handle_change(2, True, 0.0)
    assert choice.chosen == 2


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.floats(0, 5)), max_size=40))
def test_the_chosen_layer_flows_whenever_any_does(changes: list[tuple[int, bool, float]]) -> None:
    choice, now = LayerChoice(), 0.0
    flowing: set[int] = set()
    for layer, active, wait in changes:
        now += wait
        if (due := choice.next_deadline()) is not None and due <= now:
            choice.handle_timeout(now)
        choice.handle_change(layer, active, now)
        flowing = flowing | {layer} if active else flowing - {layer}
        assert not flowing or choice.chosen in flowing
        if (due := choice.next_deadline()) is not None:
            choice.handle_timeout(due)
            now = max(now, due)
            assert choice.chosen in flowing
