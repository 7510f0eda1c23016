"""How much one user, and everybody together, may hold."""

from collections import Counter

from turn.errors import Refused


class Quotas:
    """Counts relayed transport addresses: those in use and those reserved, since either keeps others from them."""

    def __init__(self, *, total: int, per_user: int) -> None:
        self._total = total
        self._per_user = per_user
        self._held: Counter[str] = Counter()
        self._sum = 0

    def take(self, user: str, count: int = 1) -> None:
        """All of them or none. Refused: 486 the user has what one may have, 508 there is no room for anybody."""
        if self._held[user] + count > self._per_user:
            raise Refused(486, "allocation quota reached")
        if self._sum + count > self._total:
            raise Refused(508, "too many allocations")
        self._held[user] += count
        self._sum += count

    def release(self, user: str, count: int = 1) -> None:
        self._held[user] -= count
        self._sum -= count
        if not self._held[user]:
            del self._held[user]

    def __len__(self) -> int:
        """Users who hold something."""
        return len(self._held)
