"""What servers offer as relays, taken apart; whatever a server says, nothing is raised."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.turn import MAX_SERVERS, TurnServer, turn_servers


def offer(*urls: str, **changes: Any) -> dict[str, Any]:
    return {"iceServers": [{"urls": list(urls), "username": "1:a", "credential": "b"} | changes]}


@pytest.mark.parametrize(
    ("url", "way"),
    [
        ("turn:relay.example", ("relay.example", 3478, "udp")),
        ("turn:192.0.2.1:99", ("192.0.2.1", 99, "udp")),
        ("turn:192.0.2.1:99?transport=udp", ("192.0.2.1", 99, "udp")),
        ("turn:192.0.2.1?transport=tcp", ("192.0.2.1", 3478, "tcp")),
        ("turns:relay.example", ("relay.example", 5349, "tls")),
        ("turns:relay.example:443?transport=tcp", ("relay.example", 443, "tls")),
        ("turn:[2001:db8::1]:3478?transport=udp", ("2001:db8::1", 3478, "udp")),
    ],
)
def test_a_uri_says_where_and_how(url: str, way: tuple[str, int, str]) -> None:
    (server,) = turn_servers(offer(url))
    assert (server.host, server.port, server.transport) == way
    assert (server.username, server.credential) == ("1:a", "b")


@pytest.mark.parametrize(
    "url",
    [
        *("stun:relay.example", "turns:relay.example?transport=udp", "turn:2001:db8::1", "turn:a?transport=sctp"),
        *("turn:a:0", "turn:a:65536", "turn:", "http://a", "turn:a b", ""),
    ],
)
def test_what_is_no_relay_is_skipped(url: str) -> None:
    assert turn_servers(offer(url, "turn:good")) == turn_servers(offer("turn:good"))


def test_a_relay_without_credentials_is_skipped() -> None:
    assert turn_servers(offer("turn:a", username=None)) == []
    assert turn_servers(offer("turn:a", credential=7)) == []


def test_one_url_need_not_be_a_list() -> None:
    assert turn_servers(offer(urls="turn:a")) == turn_servers(offer("turn:a"))


def test_the_list_is_bounded() -> None:
    assert len(turn_servers(offer(*["turn:a"] * 1000))) == MAX_SERVERS


def test_the_secret_is_not_printed() -> None:
    assert "geheim" not in repr(TurnServer("a", 1, "udp", "1:a", "geheim"))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["turn:a", "turns:[::1]:1"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["iceServers", "urls", "username", "credential"]), inner, max_size=4)
        ),
    )
)
def test_any_offer_is_read(offered: object) -> None:
    for server in turn_servers(offered):
        assert 0 < server.port < 65536
