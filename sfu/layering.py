"""Which layers of every track flow, and which of them is for viewers that have no choice of their own."""

from sfu.datapath import DataPath
from sfu.deadlines import Deadlines
from sfu.events import Signal
from sfu.layers import LayerChoice


class Layering:
    """Tracks by the data path's handle. `changed` is told the handle when other layers flow than before."""

    def __init__(self, datapath: DataPath) -> None:
        self.changed = Signal[[int]]()
        self._datapath = datapath
        self._choices: dict[int, LayerChoice] = {}
        self._deadlines = Deadlines[int]()

    def add(self, track: int) -> None:
        self._choices[track] = LayerChoice()

    def handle_layer_changed(self, track: int, layer: int, active: bool, now: float) -> None:
        """A layer of this track began or stopped flowing."""
        choice = self._choices.get(track)
        if choice is None:
            return
        before = choice.chosen
        choice.handle_change(layer, active, now)
        self._apply(track, before)
        self.changed.emit(track)

    def forget(self, track: int) -> None:
        """The track has ended."""
        self._choices.pop(track, None)
        self._deadlines.set(track, None)

    def flowing(self, track: int) -> frozenset[int]:
        """Its layers that flow, by number; 0 is the lowest."""
        choice = self._choices.get(track)
        return choice.flowing if choice else frozenset()

    def next_deadline(self) -> float | None:
        return self._deadlines.next()

    def handle_timeout(self, now: float) -> None:
        for track in list(self._deadlines.pop_due(now)):
            choice = self._choices[track]
            before = choice.chosen
            choice.handle_timeout(now)
            self._apply(track, before)

    def _apply(self, track: int, before: int) -> None:
        choice = self._choices[track]
        if choice.chosen != before:
            self._datapath.forward_layer(track, choice.chosen)
        self._deadlines.set(track, choice.next_deadline())
