"""The offers of a member's receiving connection: one at a time, and always what is wanted by then."""

import random

import pytest

from sfu.calls.joining import ServerOffer
from sfu.calls.offering import OfferingDownstream
from sfu.calls.subscription import Subscription
from sfu.errors import Malformed, Rejected
from sfu.ids import Ids
from sfu.layering import Layering
from sfu.sdp import SessionDescription
from tests.sfu.calls.descriptions import LOCAL, answered
from tests.sfu.recorder import Recorder
from tests.sfu.rooms_of import H264, OPUS, VP8, publisher, track

TRANSPORT = 5


class Receiver:
    """A client that answers when told to."""

    def __init__(self) -> None:
        self.datapath = Recorder()
        self.downstream = OfferingDownstream(
            self.datapath, Layering(self.datapath), Ids(random.Random(1).randbytes), LOCAL
        )
        self.offers: list[ServerOffer] = []
        self.downstream.offered.connect(self.offers.append)

    def answer(self, sdp: str | None = None) -> None:
        offer = self.offers[-1]
        read = self.downstream.read(sdp or answered(offer.sdp), offer.id)
        assert read is not None
        self.downstream.accept(read, TRANSPORT)

    def directions(self) -> list[str | None]:
        description = SessionDescription.parse(self.offers[-1].sdp)
        return [section.direction for section in description.media[1:]]

    def sources(self) -> list[object]:
        return [call[2] for call in self.datapath.calls if call[0] == "set_source"]


def subscription(kind: str = "video") -> Subscription:
    return Subscription(publisher(), track("video", VP8) if kind == "video" else track("audio", OPUS))


def test_one_offer_at_a_time_says_what_has_gathered_meanwhile() -> None:
    receiver = Receiver()
    early, *later = subscription("audio"), subscription(), subscription(), subscription("audio")
    receiver.downstream.want(early)
    assert receiver.offers == []
    receiver.downstream.start()
    assert [offer.tracks for offer in receiver.offers] == [{"1": early.track.id}]
    for one in later:
        receiver.downstream.want(one)
    assert len(receiver.offers) == 1
    receiver.answer()
    assert [offer.id for offer in receiver.offers] == [1, 2]
    assert set(receiver.offers[-1].tracks.values()) == {early.track.id, *(one.track.id for one in later)}
    receiver.answer()
    assert len(receiver.offers) == 2
    assert receiver.sources() == [early.track.handle, *(one.track.handle for one in later)]


def test_there_is_a_first_offer_even_with_nothing_to_send() -> None:
    receiver = Receiver()
    receiver.downstream.start()
    assert receiver.offers[0].sdp.count("m=application") == 1
    receiver.answer()
    assert len(receiver.offers) == 1


def test_a_section_is_inactive_before_it_carries_another_track() -> None:
    receiver = Receiver()
    first, second, third = subscription(), subscription(), subscription()
    receiver.downstream.want(first)
    receiver.downstream.start()
    receiver.answer()
    receiver.downstream.unwant(first.track)
    assert receiver.directions() == ["inactive"]
    receiver.downstream.want(second)
    receiver.answer()
    assert receiver.directions() == ["sendonly"]
    assert receiver.offers[-1].tracks == {"1": second.track.id}
    receiver.downstream.unwant(second.track)
    receiver.downstream.want(third)
    # The section was not offered as inactive yet when the third came, so it is not free.
    receiver.answer()
    assert receiver.directions() == ["inactive", "sendonly"]


def test_what_ends_while_it_is_offered_never_flows() -> None:
    receiver = Receiver()
    only = subscription()
    receiver.downstream.want(only)
    receiver.downstream.start()
    receiver.downstream.unwant(only.track)
    receiver.answer()
    assert receiver.sources() == []
    assert receiver.directions() == ["inactive"]


def test_what_the_client_cannot_decode_is_refused_once() -> None:
    receiver = Receiver()
    failed: list[tuple[str, str]] = []
    receiver.downstream.failed.connect(lambda which, code: failed.append((which.track.id, code)))
    odd = Subscription(publisher(), track("video", H264))
    receiver.downstream.want(odd)
    receiver.downstream.start()
    text = answered(receiver.offers[-1].sdp).replace("a=recvonly", "a=inactive")
    receiver.answer(text)
    assert failed == [(odd.track.id, "unsupported-codec")]
    assert receiver.downstream.subscription(odd.track.id) is None
    assert receiver.directions() == ["inactive"]


def test_answers_to_older_offers_do_not_count_and_bad_ones_change_nothing() -> None:
    receiver = Receiver()
    receiver.downstream.start()
    assert receiver.downstream.read(answered(receiver.offers[-1].sdp), 7) is None
    for text in ("", "v=0\r\n", receiver.offers[-1].sdp.split("m=")[0]):
        with pytest.raises((Malformed, Rejected)):
            receiver.downstream.read(text, 0)
    assert receiver.downstream.waits_for_answer
    receiver.answer()
    assert not receiver.downstream.waits_for_answer


def test_a_restart_offers_everything_again() -> None:
    receiver = Receiver()
    picture = subscription()
    receiver.downstream.want(picture)
    receiver.downstream.start()
    receiver.answer()
    receiver.downstream.restart(LOCAL)
    assert receiver.offers[-1].tracks == {"1": picture.track.id}
    assert len(receiver.offers) == 2
    receiver.downstream.restart(LOCAL)
    assert [offer.id for offer in receiver.offers] == [1, 2, 3]
    receiver.answer()
    assert receiver.sources() == [picture.track.handle]
