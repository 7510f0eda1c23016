"""How much of something one client may take."""


class Budget:
    """Gains `rate` a second, up to `burst`, with which it begins; what is spent may leave it in debt.

    Times are monotonic seconds.
    """

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._updated = now

    def has(self, amount: float, now: float) -> bool:
        """Whether so much is left; 0.0: whether there is no debt."""
        self._left = min(self._left + (now - self._updated) * self._rate, self._burst)
        self._updated = now
        return self._left >= amount

    def spend(self, amount: float) -> None:
        self._left -= amount
