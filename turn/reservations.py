"""Relayed transport addresses kept for a client that will ask for them by a token (RFC 8656, 7.2: EVEN-PORT)."""

from turn.addresses import RandomBytes
from turn.deadlines import Deadlines
from turn.groups import group_of
from turn.leases import Lease, Leases

HOLD_SECONDS = 30.0
TOKEN_BYTES = 8


class Reservations:
    """Given back when nobody came for them in time; there are as many as quotas allow."""

    def __init__(self, leases: Leases, random_bytes: RandomBytes) -> None:
        self._leases = leases
        self._random_bytes = random_bytes
        self._held: dict[bytes, Lease] = {}
        self._deadlines = Deadlines[bytes]()

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, lease: Lease, now: float) -> bytes:
        """The token."""
        token = self._random_bytes(TOKEN_BYTES)
        self._held[token] = lease
        self._deadlines.set(token, now + HOLD_SECONDS)
        return token

    def redeem(self, token: bytes, user: str) -> Lease | None:
        """Once. Somebody else's token is none."""
        lease = self._held.get(token)
        if lease is None or lease.user != user:
            return None
        self._deadlines.set(token, None)
        return self._held.pop(token)

    def drop_group(self, group: str) -> None:
        for token in [token for token, lease in self._held.items() if group_of(lease.user) == group]:
            self._drop(token)

    def next_deadline(self) -> float | None:
        return self._deadlines.next()

    def handle_timeout(self, now: float) -> None:
        for token in list(self._deadlines.pop_due(now)):
            self._drop(token)

    def _drop(self, token: bytes) -> None:
        self._deadlines.set(token, None)
        self._leases.give_back(self._held.pop(token))
