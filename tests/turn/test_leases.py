"""Leases: address and quota are taken together or not at all."""

import random

import pytest

from tests.turn.recording import FakeSocket
from turn.addresses import RelayedAddresses
from turn.attribute_forms import Family
from turn.attributes import Transport
from turn.errors import Refused
from turn.leases import Leases
from turn.quotas import Quotas


def leases(*, ports: int, per_user: int) -> tuple[Leases, Quotas]:
    quotas = Quotas(total=100, per_user=per_user)
    addresses = RelayedAddresses(
        [("198.18.0.1", "198.18.0.1")],
        (50_000, 50_000 + ports - 1),
        lambda ip, port: FakeSocket((ip, port)),
        random.Random(0).randbytes,
    )
    return Leases({Transport.UDP: addresses}, quotas), quotas


def test_without_an_address_the_quota_is_as_it_was() -> None:
    held, quotas = leases(ports=1, per_user=5)
    first = held.take("alice", Transport.UDP, Family.IPV4)
    for _ in range(10):
        with pytest.raises(Refused, match="508"):
            held.take("alice", Transport.UDP, Family.IPV4)
        with pytest.raises(Refused, match="508"):
            held.take_pair("alice", Family.IPV4)
        with pytest.raises(Refused, match="440"):
            held.take("bob", Transport.UDP, Family.IPV6)
    held.give_back(first)
    assert len(quotas) == 0
    assert held.take("alice", Transport.UDP, Family.IPV4).address == first.address


def test_without_quota_no_address_is_taken() -> None:
    held, quotas = leases(ports=2, per_user=1)
    with pytest.raises(Refused, match="486"):
        held.take_pair("alice", Family.IPV4)
    held.take("alice", Transport.UDP, Family.IPV4)
    with pytest.raises(Refused, match="486"):
        held.take("alice", Transport.UDP, Family.IPV4)
    held.take("bob", Transport.UDP, Family.IPV4)
    assert len(quotas) == 2


def test_a_pair_is_two_leases() -> None:
    held, quotas = leases(ports=2, per_user=2)
    lower, upper = held.take_pair("alice", Family.IPV4)
    assert upper.address[1] == lower.address[1] + 1
    assert (lower.family, lower.user, lower.transport) == (Family.IPV4, "alice", Transport.UDP)
    held.give_back(upper)
    assert len(quotas) == 1
    held.give_back(lower)
    assert len(quotas) == 0


def test_transports_that_are_offered() -> None:
    held, _ = leases(ports=1, per_user=1)
    assert [held.offers(number) for number in (17, 6, 99)] == [True, False, False]
