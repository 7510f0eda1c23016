"""One subscription: named when it has a place, flowing once the client agrees, fed by what is to be seen."""

import random

import pytest

from sfu.attributes import Codec
from sfu.calls.subscription import Subscription
from sfu.codecs import CodecPair
from sfu.ids import Ids
from sfu.layering import Layering
from sfu.track import Track, TrackAnnouncement
from sfu.view_settings import ViewSettings
from tests.sfu.calls.hall import LAYERS
from tests.sfu.recorder import Recorder
from tests.sfu.rooms_of import H264, NOW, OPUS, VP8, publisher, track

THEIRS = (CodecPair(Codec(100, "VP8", 90000, feedback=("nack",)), Codec(101, "rtx", 90000, format="apt=100")),)


class Flow:
    """A subscription to video of three layers, and what it asks the data path."""

    def __init__(self) -> None:
        self.datapath = Recorder()
        self.layering = Layering(self.datapath)
        self.ids = Ids(random.Random(1).randbytes)
        self.track = Track("TR_1", TrackAnnouncement("cid", "video", layers=LAYERS), NOW, 50, VP8)
        self.layering.add(50)
        self.subscription = Subscription(publisher("alice", self.track), self.track)

    def start(self) -> None:
        self.subscription.place(self.ids, rtx=True)
        self.subscription.start(self.datapath, 7, "3", THEIRS, self.layering)

    def show(self, **view: object) -> list[tuple[object, ...]]:
        """What changes for the data path."""
        self.subscription.view = ViewSettings(**view)  # type: ignore[arg-type]
        return self.feed()

    def feed(self) -> list[tuple[object, ...]]:
        self.datapath.calls.clear()
        self.subscription.feed(self.datapath, self.layering)
        return self.datapath.calls


def test_it_flows_once_it_has_a_place_and_the_client_is_ready() -> None:
    flow = Flow()
    flow.subscription.start(flow.datapath, 7, "3", THEIRS, flow.layering)
    assert flow.feed() == []
    flow.start()
    stream = flow.subscription.stream
    assert stream is not None
    assert (stream.msid.stream, stream.msid.track) == (f"{flow.subscription.publisher.id}|TR_1", "TR_1")
    egress = flow.subscription.egress
    assert flow.datapath.calls == [("set_source", egress, 50, {96: (100, 101)})]
    flow.start()
    assert flow.subscription.egress == egress


def test_it_can_flow_again_after_it_was_stopped() -> None:
    flow = Flow()
    flow.subscription.stop(flow.datapath)
    assert flow.datapath.calls == []
    flow.start()
    first = flow.subscription.egress
    flow.subscription.stop(flow.datapath)
    assert ("unsubscribe", first) in flow.datapath.calls
    assert flow.subscription.stream is None
    flow.start()
    assert flow.datapath.calls[-1] == ("set_source", flow.subscription.egress, 50, {96: (100, 101)})


def test_only_changes_are_told() -> None:
    flow = Flow()
    flow.start()
    egress = flow.subscription.egress
    for layer in range(3):
        flow.layering.handle_layer_changed(50, layer, True, 1.0)
    assert flow.feed() == []
    assert flow.show(width=320, height=180) == [("choose_layer", egress, 0)]
    assert flow.show(quality="low") == []
    assert flow.show(quality="medium") == [("choose_layer", egress, 1)]
    assert flow.show() == [("choose_layer", egress, None)]
    assert flow.show(enabled=False) == [("set_source", egress, None, {96: (100, 101)})]
    assert flow.show(enabled=False, quality="low") == []
    assert [call[:3] for call in flow.show(quality="low")] == [("set_source", egress, 50), ("choose_layer", egress, 0)]
    flow.subscription.paused = True
    assert [call[:3] for call in flow.feed()] == [("set_source", egress, None)]


def test_a_layer_that_stops_is_replaced_by_one_that_flows() -> None:
    flow = Flow()
    flow.start()
    for layer in range(3):
        flow.layering.handle_layer_changed(50, layer, True, 1.0)
    flow.show(quality="medium")
    flow.layering.handle_layer_changed(50, 1, False, 2.0)
    assert flow.feed() == [("choose_layer", flow.subscription.egress, 0)]


@pytest.mark.parametrize(
    ("codecs", "understood"), [(VP8, True), (THEIRS, True), (H264, False), (OPUS, False), ((), False)]
)
def test_it_needs_a_codec_that_the_client_has(codecs: tuple[CodecPair, ...], understood: bool) -> None:
    assert Subscription(publisher(), track("video", VP8)).understood_by(codecs) is understood
