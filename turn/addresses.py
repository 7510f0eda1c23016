"""Relayed transport addresses: which there are, and which are in use (RFC 8656, 7.2)."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from turn.attribute_forms import Family, family
from turn.datapath import Address, Bound, Endpoint
from turn.errors import Refused

RandomBytes = Callable[[int], bytes]

# Above the well-known ports, so that nobody takes a relay for a service (RFC 8656, 7.2).
VIRTUAL_PORTS = (1024, 65535)
# How often binding may fail before we give up: then other programs hold the ports.
MAX_TRIES = 32


@dataclass(frozen=True, slots=True, eq=False)
class Relayed:
    """address: as peers name it. endpoint: what the data path is given for it."""

    address: Address
    endpoint: Endpoint

    @property
    def family(self) -> Family:
        return family(self.address[0])


class RelayedAddresses:
    """ips: (ours, as announced) each. ports: both ends included. bind: makes the endpoint at (ip, port) or OSError.

    Methods that take raise Refused: 440 the family is not served, 508 nothing is left.
    """

    def __init__(
        self,
        ips: Sequence[tuple[str, str]],
        ports: tuple[int, int],
        bind: Callable[[str, int], Bound],
        random_bytes: RandomBytes,
    ) -> None:
        self._ips = {member: [pair for pair in ips if family(pair[0]) is member] for member in Family}
        self._first, self._last = ports
        self._bind = bind
        self._random_bytes = random_bytes
        self._used: set[Address] = set()

    def __contains__(self, address: Address) -> bool:
        """Whether it is in use or reserved."""
        return address in self._used

    def take(self, family: Family, *, even: bool = False) -> Relayed:
        return self._take(family, step=2 if even else 1, count=1)[0]

    def take_pair(self, family: Family) -> tuple[Relayed, Relayed]:
        """An even port and the next one of the same IP address."""
        lower, upper = self._take(family, step=2, count=2)
        return lower, upper

    def release(self, relayed: Relayed) -> None:
        self._used.discard(relayed.address)

    def _take(self, family: Family, *, step: int, count: int) -> list[Relayed]:
        if not self._ips[family]:
            raise Refused(440, "address family not supported")
        ip, announced = self._ips[family][self._random(len(self._ips[family]))]
        tries = 0
        for port in self._ports(step, count):
            if any((announced, port + more) in self._used for more in range(count)):
                continue
            try:
                taken = [self._relayed(ip, announced, port + more) for more in range(count)]
            except OSError:
                tries += 1
                if tries == MAX_TRIES:
                    break
                continue
            self._used.update(relayed.address for relayed in taken)
            return taken
        raise Refused(508, "no relayed address left")

    def _relayed(self, ip: str, announced: str, port: int) -> Relayed:
        bound = self._bind(ip, port)
        if isinstance(bound, tuple) or announced == ip:
            return Relayed((announced, port), bound)
        return Relayed((announced, port), (bound, (announced, port)))

    def _ports(self, step: int, count: int) -> Iterator[int]:
        """Once round, upwards from a random one (RFC 6056, 3.3.1); with a step of 2 the even ones."""
        first = self._first + self._first % step
        size = (self._last - (count - 1) - first) // step + 1
        start = self._random(size) if size > 0 else 0
        for offset in range(size):
            yield first + (start + offset) % size * step

    def _random(self, below: int) -> int:
        return int.from_bytes(self._random_bytes(8), "big") % below


def virtual(busy: Collection[Address]) -> Callable[[str, int], Address]:
    """To bind to addresses at which nothing listens: the data path delivers to them without the network.

    busy: where something does listen. Nobody is told one address for two things.
    """
    taken = frozenset(busy)

    def bind(ip: str, port: int) -> Address:
        if (ip, port) in taken:
            raise OSError("in use")
        return ip, port

    return bind
