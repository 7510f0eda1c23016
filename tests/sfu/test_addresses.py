"""Which addresses are announced."""

import ipaddress

import pytest

from sfu.addresses import announced_addresses, expand_wildcards, interface_addresses

INTERFACES = ["192.0.2.7", "169.254.1.1", "2001:db8::7", "fe80::1", "127.0.0.1", "::1"]
WILDCARDS = [("0.0.0.0", 3478), ("::", 3478)]


@pytest.mark.parametrize(
    ("bound", "announced"),
    [
        (WILDCARDS, [("192.0.2.7", 3478), ("2001:db8::7", 3478)]),
        ([("0.0.0.0", 3478)], [("192.0.2.7", 3478)]),
        ([("198.51.100.9", 5000)], [("198.51.100.9", 5000)]),
        ([("127.0.0.1", 5000)], [("127.0.0.1", 5000)]),
        ([("192.0.2.7", 3478), ("0.0.0.0", 3478)], [("192.0.2.7", 3478)]),
    ],
)
def test_wildcards_stand_for_interfaces_and_others_for_themselves(
    bound: list[tuple[str, int]], announced: list[tuple[str, int]]
) -> None:
    assert announced_addresses(bound, INTERFACES) == announced


def test_a_wildcard_is_reached_at_every_address_of_its_family() -> None:
    assert expand_wildcards([("0.0.0.0", 1), ("192.0.2.7", 1), ("198.51.100.9", 2)], INTERFACES) == [
        ("192.0.2.7", 1),
        ("169.254.1.1", 1),
        ("127.0.0.1", 1),
        ("198.51.100.9", 2),
    ]


def test_loopback_is_announced_when_asked_for() -> None:
    announced = announced_addresses(WILDCARDS, INTERFACES, include_loopback=True)
    assert {address for address, _ in announced} == {"192.0.2.7", "127.0.0.1", "2001:db8::7", "::1"}


def test_public_addresses_replace_all_others() -> None:
    bound = [("0.0.0.0", 3478), ("::", 3479)]
    announced = announced_addresses(bound, INTERFACES, public_ips=["203.0.113.1", "2001:db8::1"])
    assert announced == [("203.0.113.1", 3478), ("2001:db8::1", 3479)]
    assert announced_addresses(bound[:1], INTERFACES, public_ips=["2001:db8::1"]) == [("2001:db8::1", 3478)]


def test_this_machine_has_addresses() -> None:
    addresses = interface_addresses()
    assert "127.0.0.1" in addresses
    assert all(ipaddress.ip_address(address) for address in addresses)
