"""A member's only connection: what waits gets the m-sections its client offers, which it is asked for as needed."""

import random

import pytest

from sfu.answer import SentStream
from sfu.calls.answering import AnsweringDownstream, Sending
from sfu.calls.downstream import MAX_SECTIONS
from sfu.calls.peer_offer import PeerSection
from sfu.calls.subscription import Subscription
from sfu.codecs import CodecPair
from sfu.ids import Ids
from sfu.layering import Layering
from sfu.layers_offered import OfferedLayers
from sfu.negotiation import Kind
from tests.sfu.recorder import Recorder
from tests.sfu.rooms_of import H264, OPUS, VP8, publisher, track

TRANSPORT = 5
CODECS: dict[Kind, tuple[CodecPair, ...]] = {"audio": OPUS, "video": VP8}


class Receiver:
    """A client whose offers are these m-sections."""

    def __init__(self) -> None:
        self.datapath = Recorder()
        self.downstream = AnsweringDownstream(self.datapath, Layering(self.datapath), Ids(random.Random(1).randbytes))
        self.asked: list[tuple[int, int]] = []
        self.failed: list[str] = []
        self.sections: list[PeerSection] = []
        self.downstream.sections_wanted.connect(lambda audio, video: self.asked.append((audio, video)))
        self.downstream.failed.connect(lambda one, _code: self.failed.append(one.track.id))

    def add(self, kind: Kind, count: int = 1, *, codecs: tuple[CodecPair, ...] | None = None) -> None:
        for _ in range(count):
            self.sections.append(section(len(self.sections), kind, codecs or CODECS[kind]))

    def offer(self) -> Sending:
        sending = self.downstream.place(self.sections)
        self.downstream.accept(TRANSPORT)
        return sending

    def want(self, kind: Kind = "video", codecs: tuple[CodecPair, ...] | None = None) -> Subscription:
        one = Subscription(publisher(), track(kind, codecs or CODECS[kind]))
        self.downstream.want(one)
        return one

    def sources(self) -> list[object]:
        return [call[2] for call in self.datapath.calls if call[0] == "set_source"]


def section(index: int, kind: Kind, codecs: tuple[CodecPair, ...], *, receives: bool = True) -> PeerSection:
    return PeerSection(index, str(index), kind, not receives, receives, codecs, (), OfferedLayers(), None)


def test_it_asks_once_for_what_it_needs() -> None:
    receiver = Receiver()
    for kind in ("audio", "video", "video"):
        receiver.want(kind)
    assert receiver.asked == []
    receiver.downstream.start()
    assert receiver.asked == [(1, 2)]
    receiver.want("audio")
    assert receiver.asked == [(1, 2)]
    receiver.add("audio")
    receiver.add("video", 2)
    assert set(receiver.offer()) == {"0", "1", "2"}
    assert receiver.asked == [(1, 2), (1, 0)]
    receiver.add("audio")
    assert set(receiver.offer()) == {"0", "1", "2", "3"}
    assert receiver.asked == [(1, 2), (1, 0)]


def test_a_free_section_is_asked_an_offer_for() -> None:
    receiver = Receiver()
    receiver.downstream.start()
    receiver.add("video", 2)
    assert receiver.offer() == {}
    picture = receiver.want()
    assert receiver.asked == [(0, 0)]
    sending = receiver.offer()
    assert [stream for _, stream in sending.values()] == [picture.stream]
    assert receiver.sources() == [picture.track.handle]


def test_a_section_carries_another_track_when_the_first_is_gone() -> None:
    receiver = Receiver()
    receiver.downstream.start()
    receiver.add("video")
    first = receiver.want()
    receiver.offer()
    receiver.downstream.unwant(first.track)
    assert receiver.downstream.tracks() == {}
    second = receiver.want()
    receiver.offer()
    assert receiver.downstream.tracks() == {"0": second.track.id}
    assert receiver.sources() == [first.track.handle, second.track.handle]
    assert ("unsubscribe", 1) in receiver.datapath.calls


def test_what_loses_its_section_waits_for_another() -> None:
    receiver = Receiver()
    receiver.downstream.start()
    receiver.add("video", 2)
    picture = receiver.want()
    receiver.offer()
    receiver.sections[0] = section(0, "video", VP8, receives=False)
    sending = receiver.offer()
    assert list(sending) == ["1"]
    assert receiver.sources() == [picture.track.handle] * 2
    receiver.sections[1] = section(1, "video", VP8, receives=False)
    assert receiver.offer() == {}
    assert receiver.asked[-1] == (0, 1)
    assert picture.egress is None


def test_a_section_that_changes_kind_or_codecs_is_another_one() -> None:
    receiver = Receiver()
    receiver.downstream.start()
    receiver.add("video")
    picture = receiver.want()
    receiver.offer()
    other = tuple(CodecPair(pair.codec, None) for pair in VP8)
    receiver.sections = [section(0, "video", (*H264, *VP8))]
    codecs, before = receiver.offer()["0"]
    assert codecs == (*H264, *VP8)
    assert receiver.sources() == [picture.track.handle]
    receiver.sections = [section(0, "video", other)]
    codecs, after = receiver.offer()["0"]
    assert codecs == other
    assert isinstance(after, SentStream)
    assert after.ssrc != before.ssrc
    assert receiver.sources() == [picture.track.handle] * 2
    receiver.sections = [section(0, "audio", OPUS)]
    assert receiver.offer() == {}
    assert receiver.asked[-1] == (0, 1)


def test_what_the_client_cannot_decode_is_refused_once_there_is_a_section() -> None:
    receiver = Receiver()
    receiver.downstream.start()
    odd = receiver.want(codecs=H264)
    assert receiver.failed == []
    receiver.add("video")
    receiver.offer()
    assert receiver.failed == [odd.track.id]
    assert receiver.downstream.subscription(odd.track.id) is None
    receiver.offer()
    assert len(receiver.failed) == len(receiver.asked) == 1


@pytest.mark.parametrize("kinds", [("video",), ("audio", "video")])
def test_nobody_is_asked_for_what_there_is_no_room_for(kinds: tuple[Kind, ...]) -> None:
    receiver = Receiver()
    receiver.downstream.start()
    for number in range(MAX_SECTIONS + 2):
        receiver.want(kinds[number % len(kinds)])
    for _ in range(10):
        audio, video = receiver.asked[-1]
        if receiver.sections and not audio and not video:
            break
        receiver.add("audio", audio)
        receiver.add("video", video)
        asked = len(receiver.asked)
        assert len(receiver.offer()) <= MAX_SECTIONS
        if len(receiver.asked) == asked:
            break
    assert len(receiver.downstream.tracks()) == MAX_SECTIONS
    assert len(receiver.asked) <= 3
    # One leaves, and one of its kind that waits comes.
    asked = len(receiver.asked)
    gone = next(one for one in receiver.downstream.subscriptions if one.track.kind == "video")
    receiver.downstream.unwant(gone.track)
    assert receiver.asked[asked:] == [(0, 0)]
    assert len(receiver.offer()) == MAX_SECTIONS
    assert len(receiver.asked) == asked + 1


def test_a_request_that_was_lost_is_made_again() -> None:
    receiver = Receiver()
    receiver.downstream.start()
    receiver.want()
    receiver.downstream.resume()
    assert receiver.asked == [(0, 1)] * 2


def test_it_asks_for_nothing_in_the_end() -> None:
    receiver = Receiver()
    receiver.downstream.start()
    receiver.downstream.end()
    receiver.want()
    receiver.downstream.resume()
    assert receiver.asked == []
