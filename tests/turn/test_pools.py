"""Which relayed addresses the settings give."""

import random
from dataclasses import replace

import pytest

from tests.turn.recording import FakeSocket
from tests.turn.world import MEDIA, MEDIA6, OPEN, SETTINGS
from turn.attribute_forms import Family
from turn.attributes import Transport
from turn.pools import announced_ips, pools


def test_self_relays_at_what_is_announced_first() -> None:
    own = [("203.0.113.9", 3478), ("10.0.0.9", 3478), MEDIA6, ("2001:db8::2", 3478)]
    assert announced_ips(SETTINGS, own) == [("203.0.113.9", "203.0.113.9"), (MEDIA6[0], MEDIA6[0])]
    assert announced_ips(SETTINGS, []) == []


def test_self_relays_where_it_is_told() -> None:
    assert announced_ips(replace(SETTINGS, relay_ips=("192.0.2.1",)), [MEDIA, MEDIA6]) == [
        ("192.0.2.1", "192.0.2.1"),
        (MEDIA6[0], MEDIA6[0]),
    ]


def test_self_is_announced_as_it_is_known() -> None:
    settings = replace(SETTINGS, relay_ips=("10.0.0.1", "2001:db8::1"), public_ips=("203.0.113.1",))
    assert announced_ips(settings, [MEDIA]) == [("203.0.113.1",) * 2, ("2001:db8::1",) * 2]


def test_open_relays_are_announced_one_for_one() -> None:
    settings = replace(OPEN, relay_ips=("10.0.0.1", "10.0.0.2", "fd00::1"), public_ips=("203.0.113.1", "203.0.113.2"))
    assert announced_ips(settings, [MEDIA]) == [
        ("10.0.0.1", "203.0.113.1"),
        ("10.0.0.2", "203.0.113.2"),
        ("fd00::1", "fd00::1"),
    ]


@pytest.mark.parametrize("public", [("203.0.113.1", "203.0.113.2"), ("2001:db8::9",)])
def test_public_addresses_without_a_counterpart(public: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="public addresses"):
        announced_ips(replace(OPEN, relay_ips=("10.0.0.1",), public_ips=public), [])


def test_open_relays_are_somewhere() -> None:
    with pytest.raises(ValueError, match="relay at"):
        announced_ips(replace(OPEN, relay_ips=()), [MEDIA])


@pytest.mark.parametrize(
    ("settings", "transports"),
    [
        (SETTINGS, {Transport.UDP}),
        (replace(SETTINGS, tcp_allocations=True), {Transport.UDP}),
        (OPEN, {Transport.UDP}),
        (replace(OPEN, tcp_allocations=True), {Transport.UDP, Transport.TCP}),
    ],
)
def test_transports(settings: object, transports: set[Transport]) -> None:
    def bind(ip: str, port: int) -> FakeSocket:
        return FakeSocket((ip, port))

    found = pools(settings, [(MEDIA[0],) * 2], [MEDIA], bind, bind, random.Random(0).randbytes)  # type: ignore[arg-type]
    assert set(found) == transports
    for addresses in found.values():
        assert addresses.take(Family.IPV4).address[0] == MEDIA[0]
