"""How much of something one client may take."""


class Budget:
    """Gains `rate` a second, up to `burst`, with which it begins; what is spent may leave it in debt.

    Times are monotonic seconds; one that goes back gives nothing.
    """

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._updated = now

    def has(self, amount: float, now: float) -> bool:
        """Whether so much is left; 0.0: whether there is no debt."""
        self._left = min(self._left + max(0.0, now - self._updated) * self._rate, self._burst)
        self._updated = now
        return self._left >= amount

    def spend(self, amount: float) -> None:
        self._left -= amount

    def owe(self, amount: float, now: float) -> float:
        """Spend it; the seconds until there is no debt any more, 0.0: there is none."""
        self.has(0.0, now)
        self.spend(amount)
        return max(0.0, -self._left / self._rate)
