"""Which of a room's tracks a member gets: what it asks for, within what it and their publishers allow."""

from collections.abc import Collection
from typing import TypeVar

from sfu.view_settings import ViewSettings

# Wishes for tracks that may never come, and views of them; beyond, the oldest are forgotten.
MAX_WISHES = 4_096

V = TypeVar("V")


class Interest:
    """A wish for one track counts more than `automatic`, which is for all that nothing was said of. How a track is
    shown may be said before it is there, and holds while it is not wanted.
    """

    def __init__(self, *, automatic: bool) -> None:
        self.automatic = automatic
        self._wishes: dict[str, bool] = {}
        self._views: dict[str, ViewSettings] = {}

    def wish(self, track_ids: Collection[str], wanted: bool) -> None:
        _note(self._wishes, track_ids, wanted)

    def wants(self, track_id: str) -> bool:
        return self._wishes.get(track_id, self.automatic)

    def asked_for(self, track_id: str) -> bool:
        """Whether the wish was expressed."""
        return self._wishes.get(track_id, False)

    def show(self, track_ids: Collection[str], view: ViewSettings) -> None:
        _note(self._views, track_ids, view)

    def view(self, track_id: str) -> ViewSettings:
        return self._views.get(track_id, ViewSettings())

    def forget(self, track_id: str) -> None:
        """The track has ended."""
        self._wishes.pop(track_id, None)
        self._views.pop(track_id, None)


def _note(known: dict[str, V], track_ids: Collection[str], value: V) -> None:
    for track_id in track_ids:
        known.pop(track_id, None)
        known[track_id] = value
    while len(known) > MAX_WISHES:
        del known[next(iter(known))]
