"""The table of allocations: found by everything they are known by, and by nothing of it any more when they end."""

import random

import pytest

from tests.turn.recording import FivePath, RecordingPath
from tests.turn.world import MEDIA, SETTINGS
from turn.addresses import RelayedAddresses, virtual
from turn.allocation import Allocation, Owner
from turn.allocations import Allocations
from turn.attribute_forms import Family
from turn.attributes import Transport
from turn.leases import Leases
from turn.quotas import Quotas

ALICE = Owner("1790000300:alice", "alice")


class Table:
    """Allocations, with what they are made of and what was heard of their ends."""

    def __init__(self) -> None:
        self.datapath = RecordingPath()
        self.quotas = Quotas(total=100, per_user=100)
        ips = [(ip, ip) for ip in ("198.18.0.1", "2001:db8::1")]
        pool = RelayedAddresses(ips, (1024, 65535), virtual([]), random.Random(0).randbytes)
        self.leases = Leases({Transport.UDP: pool}, self.quotas)
        self.closed: list[Allocation] = []
        self.allocations = Allocations(self.datapath, self.leases, SETTINGS, self.closed.append)

    def open(self, path: FivePath, owner: Owner = ALICE, expiry: float = 600.0) -> Allocation:
        leases = [self.leases.take(owner.user, Transport.UDP, family) for family in Family]
        return self.allocations.open(path, owner, leases, expiry)


def path(at: int = 0, protocol: str = "udp") -> FivePath:
    return FivePath(MEDIA, ("192.0.2.7", 1 + at), protocol, 0 if protocol == "udp" else 1 + at)


@pytest.mark.parametrize("protocol", ["udp", "tcp", "tls"])
def test_known_by_everything_and_then_by_nothing(protocol: str) -> None:
    table = Table()
    allocation = table.open(path(protocol=protocol))
    table.allocations.set_ticket(allocation, b"ticket")

    def known() -> list[bool]:
        return [
            table.allocations.at(path(protocol=protocol)) is allocation,
            table.allocations.with_relay(allocation.relay) is allocation,
            table.allocations.with_ticket(b"ticket") is allocation,
            table.allocations.of("alice") == (allocation,),
            *(table.allocations.relays(lease.address) for lease in allocation.leases),
            len(table.allocations) == 1,
            list(table.allocations) == [allocation],
            table.allocations.next_deadline() == 600.0,
        ]

    assert all(known())
    assert (table.allocations.on_stream(1) is allocation) == (protocol != "udp")
    table.allocations.close(allocation)
    assert not any(known())
    assert table.allocations.on_stream(1) is None
    assert table.closed == [allocation]
    assert (table.datapath.relays, len(table.quotas)) == ({}, 0)


def test_the_data_path_still_has_it_when_its_end_is_heard_of() -> None:
    table = Table()
    relays: list[int] = []
    table.allocations = Allocations(
        table.datapath, table.leases, SETTINGS, lambda allocation: relays.extend(table.datapath.relays)
    )
    allocation = table.open(path())
    table.allocations.close(allocation)
    assert relays == [allocation.relay]


def test_each_ends_in_its_time() -> None:
    table = Table()
    early, late = table.open(path(0), expiry=100.0), table.open(path(1), expiry=200.0)
    assert table.allocations.next_deadline() == 100.0
    table.allocations.handle_timeout(150.0)
    assert table.closed == [early]
    early_port = early.leases[0].address
    assert not table.allocations.relays(early_port)
    table.allocations.handle_timeout(200.0)
    assert table.closed == [early, late]


def test_a_family_that_has_ended_is_no_peer_of_anybody() -> None:
    table = Table()
    allocation = table.open(path())
    allocation.end([Family.IPV4])
    table.allocations.reschedule(allocation)
    assert [table.allocations.relays(lease.address) for lease in allocation.leases] == [False, True]
    allocation.extend([Family.IPV6], 900.0)
    table.allocations.reschedule(allocation)
    assert table.allocations.next_deadline() == 900.0
    allocation.end([Family.IPV6])
    table.allocations.reschedule(allocation)
    assert table.closed == [allocation]


def test_it_moves_with_all_it_is_known_by() -> None:
    table = Table()
    allocation = table.open(path(0, "tcp"))
    table.allocations.move(allocation, path(1, "tls"))
    assert table.allocations.at(path(0, "tcp")) is None
    assert table.allocations.on_stream(1) is None
    assert table.allocations.at(path(1, "tls")) is allocation
    assert table.allocations.on_stream(2) is allocation
    assert table.datapath.relays[allocation.relay].client == path(1, "tls")


def test_a_new_ticket_is_instead_of_the_old() -> None:
    table = Table()
    allocation = table.open(path())
    for ticket in (b"first", b"second"):
        table.allocations.set_ticket(allocation, ticket)
    assert table.allocations.with_ticket(b"first") is None
    assert table.allocations.with_ticket(b"second") is allocation
    assert table.allocations.with_ticket(b"") is None


def test_users_are_apart() -> None:
    table = Table()
    mine = {table.open(path(at)) for at in range(3)}
    table.open(path(3), Owner("1790000300:bob", "bob"))
    assert set(table.allocations.of("alice")) == mine
    assert table.allocations.of("carol") == ()
