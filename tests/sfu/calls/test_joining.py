"""Whom a publisher lets have its tracks."""

import pytest

from sfu.calls.joining import SubscriptionPermissions

NOBODY: dict[str, frozenset[str] | None] = {}


@pytest.mark.parametrize(
    ("tracks", "allowed"),
    [
        (NOBODY, False),
        ({"bob": None}, True),
        ({"PA_bob": None}, True),
        ({"bob": frozenset({"TR_a"})}, True),
        ({"bob": frozenset({"TR_b"})}, False),
        ({"carol": None}, False),
        ({"bob": None, "PA_bob": frozenset()}, False),
    ],
)
def test_tracks_are_allowed_by_id_before_identity(tracks: dict[str, frozenset[str] | None], allowed: bool) -> None:
    assert SubscriptionPermissions(everybody=False, tracks=tracks).allow("bob", "PA_bob", "TR_a") is allowed
    assert SubscriptionPermissions(everybody=True, tracks=tracks).allow("bob", "PA_bob", "TR_a")
