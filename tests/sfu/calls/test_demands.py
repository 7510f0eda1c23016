"""What publishers are told to send: more at once, less after a while, nothing of tracks that are gone."""

from sfu.calls.demands import Demands
from sfu.calls.subscription import Subscription
from sfu.demand import DECREASE_SECONDS, Demand
from sfu.participant import Participant
from sfu.track import Track, TrackAnnouncement
from sfu.view_settings import ViewSettings
from tests.sfu.calls.hall import LAYERS
from tests.sfu.rooms_of import NOW, OPUS, VP8, publisher, track

ALL = (True, True, True)
NONE = (False, False, False)


def video(number: int = 1) -> Track:
    return Track(f"TR_{number}", TrackAnnouncement("cid", "video", layers=LAYERS), NOW, number, VP8)


class Told:
    def __init__(self, *tracks: Track) -> None:
        self.said: list[tuple[str, tuple[bool, ...]]] = []
        self.demands = Demands(self._tell)
        self.alice = publisher("alice", *tracks)
        for one in tracks:
            self.demands.add(self.alice, one, 0.0)

    def wanted(self, one: Track, **view: object) -> Subscription:
        return Subscription(self.alice, one, ViewSettings(**view))  # type: ignore[arg-type]

    def _tell(self, publisher: Participant, one: Track, demand: Demand[str]) -> None:
        assert publisher is self.alice
        self.said.append((one.id, tuple(demand.enabled.values())))


def test_only_video_of_several_layers_is_spoken_of() -> None:
    sound, single = track("audio", OPUS), track("video", VP8)
    told = Told(sound, single)
    assert told.demands.next_deadline() is None
    for one in (sound, single):
        told.demands.want("bob", told.wanted(one), 0.0)
        told.demands.unwant("bob", one, 0.0)
        told.demands.remove(one)
    assert told.said == []


def test_what_nobody_wants_ends_after_a_while_and_begins_at_once() -> None:
    picture = video()
    told = Told(picture)
    assert told.demands.next_deadline() == DECREASE_SECONDS
    told.demands.handle_timeout(DECREASE_SECONDS)
    assert told.said == [("TR_1", NONE)]
    told.demands.want("bob", told.wanted(picture, quality="low"), 10.0)
    told.demands.want("carol", told.wanted(picture), 11.0)
    assert told.said[1:] == [("TR_1", (True, False, False)), ("TR_1", ALL)]
    told.demands.unwant("carol", picture, 12.0)
    assert told.demands.next_deadline() == 12.0 + DECREASE_SECONDS
    told.demands.handle_timeout(12.0 + DECREASE_SECONDS)
    assert told.said[3:] == [("TR_1", (True, False, False))]


def test_what_is_paused_is_not_wanted() -> None:
    picture = video()
    told = Told(picture)
    told.demands.handle_timeout(DECREASE_SECONDS)
    subscription = told.wanted(picture)
    subscription.paused = True
    told.demands.want("bob", subscription, 10.0)
    assert len(told.said) == 1
    subscription.paused = False
    told.demands.want("bob", subscription, 10.0)
    assert told.said[1:] == [("TR_1", ALL)]


def test_the_audience_wants_the_best_of_the_broadcast_alone() -> None:
    first, second = video(1), video(2)
    told = Told(first, second)
    told.demands.handle_timeout(DECREASE_SECONDS)
    told.said.clear()
    told.demands.set_audience(publisher("bob"), 10.0)
    assert told.said == []
    told.demands.set_audience(told.alice, 10.0)
    assert told.said == [("TR_1", ALL), ("TR_2", ALL)]
    told.demands.set_audience(None, 11.0)
    told.demands.handle_timeout(11.0 + DECREASE_SECONDS)
    assert told.said[2:] == [("TR_1", NONE), ("TR_2", NONE)]


def test_who_is_told_may_leave_with_all_its_tracks() -> None:
    tracks = [video(1), video(2)]
    told: list[str] = []
    leaves = True

    def leave(_publisher: Participant, one: Track, _demand: Demand[str]) -> None:
        told.append(one.id)
        for other in tracks if leaves else ():
            demands.remove(other)

    demands = Demands(leave)
    alice = publisher("alice", *tracks)
    for one in tracks:
        demands.add(alice, one, 0.0)
    demands.handle_timeout(DECREASE_SECONDS)
    assert told == ["TR_1"]
    assert demands.next_deadline() is None
    leaves = False
    for one in tracks:
        demands.add(alice, one, 10.0)
    demands.handle_timeout(10.0 + DECREASE_SECONDS)
    leaves = True
    demands.set_audience(alice, 20.0)
    assert told[3:4] == ["TR_1"]
    assert demands.next_deadline() is None
