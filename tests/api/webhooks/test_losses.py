"""Losses are told of once a minute."""

from api.webhooks.losses import Losses


def test_the_first_is_told_of_at_once_and_the_next_add_up() -> None:
    losses = Losses()
    assert losses.add(2, 100.0) == 2
    assert losses.add(3, 110.0) == 0
    assert losses.add(1, 159.9) == 0
    assert losses.add(1, 160.0) == 5
    assert losses.add(1, 161.0) == 0
    assert losses.rest(162.0) == 1
    assert losses.rest(163.0) == 0
