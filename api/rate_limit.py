"""Token buckets for requests that cost something (RFC 9725, 5: WHIP servers limit the rate of POST, PATCH and DELETE).

Pure: `now` is monotonic seconds, given by the caller.
"""

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass


@dataclass(slots=True)
class TokenBucket:
    """Holds up to `burst` tokens and gains `rate` per second; starts full."""

    rate: float
    burst: float
    tokens: float
    updated: float

    def take(self, now: float, cost: float = 1.0) -> float:
        """Take tokens: 0.0 when there was one, else the seconds until there will be. A high cost leaves a debt."""
        self.tokens = min(self.burst, self.tokens + max(0.0, now - self.updated) * self.rate)
        self.updated = now
        if self.tokens >= 1.0:
            self.tokens -= cost
            return 0.0
        return (1.0 - self.tokens) / self.rate


class RateLimiter:
    """One bucket per key, at most `capacity` of them.

    At the bound the bucket unused for longest is forgotten; its key would start anew with a full bucket, which only
    helps a caller who can afford `capacity` other keys.
    """

    def __init__(self, *, rate: float, burst: float, capacity: int) -> None:
        self._rate = rate
        self._burst = burst
        self._capacity = capacity
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str, now: float, cost: float = 1.0) -> float:
        """0.0 when the request may go ahead, else the seconds to wait. cost: in ordinary requests, at least one."""
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= self._capacity:
                self._buckets.popitem(last=False)
            bucket = self._buckets[key] = TokenBucket(self._rate, self._burst, self._burst, now)
        self._buckets.move_to_end(key)
        return bucket.take(now, cost)


def address_key(host: str) -> str:
    """Who counts as one client: an IPv4 address, or an IPv6 /64, since a host is commonly given a whole one."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address)
