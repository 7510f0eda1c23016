"""The client's own tokens are what the server takes for one."""

from datetime import timedelta

import pytest

from api.tokens import TokenError, verify
from clients.rest.tokens import EVERYTHING, sign
from tests.api.recording import KEY, SECRET, WallClock

NOW = WallClock().now()


def test_a_token_holds_everything_for_a_while() -> None:
    text = sign(KEY, SECRET, now=NOW, ttl=timedelta(minutes=10), video=EVERYTHING, identity="backend")
    token = verify(text, {KEY: SECRET}, NOW + timedelta(minutes=10))
    assert (token.key, token.identity) == (KEY, "backend")
    assert token.may_administer("any")
    assert token.may_create("any")
    assert token.video.room_list
    with pytest.raises(TokenError):
        verify(text, {KEY: SECRET}, NOW + timedelta(minutes=12))
    with pytest.raises(TokenError):
        verify(text, {KEY: "another"}, NOW)


def test_nobody_is_named_where_there_is_nobody() -> None:
    text = sign(KEY, SECRET, now=NOW, ttl=timedelta(minutes=1), video={"roomJoin": True, "room": "room"})
    assert verify(text, {KEY: SECRET}, NOW).identity == ""
