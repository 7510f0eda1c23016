"""What was lost, told at most once a minute: who cannot be reached is not to fill the log as well."""

INTERVAL = 60.0


class Losses:
    """`now` is monotonic seconds."""

    def __init__(self) -> None:
        self._count = 0
        self._quiet_until = float("-inf")

    def add(self, count: int, now: float) -> int:
        """How many losses to tell of now; 0: none, they are told of with a later one."""
        self._count += count
        return self.rest(now) if now >= self._quiet_until else 0

    def rest(self, now: float) -> int:
        """Those that were not told of yet."""
        self._quiet_until = now + INTERVAL
        count, self._count = self._count, 0
        return count
