"""Users of one group have quotas of their own and are sent away together."""

import pytest

from turn.credentials import Credentials, identity
from turn.groups import group_of


@pytest.mark.parametrize(
    ("user", "group"), [("alice", "alice"), ("room/1", "room"), ("a/b/c", "a/b"), ("/x", "/x"), ("a/", "a")]
)
def test_what_stands_before_the_last_slash(user: str, group: str) -> None:
    assert group_of(user) == group


def test_a_revocation_is_for_the_whole_group_and_for_nobody_else() -> None:
    credentials = Credentials(["a secret of some length"], "realm")
    minted = {user: identity(credentials.mint(user, 1000.0)[0]) for user in ("g/1", "g/2", "other/1")}
    credentials.revoke("g", 1001.0)
    assert {user for user, who in minted.items() if who is not None and credentials.admits(who, 1002.0)} == {"other/1"}
    again = identity(credentials.mint("g/1", 1002.0)[0])
    assert again is not None
    assert credentials.admits(again, 1003.0)
