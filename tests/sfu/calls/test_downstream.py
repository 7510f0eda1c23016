"""What both kinds of receiving connection have in common, and what happens at their bound."""

import random

import pytest

from sfu.attributes import Codec
from sfu.calls.downstream import MAX_SECTIONS, Downstream
from sfu.calls.joining import ServerOffer
from sfu.calls.offering import OfferingDownstream
from sfu.calls.subscription import Subscription
from sfu.codecs import CodecPair
from sfu.ids import Ids
from sfu.layering import Layering
from sfu.negotiation import Kind
from tests.sfu.calls.descriptions import LOCAL, answered
from tests.sfu.recorder import Recorder
from tests.sfu.rooms_of import OPUS, VP8, publisher, track

UNHEARD_OF = (CodecPair(Codec(120, "theora", 90000), None),)


class Receiver:
    """A client that answers whatever it is offered, but not at once."""

    def __init__(self) -> None:
        self.datapath = Recorder()
        self.downstream = OfferingDownstream(
            self.datapath, Layering(self.datapath), Ids(random.Random(1).randbytes), LOCAL
        )
        self.offers: list[ServerOffer] = []
        self.failed: list[Subscription] = []
        self.downstream.offered.connect(self.offers.append)
        self.downstream.failed.connect(lambda one, _code: self.failed.append(one))

    def settle(self) -> None:
        while self.downstream.waits_for_answer:
            read = self.downstream.read(answered(self.offers[-1].sdp), self.offers[-1].id)
            assert read is not None
            self.downstream.accept(read, 5)

    def want(self, kind: Kind = "video", codecs: tuple[CodecPair, ...] = ()) -> Subscription:
        one = Subscription(publisher(), track(kind, codecs or (VP8 if kind == "video" else OPUS)))
        self.downstream.want(one)
        return one


def test_a_track_is_wanted_once_and_ends_once() -> None:
    receiver = Receiver()
    downstream: Downstream = receiver.downstream
    first = receiver.want()
    downstream.want(Subscription(first.publisher, first.track))
    assert list(downstream.subscriptions) == [first]
    downstream.unwant(first.track)
    downstream.unwant(first.track)
    assert not downstream.subscriptions


def test_what_has_no_room_waits_and_keeps_no_other_kind_from_its_place() -> None:
    receiver = Receiver()
    first = receiver.want("audio")
    pictures = [receiver.want() for _ in range(MAX_SECTIONS)]
    receiver.downstream.start()
    receiver.settle()
    assert len(receiver.downstream.tracks()) == MAX_SECTIONS
    receiver.downstream.unwant(first.track)
    sound = receiver.want("audio")
    receiver.settle()
    assert receiver.downstream.tracks()["1"] == sound.track.id
    assert pictures[-1].stream is None
    receiver.downstream.unwant(pictures[0].track)
    receiver.settle()
    assert receiver.downstream.tracks()["2"] == pictures[-1].track.id
    assert len(receiver.downstream.tracks()) == MAX_SECTIONS


def test_what_cannot_be_offered_takes_no_room() -> None:
    receiver = Receiver()
    receiver.downstream.start()
    receiver.settle()
    refused = [receiver.want(codecs=UNHEARD_OF) for _ in range(3)]
    assert receiver.failed == refused
    assert len(receiver.offers) == 1
    picture = receiver.want()
    assert receiver.offers[-1].tracks == {"1": picture.track.id}


@pytest.mark.parametrize("answered_first", [True, False])
def test_nothing_is_offered_in_the_end(answered_first: bool) -> None:
    receiver = Receiver()
    one, _ = receiver.want(), receiver.want()
    receiver.downstream.start()
    if answered_first:
        receiver.settle()
    receiver.downstream.end()
    receiver.downstream.unwant(one.track)
    receiver.want()
    receiver.downstream.restart(LOCAL)
    assert len(receiver.offers) == 1
