"""Relayed transport addresses kept for a client that will ask for them by a token (RFC 8656, 7.2: EVEN-PORT)."""

from collections.abc import Callable
from dataclasses import dataclass

from turn.addresses import RandomBytes, Relayed
from turn.deadlines import Deadlines

HOLD_SECONDS = 30.0
TOKEN_BYTES = 8


@dataclass(frozen=True, slots=True)
class Reservation:
    """user: whose quota it counts in, and who alone may use it."""

    user: str
    relayed: Relayed


class Reservations:
    """Each is handed to `dropped` when nobody came for it in time; there are as many as quotas allow."""

    def __init__(self, random_bytes: RandomBytes, dropped: Callable[[Reservation], None]) -> None:
        self._random_bytes = random_bytes
        self._dropped = dropped
        self._held: dict[bytes, Reservation] = {}
        self._deadlines = Deadlines[bytes]()

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, reservation: Reservation, now: float) -> bytes:
        """The token."""
        token = self._random_bytes(TOKEN_BYTES)
        self._held[token] = reservation
        self._deadlines.set(token, now + HOLD_SECONDS)
        return token

    def redeem(self, token: bytes, user: str) -> Reservation | None:
        """Once. Somebody else's token is none."""
        reservation = self._held.get(token)
        if reservation is None or reservation.user != user:
            return None
        self._deadlines.set(token, None)
        return self._held.pop(token)

    def drop_user(self, user: str) -> None:
        for token in [token for token, reservation in self._held.items() if reservation.user == user]:
            self._drop(token)

    def next_deadline(self) -> float | None:
        return self._deadlines.next()

    def handle_timeout(self, now: float) -> None:
        for token in list(self._deadlines.pop_due(now)):
            self._drop(token)

    def _drop(self, token: bytes) -> None:
        self._deadlines.set(token, None)
        self._dropped(self._held.pop(token))
