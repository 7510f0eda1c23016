"""Wishes for tracks: what was said of one counts, the rest is automatic, and both are bounded."""

import pytest

from sfu.calls.interest import MAX_WISHES, Interest
from sfu.view_settings import ViewSettings

SMALL = ViewSettings(quality="low")


@pytest.mark.parametrize("automatic", [True, False])
def test_what_was_said_counts_more_than_what_is_automatic(automatic: bool) -> None:
    interest = Interest(automatic=automatic)
    assert interest.wants("TR_a") is automatic
    assert not interest.asked_for("TR_a")
    interest.wish(["TR_a", "TR_b"], not automatic)
    assert interest.wants("TR_a") is interest.wants("TR_b") is not automatic
    assert interest.asked_for("TR_a") is not automatic
    interest.forget("TR_a")
    assert interest.wants("TR_a") is automatic


def test_the_oldest_wishes_are_forgotten() -> None:
    interest = Interest(automatic=False)
    interest.wish(["first", "second"], True)
    interest.wish(["first"], True)
    interest.wish([str(number) for number in range(MAX_WISHES - 1)], True)
    assert interest.wants("first")
    assert not interest.wants("second")


def test_views_are_remembered_until_the_track_ends_and_bounded_too() -> None:
    interest = Interest(automatic=True)
    assert interest.view("TR_a") == ViewSettings()
    interest.show(["TR_a", "TR_b"], SMALL)
    assert interest.view("TR_a") == SMALL
    interest.forget("TR_a")
    assert interest.view("TR_a") == ViewSettings()
    interest.show([str(number) for number in range(MAX_WISHES)], SMALL)
    assert interest.view("TR_b") == ViewSettings()
