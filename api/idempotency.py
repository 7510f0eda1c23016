"""Replies remembered by Idempotency-Key, so that a create repeated after a lost reply creates nothing twice.

Pure: `now` is monotonic seconds, given by the caller.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field

MAX_KEY_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Reply:
    """A finished response, ready to be sent again."""

    status: int
    body: bytes = field(repr=False)
    headers: tuple[tuple[str, str], ...] = ()


class KeyReusedError(Exception):
    """The key was used before for a different request."""


class ReplyStore:
    """At most `capacity` replies, each kept `ttl` seconds; at the bound the oldest is forgotten.

    `scope` separates callers and routes from one another; `request` is the body the key was first used with.
    """

    def __init__(self, *, capacity: int, ttl: float) -> None:
        self._capacity = capacity
        self._ttl = ttl
        self._replies: OrderedDict[tuple[str, str], tuple[float, bytes, Reply]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._replies)

    def find(self, scope: str, key: str, request: bytes, now: float) -> Reply | None:
        """The reply to this very request, if it was made before. KeyReusedError: the request was another one."""
        self._expire(now)
        stored = self._replies.get((scope, key))
        if stored is None:
            return None
        _, digest, reply = stored
        if digest != hashlib.sha256(request).digest():
            raise KeyReusedError
        return reply

    def keep(self, scope: str, key: str, request: bytes, reply: Reply, now: float) -> None:
        self._expire(now)
        while len(self._replies) >= self._capacity:
            self._replies.popitem(last=False)
        self._replies[scope, key] = (now + self._ttl, hashlib.sha256(request).digest(), reply)

    def _expire(self, now: float) -> None:
        # All entries live equally long, so they expire in the order in which they came.
        while self._replies:
            oldest = next(iter(self._replies))
            if self._replies[oldest][0] > now:
                return
            del self._replies[oldest]
