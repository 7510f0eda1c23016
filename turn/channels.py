"""The channels of one allocation (RFC 8656, 12): numbers that stand for peers, for ten minutes at a time."""

from collections.abc import Iterable
from dataclasses import dataclass

from turn.attribute_forms import Family, family
from turn.datapath import Address, RelayPath
from turn.errors import Refused

NUMBERS = range(0x4000, 0x5000)
# RFC 5766, 11, had more of them.
OLD_NUMBERS = range(0x4000, 0x7FFF)
LIFETIME_SECONDS = 600.0
# For so long after its end, number and peer may be bound to each other only, since packets of the old binding may still
# be under way (section 12).
QUARANTINE_SECONDS = 300.0


@dataclass(slots=True)
class _Binding:
    peer: Address
    expiry: float
    bound: bool = True


class Channels:
    """Keeps the times; the data path keeps the bindings. What is in quarantine counts towards the limit."""

    def __init__(self, datapath: RelayPath, relay: int, limit: int, numbers: range = NUMBERS) -> None:
        self._datapath = datapath
        self._relay = relay
        self._limit = limit
        self._numbers_allowed = numbers
        self._bindings: dict[int, _Binding] = {}
        self._numbers: dict[Address, int] = {}

    def check(self, number: int, peer: Address) -> None:
        """Section 12.2. Refused: 400 either is bound to something else, 508 one allocation may have no more."""
        if number not in self._numbers_allowed:
            raise Refused(400, "not a channel number")
        binding = self._bindings.get(number)
        if (binding is not None and binding.peer != peer) or self._numbers.get(peer, number) != number:
            raise Refused(400, "channel or peer is bound already")
        if binding is None and len(self._bindings) >= self._limit:
            raise Refused(508, "too many channels")

    def bind(self, number: int, peer: Address, now: float) -> None:
        """Create or refresh what passed `check`."""
        binding = self._bindings.get(number)
        if binding is None or not binding.bound:
            self._datapath.bind_channel(self._relay, number, peer)
        self._bindings[number] = _Binding(peer, now + LIFETIME_SECONDS)
        self._numbers[peer] = number

    def drop_family(self, dropped: Family) -> None:
        self._forget(number for number, each in tuple(self._bindings.items()) if family(each.peer[0]) is dropped)

    def next_deadline(self) -> float | None:
        return min((_due(binding) for binding in self._bindings.values()), default=None)

    def handle_timeout(self, now: float) -> None:
        for number, binding in self._bindings.items():
            if binding.bound and binding.expiry <= now:
                binding.bound = False
                self._datapath.unbind_channel(self._relay, number)
        self._forget(number for number, binding in tuple(self._bindings.items()) if _due(binding) <= now)

    def _forget(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            binding = self._bindings.pop(number)
            del self._numbers[binding.peer]
            if binding.bound:
                self._datapath.unbind_channel(self._relay, number)


def _due(binding: _Binding) -> float:
    return binding.expiry + (0.0 if binding.bound else QUARANTINE_SECONDS)
