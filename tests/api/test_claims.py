"""Claims, each as it should be or refused."""

from datetime import timedelta

import pytest

from api import claims
from api.claims import ClaimError
from api.room_config import RoomConfig

DAY = timedelta(days=1)


@pytest.mark.parametrize("payload", [b"", b"[]", b"1", b"null", b"\xff", b"[" * 100_000, b'{"a":' * 100_000])
def test_a_payload_that_is_no_object_is_refused(payload: bytes) -> None:
    with pytest.raises(ClaimError):
        claims.parse(payload)


def test_an_object_is_read() -> None:
    read = claims.parse(b'{"a": "b", "c": {"d": "e"}, "f": {"maxParticipants": 2, "agents": []}}')
    assert (claims.text(read, "a"), claims.text(read, "none")) == ("b", "")
    assert (claims.texts(read, "c"), claims.texts(read, "none")) == ({"d": "e"}, {})
    assert claims.read(RoomConfig, read, "f") == RoomConfig(max_participants=2)
    assert claims.read(RoomConfig, read, "none") is None


@pytest.mark.parametrize("value", [1, True, [], {}, "\ud800"])
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(ClaimError, match="the a claim"):
        claims.text({"a": value}, "a")


@pytest.mark.parametrize("value", [1, "b", [], {"b": 1}, {"b": None}, {"\ud800": "b"}])
def test_what_does_not_hold_text_by_name_is_refused(value: object) -> None:
    with pytest.raises(ClaimError, match="the a claim"):
        claims.texts({"a": value}, "a")


@pytest.mark.parametrize(
    ("times", "good"),
    [
        ({"exp": 1000}, True),
        ({"exp": 941}, True),
        ({"exp": 940}, False),
        ({"exp": 1000 + 86400 + 60}, True),
        ({"exp": 1000 + 86400 + 61}, False),
        ({"exp": 1000, "nbf": 1060.0}, True),
        ({"exp": 1000, "nbf": 1061}, False),
        ({"exp": 1000, "nbf": None}, False),
        ({"nbf": 900}, False),
    ],
)
def test_lifetimes(times: dict[str, object], good: bool) -> None:
    if good:
        claims.check_lifetime(times, 1000, DAY)
    else:
        with pytest.raises(ClaimError):
            claims.check_lifetime(times, 1000, DAY)
