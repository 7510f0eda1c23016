"""Who speaks in a call, and whose cameras its members get where only the last speakers' are shown."""

from collections.abc import Callable, Sequence

from sfu.last_n import LastN
from sfu.participant import Participant, ParticipantState
from sfu.room import Room
from sfu.speakers import SpeakerChange, Speakers
from sfu.track import Track, TrackSource


class Speaking:
    """`reshown` is called when other cameras are to be shown than before; last_n None: all of them are."""

    def __init__(self, room: Room, last_n: int | None, reshown: Callable[[], None]) -> None:
        self._room = room
        self._speakers = Speakers[Participant]()
        self._last_n = LastN[str](last_n) if last_n is not None else None
        self._reshown = reshown

    def shows(self, viewer: Participant, publisher: Participant, track: Track, *, asked_for: bool) -> bool:
        """Whether this viewer is shown the track."""
        if self._last_n is None or track.kind != "video":
            return True
        screen = track.source is TrackSource.SCREEN_SHARE
        return self._last_n.passes(viewer.id, publisher.id, screen=screen, pinned=asked_for)

    def add(self, publisher: Participant, track: Track, now: float) -> None:
        if self._last_n is None or not _is_camera(track):
            return
        speaks = any(change.key is publisher for change in self._speakers.current())
        added = self._last_n.add(publisher.id, now)
        muted = self._last_n.handle_mute(publisher.id, _is_dark(publisher), now)
        if self._last_n.handle_speaking(publisher.id, speaks, now) or added or muted:
            self._reshown()

    def remove(self, publisher: Participant, track: Track, now: float) -> None:
        self.mute(publisher, now)
        if self._last_n is None or not _is_camera(track) or any(map(_is_camera, _present(publisher))):
            return
        if self._last_n.remove(publisher.id, now):
            self._reshown()

    def mute(self, publisher: Participant, now: float) -> None:
        """Something of theirs was muted or unmuted, or is gone."""
        if all(track.muted for track in _present(publisher) if track.kind == "audio"):
            self._tell(self._speakers.mute(publisher), now)
        if self._last_n is not None and self._last_n.handle_mute(publisher.id, _is_dark(publisher), now):
            self._reshown()

    def handle_levels(self, levels: Sequence[tuple[Participant, int, int]], now: float) -> None:
        """One window of 200 ms: who was heard, how loud (-dBov), and for how many milliseconds of it."""
        self._tell(self._speakers.handle_levels(levels, now), now)

    def next_deadline(self) -> float | None:
        dues = (self._speakers.next_deadline(), self._last_n.next_deadline() if self._last_n else None)
        return min((due for due in dues if due is not None), default=None)

    def handle_timeout(self, now: float) -> None:
        self._tell(self._speakers.handle_timeout(now), now)
        if self._last_n is not None and self._last_n.handle_timeout(now):
            self._reshown()

    def close(self) -> None:
        """Nobody listens any more, so nobody counts as speaking."""
        self._room.active_speakers = ()

    def _tell(self, changes: Sequence[SpeakerChange[Participant]], now: float) -> None:
        if not changes:
            return
        self._room.active_speakers = tuple(self._speakers.current())
        self._room.speakers_changed.emit(changes)
        if self._last_n is not None:
            moved = [self._last_n.handle_speaking(change.key.id, change.active, now) for change in changes]
            if any(moved):
                self._reshown()


def _present(publisher: Participant) -> Sequence[Track]:
    """Who leaves keeps its tracks, for those who ask what they were."""
    return publisher.tracks if publisher.state is ParticipantState.ACTIVE else ()


def _is_dark(publisher: Participant) -> bool:
    return all(track.muted for track in _present(publisher) if _is_camera(track))


def _is_camera(track: Track) -> bool:
    return track.kind == "video" and track.source is not TrackSource.SCREEN_SHARE
