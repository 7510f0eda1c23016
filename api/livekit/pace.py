"""How fast one client may make us work."""


class Pace:
    """Gains `rate` a second, up to `burst`, and may be in debt: what was spent is waited for before the next.

    Times are monotonic seconds.
    """

    def __init__(self, *, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._updated = now

    def spend(self, cost: float, now: float) -> float:
        """The seconds until there is no debt any more; 0.0: there is none."""
        self._left = min(self._burst, self._left + max(0.0, now - self._updated) * self._rate) - cost
        self._updated = now
        return max(0.0, -self._left / self._rate)
