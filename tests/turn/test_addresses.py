"""Relayed addresses: each to one at a time, of the range, not to be foreseen."""

import random
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.turn.recording import FakeSocket
from turn.addresses import MAX_TRIES, VIRTUAL_PORTS, Relayed, RelayedAddresses, virtual
from turn.attribute_forms import Family
from turn.datapath import Bound
from turn.errors import Refused

IP = "198.18.0.1"


def pool(
    ports: tuple[int, int], bind: Callable[[str, int], Bound] = lambda ip, port: FakeSocket((ip, port)), seed: int = 0
) -> RelayedAddresses:
    return RelayedAddresses([(IP, IP)], ports, bind, random.Random(seed).randbytes)


def take(addresses: RelayedAddresses, wish: str) -> list[Relayed]:
    """wish: "any", "even" or "pair"."""
    if wish == "pair":
        return [*addresses.take_pair(Family.IPV4)]
    return [addresses.take(Family.IPV4, even=wish == "even")]


def codes(take: Callable[[], object]) -> int:
    with pytest.raises(Refused) as caught:
        take()
    return caught.value.code


@given(
    st.integers(1024, 1100),
    st.integers(0, 20),
    st.lists(st.sampled_from(["any", "even", "pair", "back"]), max_size=40),
    st.integers(0, 9),
)
def test_against_a_set(first: int, size: int, wishes: list[str], seed: int) -> None:
    """Whatever is taken is free and in the range; a refusal means that there is nothing of the kind."""
    addresses = pool((first, first + size), seed=seed)
    free = set(range(first, first + size + 1))
    held: list[Relayed] = []
    for wish in wishes:
        even = {port for port in free if port % 2 == 0}
        pairs = {port for port in even if port + 1 in free}
        possible = {"any": free, "even": even, "pair": pairs, "back": {-1}}[wish]
        if wish == "back":
            if held:
                free.add(held[0].address[1])
                addresses.release(held.pop(0))
            continue
        if not possible:
            assert codes(partial(take, addresses, wish)) == 508
            continue
        taken = take(addresses, wish)
        ports = [relayed.address[1] for relayed in taken]
        assert ports[0] in possible
        assert ports[1:] == ([ports[0] + 1] if wish == "pair" else [])
        free -= set(ports)
        held += taken
    assert all(((IP, port) in addresses) == (port not in free) for port in range(first, first + size + 1))


def test_ports_are_drawn() -> None:
    drawn = [pool((49152, 65535), seed=seed).take(Family.IPV4).address[1] for seed in range(50)]
    assert len(set(drawn)) > 45


def test_a_family_without_addresses() -> None:
    assert codes(lambda: pool((1024, 2000)).take(Family.IPV6)) == 440


def test_what_others_use_is_passed_over() -> None:
    others = set(range(50_000, 50_020))

    def bind(ip: str, port: int) -> FakeSocket:
        if port in others:
            raise OSError("in use")
        return FakeSocket((ip, port))

    assert pool((50_000, 50_020), bind).take(Family.IPV4).address[1] == 50_020
    lower, upper = pool((50_000, 50_023), bind).take_pair(Family.IPV4)
    assert (lower.address[1], upper.address[1]) in ((50_020, 50_021), (50_022, 50_023))


def test_there_is_an_end_to_trying() -> None:
    tries: list[int] = []

    def bind(ip: str, port: int) -> FakeSocket:
        tries.append(port)
        raise OSError("in use")

    assert codes(lambda: pool((49152, 65535), bind).take(Family.IPV4)) == 508
    assert len(tries) == MAX_TRIES


def test_a_pair_of_which_one_is_in_use_leaves_nothing_behind() -> None:
    def bind(ip: str, port: int) -> FakeSocket:
        if port % 2:
            raise OSError("in use")
        return FakeSocket((ip, port))

    addresses = pool((50_000, 50_003), bind)
    assert codes(lambda: addresses.take_pair(Family.IPV4)) == 508
    assert {addresses.take(Family.IPV4, even=True).address[1] for _ in range(2)} == {50_000, 50_002}


def test_virtual_addresses_are_where_nothing_listens() -> None:
    bind = virtual([(IP, 1024), (IP, 1026)])
    addresses = RelayedAddresses([(IP, IP)], (1024, 1027), bind, random.Random(0).randbytes)
    taken = [addresses.take(Family.IPV4) for _ in range(2)]
    assert {relayed.address for relayed in taken} == {(IP, 1025), (IP, 1027)}
    assert [relayed.endpoint for relayed in taken] == [relayed.address for relayed in taken]
    assert VIRTUAL_PORTS[0] == 1024
