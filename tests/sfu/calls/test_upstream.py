"""Tracks are announced and carried, in either order."""

import random

import pytest

from sfu.calls.peer_offer import PeerOffer, read_offer
from sfu.calls.upstream import MAX_TRACKS, Upstream
from sfu.errors import Overloaded
from sfu.ids import Ids
from sfu.layering import Layering
from sfu.track import TrackAnnouncement
from tests.sfu import offers
from tests.sfu.recorder import Recorder
from tests.sfu.rooms_of import NOW


class Publisher:
    def __init__(self) -> None:
        self.datapath = Recorder()
        self.upstream = Upstream(self.datapath, Layering(self.datapath), Ids(random.Random(1).randbytes))
        self.events: list[tuple[str, str]] = []
        self.upstream.published.connect(lambda track: self.events.append(("published", track.id)))
        self.upstream.unpublished.connect(lambda track: self.events.append(("unpublished", track.id)))

    def offer(self, offered: PeerOffer) -> None:
        self.upstream.place(offered.sections)
        self.upstream.accept(offered.sections, 9)


def names(offered: PeerOffer) -> dict[str, str]:
    """The client's names of what it sends, by mid."""
    return {section.mid: section.msid.track for section in offered.sections if section.sends and section.msid}


@pytest.mark.parametrize("announced_first", [True, False])
def test_the_name_in_the_section_tells_which_track_it_is(announced_first: bool) -> None:
    offered = read_offer(offers.offer(offers.LIVEKIT_PUBLISH))
    publisher = Publisher()
    if not announced_first:
        publisher.offer(offered)
        assert publisher.events == []
    tracks = {
        section.mid: publisher.upstream.announce(TrackAnnouncement(names(offered)[section.mid], section.kind), NOW)
        for section in offered.sections
        if section.sends
    }
    if announced_first:
        publisher.offer(offered)
    assert publisher.events == [("published", track.id) for track in tracks.values()]
    assert {mid: track.mid for mid, track in tracks.items()} == {mid: mid for mid in tracks}
    assert all(track.handle is not None and track.codec for track in tracks.values())
    publisher.offer(offered)
    assert len(publisher.events) == len(tracks)


def test_a_section_that_no_longer_sends_ends_its_track() -> None:
    published = read_offer(offers.offer(offers.LIVEKIT_PUBLISHED))
    publisher = Publisher()
    for mid, name in names(published).items():
        kind = next(section.kind for section in published.sections if section.mid == mid)
        publisher.upstream.announce(TrackAnnouncement(name, kind), NOW)
    publisher.offer(published)
    tracks = list(publisher.upstream.tracks)
    publisher.offer(read_offer(offers.offer(offers.LIVEKIT_UNPUBLISHED)))
    ended = [track for track in tracks if track.handle is None]
    assert ended
    assert [event for event in publisher.events if event[0] == "unpublished"] == [
        ("unpublished", track.id) for track in ended
    ]


def test_a_name_that_was_changed_on_the_way_is_the_first_of_its_kind() -> None:
    offered = read_offer(offers.offer(offers.LIVEKIT_PUBLISH))
    publisher = Publisher()
    kinds = [section.kind for section in offered.sections if section.sends]
    tracks = [publisher.upstream.announce(TrackAnnouncement(f"other {kind}", kind), NOW) for kind in kinds]
    publisher.offer(offered)
    assert [track.handle is not None for track in tracks] == [True] * len(kinds)


def test_what_is_announced_twice_is_one_track_and_there_is_a_limit() -> None:
    publisher = Publisher()
    first = publisher.upstream.announce(TrackAnnouncement("a", "audio"), NOW)
    assert publisher.upstream.announce(TrackAnnouncement("a", "audio"), NOW) is first
    for number in range(MAX_TRACKS - 1):
        publisher.upstream.announce(TrackAnnouncement(str(number), "video"), NOW)
    with pytest.raises(Overloaded):
        publisher.upstream.announce(TrackAnnouncement("more", "video"), NOW)
    publisher.upstream.remove(first)
    publisher.upstream.announce(TrackAnnouncement("more", "video"), NOW)
