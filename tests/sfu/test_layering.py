"""Which layers flow, and which is forwarded."""

from sfu.layering import Layering
from sfu.layers import STABLE_SECONDS
from tests.sfu.recorder import Recorder


def test_layers_are_forwarded_as_they_prove_themselves() -> None:
    datapath = Recorder()
    layering = Layering(datapath)
    changed: list[int] = []
    layering.changed.connect(changed.append)
    layering.add(7)
    layering.handle_layer_changed(7, 0, True, 0.0)
    assert layering.next_deadline() is None
    layering.handle_layer_changed(7, 2, True, 1.0)
    due = layering.next_deadline()
    assert due == 1.0 + STABLE_SECONDS
    layering.handle_timeout(due)
    layering.handle_layer_changed(7, 2, False, 5.0)
    assert datapath.calls == [("forward_layer", 7, 2), ("forward_layer", 7, 0)]
    assert changed == [7, 7, 7]


def test_what_is_said_of_tracks_that_are_gone_means_nothing() -> None:
    datapath = Recorder()
    layering = Layering(datapath)
    layering.add(7)
    layering.handle_layer_changed(7, 0, True, 0.0)
    layering.handle_layer_changed(7, 1, True, 0.0)
    layering.forget(7)
    layering.handle_layer_changed(7, 2, True, 1.0)
    layering.handle_timeout(100.0)
    assert (layering.next_deadline(), layering.flowing(7), datapath.calls) == (None, frozenset(), [])
