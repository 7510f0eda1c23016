"""How long to wait before the next attempt."""

from collections.abc import Callable


class Backoff:
    """Full-jitter exponential backoff: a random share of a ceiling that doubles from `first` up to `most` seconds."""

    def __init__(self, random: Callable[[], float], first: float = 0.5, most: float = 8.0) -> None:
        self._random, self._first, self._most = random, first, most
        self._ceiling = first

    def next(self, retry_after: float | None = None) -> float:
        """Seconds to wait now. What the server asked for is obeyed, up to a minute."""
        delay = self._ceiling * (0.5 + self._random() / 2)
        self._ceiling = min(self._most, self._ceiling * 2)
        return min(60.0, max(delay, retry_after or 0.0))

    def reset(self) -> None:
        """An attempt succeeded."""
        self._ceiling = self._first
