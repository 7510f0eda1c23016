"""Which simulcast layer of a track its viewers get: the highest that flows, without flapping."""

STABLE_SECONDS = 1.0
MAX_STABLE_SECONDS = 30.0


class LayerChoice:
    """One layer for all viewers of a track. Layers count from 0, the lowest; `chosen` starts there.

    Down at once, since what stopped flowing shows as a frozen picture; up once the better layer has flowed for a while,
    twice as long each time it disappointed.
    """

    def __init__(self) -> None:
        self.chosen = 0
        self._since: dict[int, float] = {}
        self._required: dict[int, float] = {}

    def handle_change(self, layer: int, active: bool, now: float) -> None:
        """A layer began or stopped flowing."""
        if active:
            self._since.setdefault(layer, now)
        elif self._since.pop(layer, None) is not None and layer > 0:
            self._required[layer] = min(2 * self._required.get(layer, STABLE_SECONDS), MAX_STABLE_SECONDS)
        self._choose(now)

    @property
    def flowing(self) -> frozenset[int]:
        return frozenset(self._since)

    def next_deadline(self) -> float | None:
        """When a layer above the chosen one will have flowed for long enough."""
        return min((self._ready_at(layer) for layer in self._since if layer > self.chosen), default=None)

    def handle_timeout(self, now: float) -> None:
        self._choose(now)

    def _choose(self, now: float) -> None:
        ready = [layer for layer in self._since if layer <= self.chosen or self._ready_at(layer) <= now]
        # With nothing to stay on, an unproven layer is better than none.
        candidates = ready or list(self._since)
        if candidates:
            self.chosen = max(candidates) if ready else min(candidates)

    def _ready_at(self, layer: int) -> float:
        return self._since[layer] + self._required.get(layer, STABLE_SECONDS)
