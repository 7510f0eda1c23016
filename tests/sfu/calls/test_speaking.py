"""Who speaks, and whose cameras are shown to whom: those of people who are there."""

from sfu.calls.speaking import Speaking
from sfu.participant import Participant
from sfu.room import Room
from sfu.track import Track, TrackAnnouncement, TrackSource
from tests.sfu.rooms_of import NOW, OPUS, VP8, publisher, room, track, viewer

LOUD = (15, 200)


def camera(*, muted: bool = False, source: TrackSource = TrackSource.CAMERA) -> Track:
    one = track("video", VP8)
    return Track(one.id, TrackAnnouncement("cid", "video", source, muted=muted), NOW, one.handle, VP8)


class Hall:
    """A room whose publishers are told to `Speaking` as a call does it."""

    def __init__(self, last_n: int | None = None) -> None:
        self.room: Room = room()
        self.now = 0.0
        self.reshown = 0
        self.speaking = Speaking(self.room, last_n, self._reshow)
        self.changes: list[tuple[str, bool]] = []
        self.watcher = viewer()
        self.room.speakers_changed.connect(
            lambda changes: self.changes.extend((change.key.identity, change.active) for change in changes)
        )
        self.room.track_published.connect(lambda who, one: self.speaking.add(who, one, self.now))
        self.room.track_unpublished.connect(lambda who, one: self.speaking.remove(who, one, self.now))
        self.room.track_changed.connect(lambda who, _: self.speaking.mute(who, self.now))

    def join(self, identity: str, *tracks: Track) -> Participant:
        who = publisher(identity, *(tracks or (camera(), track("audio", OPUS))))
        self.room.join(who)
        self.room.activate(who)
        return who

    def speak(self, *people: Participant) -> None:
        for _ in range(5):
            self.now += 0.2
            self.speaking.handle_levels([(who, *LOUD) for who in people], self.now)

    def shown(self, *publishers: Participant) -> list[str]:
        return [
            who.identity
            for who in publishers
            if any(
                self.speaking.shows(self.watcher, who, one, asked_for=False)
                for one in who.tracks
                if one.source is TrackSource.CAMERA
            )
        ]

    def _reshow(self) -> None:
        self.reshown += 1


def test_speech_begins_and_ends() -> None:
    hall = Hall()
    alice = hall.join("alice")
    assert hall.speaking.next_deadline() is None
    hall.speak(alice)
    assert hall.changes == [("alice", True)]
    assert [change.key for change in hall.room.active_speakers] == [alice]
    due = hall.speaking.next_deadline()
    assert due is not None
    hall.speaking.handle_timeout(due)
    assert hall.changes == [("alice", True), ("alice", False)]
    assert hall.room.active_speakers == ()


def test_who_mutes_or_unpublishes_or_leaves_is_silent_at_once() -> None:
    hall = Hall()
    muting, unpublishing, leaving = (hall.join(name) for name in ("muting", "unpublishing", "leaving"))
    hall.speak(muting, unpublishing, leaving)
    hall.changes.clear()
    muting.tracks[1].muted = True
    hall.room.change_track(muting, muting.tracks[1])
    hall.room.remove_track(unpublishing, unpublishing.tracks[1])
    hall.room.leave(leaving, hall.now)
    assert hall.changes == [("muting", False), ("unpublishing", False), ("leaving", False)]
    assert hall.room.active_speakers == ()


def test_without_last_n_everything_is_shown() -> None:
    hall = Hall()
    everybody = [hall.join(name) for name in "abcd"]
    assert hall.shown(*everybody) == list("abcd")
    hall.room.leave(everybody[0], 1.0)
    assert hall.reshown == 0


def test_cameras_of_the_last_speakers_are_shown_and_screens_and_what_is_asked_for() -> None:
    hall = Hall(last_n=1)
    alice, bob = hall.join("alice"), hall.join("bob")
    screen = camera(source=TrackSource.SCREEN_SHARE)
    carol = hall.join("carol", camera(), screen, track("audio", OPUS))
    assert hall.shown(alice, bob, carol) == ["alice"]
    assert hall.speaking.shows(hall.watcher, carol, screen, asked_for=False)
    assert hall.speaking.shows(hall.watcher, carol, carol.tracks[0], asked_for=True)
    assert hall.speaking.shows(hall.watcher, carol, carol.tracks[2], asked_for=False)
    hall.speak(bob)
    assert hall.shown(alice, bob, carol) == ["bob"]


def test_who_leaves_gives_its_place_to_somebody_who_is_there() -> None:
    hall = Hall(last_n=1)
    alice, bob, carol = (hall.join(name) for name in ("alice", "bob", "carol"))
    reshown = hall.reshown
    hall.room.leave(alice, 1.0)
    assert hall.reshown > reshown
    assert hall.shown(alice, bob, carol) == ["bob"]
    hall.room.remove_track(bob, bob.tracks[0])
    assert hall.shown(alice, carol) == ["carol"]


def test_one_of_two_cameras_may_go() -> None:
    hall = Hall(last_n=1)
    alice = hall.join("alice", camera(), camera())
    hall.room.remove_track(alice, alice.tracks[0])
    assert hall.shown(alice) == ["alice"]


def test_a_muted_camera_takes_no_place() -> None:
    hall = Hall(last_n=1)
    alice = hall.join("alice", camera(muted=True))
    bob = hall.join("bob")
    assert hall.shown(alice, bob) == ["bob"]
    hall.room.leave(bob, 1.0)
    alice.tracks[0].muted = False
    hall.room.change_track(alice, alice.tracks[0])
    assert hall.shown(alice) == ["alice"]


def test_who_speaks_when_its_camera_comes_is_shown() -> None:
    hall = Hall(last_n=1)
    alice, bob = hall.join("alice"), hall.join("bob", track("audio", OPUS))
    hall.now = 10.0
    hall.speak(bob)
    hall.room.add_track(bob, camera())
    assert hall.shown(alice, bob) == ["bob"]


def test_nobody_speaks_where_nobody_listens() -> None:
    hall = Hall()
    hall.speak(hall.join("alice"))
    hall.speaking.close()
    assert hall.room.active_speakers == ()
