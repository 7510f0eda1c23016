"""Relayed addresses in somebody's hands: taken from a pool and from the holder's quota, given back to both."""

from collections.abc import Mapping
from dataclasses import dataclass

from turn.addresses import Relayed, RelayedAddresses
from turn.attribute_forms import Family
from turn.attributes import Transport
from turn.datapath import Address
from turn.errors import Refused
from turn.quotas import Quotas


@dataclass(frozen=True, slots=True, eq=False)
class Lease:
    user: str
    transport: Transport
    relayed: Relayed

    @property
    def address(self) -> Address:
        return self.relayed.address

    @property
    def family(self) -> Family:
        return self.relayed.family


class Leases:
    """pools: what there is to have, by transport. Raises Refused (440, 486, 508); then nothing is taken."""

    def __init__(self, pools: Mapping[Transport, RelayedAddresses], quotas: Quotas) -> None:
        self._pools = pools
        self._quotas = quotas

    def offers(self, transport: int) -> bool:
        return transport in self._pools

    def take(self, user: str, transport: Transport, family: Family, *, even: bool = False) -> Lease:
        self._quotas.take(user)
        try:
            return Lease(user, transport, self._pools[transport].take(family, even=even))
        except Refused:
            self._quotas.release(user)
            raise

    def take_pair(self, user: str, family: Family) -> tuple[Lease, Lease]:
        """An even port and the next one, of UDP."""
        self._quotas.take(user, 2)
        try:
            lower, upper = self._pools[Transport.UDP].take_pair(family)
        except Refused:
            self._quotas.release(user, 2)
            raise
        return Lease(user, Transport.UDP, lower), Lease(user, Transport.UDP, upper)

    def give_back(self, lease: Lease) -> None:
        """Once each."""
        self._pools[lease.transport].release(lease.relayed)
        self._quotas.release(lease.user)
