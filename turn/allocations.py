"""All allocations: by the client's path, by the data path's id, by owner and by relayed address."""

from collections.abc import Callable, Iterable, Iterator

from turn.allocation import Allocation, Owner
from turn.channels import NUMBERS, OLD_NUMBERS
from turn.datapath import Address, Path, RelayPath
from turn.deadlines import Deadlines
from turn.errors import Refused
from turn.groups import group_of
from turn.leases import Lease, Leases
from turn.request import Request
from turn.settings import TurnSettings

STREAMS = ("tcp", "tls")


class Allocations:
    """`closed` hears of each that ends, before the data path forgets it. There are as many as leases are given."""

    def __init__(
        self,
        datapath: RelayPath,
        leases: Leases,
        settings: TurnSettings,
        closed: Callable[[Allocation], None],
    ) -> None:
        self._datapath = datapath
        self._leases = leases
        self._settings = settings
        self._closed = closed
        self._by_client: dict[Path, Allocation] = {}
        self._by_relay: dict[int, Allocation] = {}
        self._by_group: dict[str, set[Allocation]] = {}
        self._by_address: dict[Address, Allocation] = {}
        self._by_ticket: dict[bytes, Allocation] = {}
        self._by_stream: dict[int, Allocation] = {}
        self._deadlines = Deadlines[int]()

    def __len__(self) -> int:
        return len(self._by_relay)

    def __iter__(self) -> Iterator[Allocation]:
        return iter(self._by_relay.values())

    def at(self, client: Path) -> Allocation | None:
        return self._by_client.get(client)

    def owned(self, request: Request) -> Allocation:
        """The one at the request's path. Refused: 437 there is none, 441 it is not the requester's (RFC 8656, 5)."""
        allocation = self._by_client.get(request.client)
        if allocation is None:
            raise Refused(437, "allocation mismatch")
        self.check_owner(allocation, request)
        return allocation

    @staticmethod
    def check_owner(allocation: Allocation, request: Request) -> None:
        if allocation.owner != request.owner:
            raise Refused(441, "wrong credentials")

    def on_stream(self, stream: int) -> Allocation | None:
        return self._by_stream.get(stream)

    def with_relay(self, relay: int) -> Allocation | None:
        return self._by_relay.get(relay)

    def with_ticket(self, ticket: bytes) -> Allocation | None:
        return self._by_ticket.get(ticket)

    def of(self, group: str) -> tuple[Allocation, ...]:
        return tuple(self._by_group.get(group, ()))

    def relays(self, address: Address) -> bool:
        """Whether it is the relayed address of an allocation."""
        allocation = self._by_address.get(address)
        return allocation is not None and allocation.relays(address)

    def open(self, client: Path, owner: Owner, leases: Iterable[Lease], expiry: float) -> Allocation:
        """The path must be free. Refused (508): the system has no room for it; then the leases are given back."""
        held = tuple(leases)
        endpoints = [lease.relayed.endpoint for lease in held]
        try:
            relay = self._datapath.add_relay(client, endpoints, max_bps=self._settings.max_bps)
        except OSError:
            for lease in held:
                self._leases.give_back(lease)
            raise Refused(508, "no room for sockets") from None
        allocation = Allocation(
            self._datapath,
            relay,
            client,
            owner,
            held,
            expiry=expiry,
            max_permissions=self._settings.permissions,
            max_channels=self._settings.channels,
            channel_numbers=OLD_NUMBERS if self._settings.old_channels else NUMBERS,
        )
        self._by_relay[relay] = allocation
        self._by_group.setdefault(group_of(owner.user), set()).add(allocation)
        self._by_address.update((lease.address, allocation) for lease in held)
        self._place(allocation)
        self.reschedule(allocation)
        return allocation

    def move(self, allocation: Allocation, client: Path) -> None:
        """The client is on another path, which must be free (RFC 8016)."""
        self._displace(allocation)
        allocation.client = client
        self._place(allocation)
        self._datapath.move_relay(allocation.relay, client)

    def set_ticket(self, allocation: Allocation, ticket: bytes) -> None:
        """The one before is worth nothing any more."""
        self._by_ticket.pop(allocation.ticket or b"", None)
        allocation.ticket = ticket
        self._by_ticket[ticket] = allocation

    def close(self, allocation: Allocation) -> None:
        """Once each."""
        self._closed(allocation)
        self._datapath.remove_relay(allocation.relay)
        self._deadlines.set(allocation.relay, None)
        del self._by_relay[allocation.relay]
        self._displace(allocation)
        self._by_ticket.pop(allocation.ticket or b"", None)
        group = group_of(allocation.owner.user)
        mine = self._by_group[group]
        mine.discard(allocation)
        if not mine:
            del self._by_group[group]
        for lease in allocation.leases:
            del self._by_address[lease.address]
            self._leases.give_back(lease)

    def reschedule(self, allocation: Allocation) -> None:
        """To be called after every change to it; without a family left it is closed."""
        if allocation.families:
            self._deadlines.set(allocation.relay, allocation.next_deadline())
        else:
            self.close(allocation)

    def next_deadline(self) -> float | None:
        return self._deadlines.next()

    def handle_timeout(self, now: float) -> None:
        for relay in list(self._deadlines.pop_due(now)):
            allocation = self._by_relay[relay]
            allocation.handle_timeout(now)
            self.reschedule(allocation)

    def _place(self, allocation: Allocation) -> None:
        self._by_client[allocation.client] = allocation
        if allocation.client.protocol in STREAMS:
            self._by_stream[allocation.client.id] = allocation

    def _displace(self, allocation: Allocation) -> None:
        del self._by_client[allocation.client]
        if allocation.client.protocol in STREAMS:
            del self._by_stream[allocation.client.id]
