"""One allocation (RFC 8656, 6): who it belongs to, its relayed addresses, and until when what is granted holds."""

from collections.abc import Iterable
from dataclasses import dataclass

from turn.attribute_forms import Family
from turn.attributes import Transport
from turn.channels import NUMBERS, Channels
from turn.datapath import Address, Path, RelayPath
from turn.leases import Lease
from turn.permissions import Permissions


@dataclass(frozen=True, slots=True)
class Owner:
    """username: which every later request must bear (RFC 8656, 5). user: who that is, which quotas go by."""

    username: str
    user: str


class Allocation:
    """A dual one has two leases, whose ends are apart (RFC 8656, 8.2); it lives as long as one of them.

    The relayed address of a family that has ended stays taken until the other ends, but nothing passes there.
    """

    def __init__(
        self,
        datapath: RelayPath,
        relay: int,
        client: Path,
        owner: Owner,
        leases: Iterable[Lease],
        *,
        expiry: float,
        max_permissions: int,
        max_channels: int,
        channel_numbers: range = NUMBERS,
    ) -> None:
        self.relay = relay
        self.client = client
        self.owner = owner
        self.leases = tuple(leases)
        self.permissions = Permissions(datapath, relay, max_permissions)
        self.channels = Channels(datapath, relay, max_channels, channel_numbers)
        self.ticket: bytes | None = None
        # The last answer that must be the same when its request comes again (RFC 8656, 5), by transaction id.
        self.answer: tuple[bytes, bytes] | None = None
        self._expiry = {lease.family: expiry for lease in self.leases}

    @property
    def transport(self) -> Transport:
        return self.leases[0].transport

    @property
    def families(self) -> frozenset[Family]:
        """Those that have not ended; none: it is over."""
        return frozenset(self._expiry)

    def relays(self, address: Address) -> bool:
        return any(lease.address == address and lease.family in self._expiry for lease in self.leases)

    def extend(self, families: Iterable[Family], expiry: float) -> None:
        for family in families:
            self._expiry[family] = expiry

    def end(self, families: Iterable[Family]) -> None:
        for family in tuple(families):
            del self._expiry[family]
            self.channels.drop_family(family)
            self.permissions.drop_family(family)

    def next_deadline(self) -> float | None:
        dues = (*self._expiry.values(), self.permissions.next_deadline(), self.channels.next_deadline())
        return min((due for due in dues if due is not None), default=None)

    def handle_timeout(self, now: float) -> None:
        self.end([family for family, expiry in self._expiry.items() if expiry <= now])
        self.permissions.handle_timeout(now)
        self.channels.handle_timeout(now)
