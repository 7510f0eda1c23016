"""The parts that need no app: entity tags, durations, names, pages, replies, links."""

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.durations import parse_duration
from api.etags import Match, if_match
from api.ice_servers import IceServer, link_header
from api.idempotency import KeyReusedError, Reply, ReplyStore
from api.names import name_fault, room_fault
from api.paging import paginate
from api.readiness import Readiness, State
from api.trusted_hosts import host_name


@pytest.mark.parametrize(
    ("header", "match"),
    [
        (None, Match.MISSING),
        ("*", Match.ANY),
        (' "*" ', Match.ANY),
        ('"now"', Match.CURRENT),
        ('"old", "now"', Match.CURRENT),
        ('"old","now" ', Match.CURRENT),
        ('"old"', Match.STALE),
        ('W/"now"', Match.STALE),
        ("now", Match.STALE),
        ("", Match.STALE),
        ('"now', Match.STALE),
        ('"x",' * 500, Match.STALE),
    ],
)
def test_if_match(header: str | None, match: Match) -> None:
    assert if_match(header, "now") is match


@given(st.text())
def test_if_match_reads_anything(header: str) -> None:
    assert if_match(header, "now") in Match


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("15m", 900), ("6h", 21600), ("30d", 2592000), ("1h30m", 5400), (" 1H ", 3600)],
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "0", "0h", "h", "-1h", "1.5h", "1w", "1h 30m", "9" * 50 + "s", "\u0661h"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_names() -> None:
    assert [name_fault(name) for name in ("lobby", "Zoë", "会議室", "a b", "a/b", "🎥")] == [None] * 6
    assert all(name_fault(name) for name in ("", " a", "a\n", "a\u200fb", "e\u0301", "x" * 257, "\ud800"))
    assert all(room_fault(name) for name in (".", "..", "a/b", ""))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), unique=True), st.integers(min_value=1, max_value=7))
def test_pages_hold_everything_once_in_order(items: list[str], size: int) -> None:
    seen: list[str] = []
    cursor = None
    for _ in range(len(items) + 1):
        page = paginate(items, lambda item: item, size, cursor)
        seen += page.items
        cursor = page.next_page_token
        if cursor is None:
            break
    assert seen == sorted(items)


@given(st.text())
def test_a_made_up_cursor_is_refused_or_read(cursor: str) -> None:
    with contextlib.suppress(ValueError):
        assert paginate(["a"], lambda item: item, 1, cursor).next_page_token is None


def test_replies_expire_and_are_bounded() -> None:
    store = ReplyStore(capacity=2, ttl=10.0)
    for index, key in enumerate("abc"):
        store.keep("s", key, b"request", Reply(200, key.encode()), float(index))
    assert len(store) == 2
    assert store.find("s", "a", b"request", 2.0) is None
    assert store.find("s", "c", b"request", 11.9) == Reply(200, b"c")
    assert store.find("s", "c", b"request", 12.0) is None
    assert len(store) == 0


def test_a_reused_key_is_noticed_within_its_scope_only() -> None:
    store = ReplyStore(capacity=2, ttl=10.0)
    store.keep("s", "k", b"one", Reply(200, b""), 0.0)
    assert store.find("t", "k", b"two", 0.0) is None
    with pytest.raises(KeyReusedError):
        store.find("s", "k", b"two", 0.0)


@pytest.mark.parametrize("credential", ["a\r\nX: y", "\u20ac", "a\0b"])
def test_a_credential_cannot_end_the_header(credential: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        link_header(IceServer("turn:a.example", "u", credential))


def test_an_ice_server_shows_no_credential() -> None:
    assert "hunter2" not in repr(IceServer("turn:a.example", "u", "hunter2"))


def test_readiness_never_comes_back() -> None:
    readiness = Readiness()
    states = [readiness.state]
    for event in (readiness.started, readiness.draining, readiness.started):
        event()
        states.append(readiness.state)
    assert states == [State.STARTING, State.READY, State.DRAINING, State.DRAINING]


@pytest.mark.parametrize(
    ("header", "name"),
    [("A.example:80", "a.example"), ("a.example", "a.example"), ("[::1]:80", "::1"), ("[::1]", "::1"), ("", "")],
)
def test_host_names(header: str, name: str) -> None:
    assert host_name(header) == name
