"""How often strangers are answered, by where they seem to be: what is not answered cannot be reflected.

`now` is monotonic seconds.
"""

from collections import OrderedDict
from ipaddress import IPv6Address

RATE = 10.0
BURST = 20.0
CAPACITY = 65_536
_IPV6_PREFIX = 56  # what a household or a host at a provider is given


class Limiter:
    """A token bucket per IPv4 address or IPv6 /56, at most `capacity` of them.

    At the bound the one unused for longest is forgotten and would start full: it takes requests from `capacity` other
    prefixes to gain `burst` answers.
    """

    def __init__(self, *, rate: float = RATE, burst: float = BURST, capacity: int = CAPACITY) -> None:
        """rate: answers per second."""
        self._rate = rate
        self._burst = burst
        self._capacity = capacity
        self._buckets: OrderedDict[str | int, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def admits(self, host: str, now: float) -> bool:
        """Whether there is a token for this IP address; takes it."""
        prefix = int(IPv6Address(host)) >> (128 - _IPV6_PREFIX) if ":" in host else host
        tokens, updated = self._buckets.get(prefix, (self._burst, now))
        tokens = min(self._burst, tokens + max(0.0, now - updated) * self._rate)
        admitted = tokens >= 1.0
        self._buckets[prefix] = (tokens - 1.0 if admitted else tokens, now)
        self._buckets.move_to_end(prefix)
        if len(self._buckets) > self._capacity:
            self._buckets.popitem(last=False)
        return admitted
