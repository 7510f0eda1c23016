"""Which of a room's tracks a member gets: what it asks for, within what it and their publishers allow."""

from collections.abc import Collection

# Wishes for tracks that may never come; beyond, the oldest are forgotten.
MAX_WISHES = 4_096


class Interest:
    """A wish for one track counts more than `automatic`, which is for all that nothing was said of."""

    def __init__(self, *, automatic: bool) -> None:
        self.automatic = automatic
        self._wishes: dict[str, bool] = {}

    def wish(self, track_ids: Collection[str], wanted: bool) -> None:
        for track_id in track_ids:
            self._wishes.pop(track_id, None)
            self._wishes[track_id] = wanted
        while len(self._wishes) > MAX_WISHES:
            del self._wishes[next(iter(self._wishes))]

    def wants(self, track_id: str) -> bool:
        return self._wishes.get(track_id, self.automatic)

    def asked_for(self, track_id: str) -> bool:
        """Whether the wish was expressed."""
        return self._wishes.get(track_id, False)

    def forget(self, track_id: str) -> None:
        """The track has ended."""
        self._wishes.pop(track_id, None)
