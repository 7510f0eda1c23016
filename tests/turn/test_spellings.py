"""IPv4 inside IPv6: what is refused outright, and what is taken apart."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turn.spellings import meanings, refusal


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_means_itself(address: IPv4Address) -> None:
    assert list(meanings(address)) == [address]
    assert refusal(address) is None


@given(st.ip_addresses(v=4), st.integers(0, 2**80 - 1))
def test_every_way_to_spell_it_is_refused_or_found_out(address: IPv4Address, rest: int) -> None:
    number = int(address)
    for prefix, low, rule in (
        ("2002::", number << 80 | rest, "2002::/16"),
        ("2001::", rest << 16 | number ^ 0xFFFFFFFF, "2001::/32"),
        ("::ffff:0:0", number, "::ffff:0:0/96"),
        ("::ffff:0:0:0", number, "::ffff:0:0:0/96"),
        ("64:ff9b:1::", rest, "64:ff9b:1::/48"),
    ):
        assert refusal(IPv6Address(int(IPv6Address(prefix)) | low)) == rule
    assert list(meanings(IPv6Address(int(IPv6Address("64:ff9b::")) | number)))[1:] == [address]


@pytest.mark.parametrize("address", ["::", "::1"])
def test_the_two_that_only_look_compatible(address: str) -> None:
    assert refusal(ip_address(address)) is None
    assert refusal(ip_address("::2")) == "::/96"


@given(st.ip_addresses(v=6))
def test_any_address_means_at_least_itself(address: IPv6Address) -> None:
    found = list(meanings(address))
    assert found[0] == address
    assert len(found) <= 2
