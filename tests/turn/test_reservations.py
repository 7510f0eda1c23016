"""Reservations: for half a minute, for one user, once."""

import random

from tests.turn.recording import FakeSocket
from turn.addresses import RelayedAddresses
from turn.attribute_forms import Family
from turn.attributes import Transport
from turn.leases import Lease, Leases
from turn.quotas import Quotas
from turn.reservations import HOLD_SECONDS, Reservations


class Shelf:
    """Reservations, and what they are given back to."""

    def __init__(self) -> None:
        self.quotas = Quotas(total=100, per_user=100)
        addresses = RelayedAddresses(
            [("198.18.0.1", "198.18.0.1")],
            (50_000, 50_099),
            lambda ip, port: FakeSocket((ip, port)),
            random.Random(0).randbytes,
        )
        self.leases = Leases({Transport.UDP: addresses}, self.quotas)
        self.reservations = Reservations(self.leases, random.Random(1).randbytes)

    def hold(self, user: str, now: float) -> tuple[bytes, Lease]:
        lease = self.leases.take(user, Transport.UDP, Family.IPV4)
        return self.reservations.hold(lease, now), lease


def test_a_token_is_for_one_user_and_once() -> None:
    shelf = Shelf()
    token, lease = shelf.hold("alice", 0.0)
    assert shelf.reservations.redeem(token, "mallory") is None
    assert shelf.reservations.redeem(b"\0" * 8, "alice") is None
    assert shelf.reservations.redeem(token, "alice") is lease
    assert shelf.reservations.redeem(token, "alice") is None
    assert shelf.reservations.next_deadline() is None
    shelf.reservations.handle_timeout(HOLD_SECONDS)
    assert len(shelf.quotas) == 1, "it is the user's, and not given back"


def test_what_nobody_comes_for_is_given_back() -> None:
    shelf = Shelf()
    token, _ = shelf.hold("alice", 0.0)
    shelf.hold("bob", 1.0)
    assert shelf.reservations.next_deadline() == HOLD_SECONDS
    shelf.reservations.handle_timeout(HOLD_SECONDS - 0.000001)
    assert len(shelf.reservations) == 2
    shelf.reservations.handle_timeout(HOLD_SECONDS)
    assert len(shelf.reservations) == 1
    assert shelf.reservations.redeem(token, "alice") is None
    assert len(shelf.quotas) == 1


def test_a_user_who_goes_leaves_none() -> None:
    shelf = Shelf()
    for user in ("alice", "alice", "bob"):
        shelf.hold(user, 0.0)
    shelf.reservations.drop_group("alice")
    assert (len(shelf.reservations), len(shelf.quotas)) == (1, 1)
    shelf.reservations.drop_group("bob")
    assert shelf.reservations.next_deadline() is None
