"""Who speaks, in virtual time: stories with levels as microphones give them, and what holds for any levels."""

from collections.abc import Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.speakers import (
    DOMINANT_SECONDS,
    HANGOVER_SECONDS,
    LEVEL_SECONDS,
    MAX_HEARD,
    WINDOW_SECONDS,
    SpeakerChange,
    Speakers,
)

FRAMES = 10  # of 20 ms in a window
HEARD_BELOW = 60  # dBov: what the data path takes for silence


class Room:
    """Microphones as the data path hears them: per frame of 20 ms a level, per window a report of who was heard."""

    def __init__(self) -> None:
        self.speakers = Speakers[str]()
        self.now = 0.0
        self.told: list[tuple[float, SpeakerChange[str]]] = []

    def play(self, **microphones: Sequence[int]) -> None:
        """Levels of each participant, frame by frame; the shorter ones are silent for the rest."""
        frames = max(len(levels) for levels in microphones.values())
        for start in range(0, frames, FRAMES):
            self.now = round(self.now + WINDOW_SECONDS, 6)
            self._pass_deadlines()
            report = []
            for name, levels in microphones.items():
                window = [level for level in levels[start : start + FRAMES] if level < HEARD_BELOW]
                if window:
                    report.append((name, min(window), 20 * len(window)))
            if report:
                self._tell(self.speakers.handle_levels(report, self.now))

    def silence(self, seconds: float) -> None:
        self.now = round(self.now + seconds, 6)
        self._pass_deadlines()

    def switches(self, name: str) -> list[tuple[float, bool]]:
        """When somebody began and ceased to speak."""
        switches: list[tuple[float, bool]] = []
        for at, change in self.told:
            if change.key == name and change.active != (bool(switches) and switches[-1][1]):
                switches.append((at, change.active))
        return switches

    def _pass_deadlines(self) -> None:
        while (due := self.speakers.next_deadline()) is not None and due <= self.now:
            self._tell(self.speakers.handle_timeout(due), due)

    def _tell(self, changes: list[SpeakerChange[str]], at: float | None = None) -> None:
        self.told += [(self.now if at is None else at, change) for change in changes]


def speech(seconds: float, *, loudness: int = 22, seed: int = 1, pauses: float = 0.5) -> list[int]:
    """Syllables of 120 to 300 ms, gaps of 40 to 100 ms, and every 1 to 3 s a pause of up to `pauses` seconds."""
    random, levels = Random(seed), list[int]()
    frames = round(seconds * 50)
    until_pause = random.randint(50, 150)
    while len(levels) < frames:
        levels += [loudness + random.randint(-6, 6) for _ in range(random.randint(6, 15))]
        levels += [random.randint(50, 75) for _ in range(random.randint(2, 5))]
        if len(levels) > until_pause:
            levels += [random.randint(62, 80) for _ in range(round(50 * random.uniform(0.2, pauses)))]
            until_pause = len(levels) + random.randint(50, 150)
    return levels[:frames]


def quiet(seconds: float) -> list[int]:
    return [127] * round(seconds * 50)


def test_a_speaker_begins_once_and_ends_once() -> None:
    room = Room()
    room.play(ann=speech(20))
    room.silence(5)
    (began, on), (ended, off) = room.switches("ann")
    assert (on, off) == (True, False)
    assert began <= 0.6
    assert 20 < ended <= 20 + HANGOVER_SECONDS
    assert room.speakers.active == ()


def test_pauses_between_sentences_do_not_flicker() -> None:
    for seed in range(20):
        room = Room()
        room.play(ann=speech(60, seed=seed, pauses=0.7))
        assert [active for _, active in room.switches("ann")] == [True], seed


def test_one_word_is_noticed() -> None:
    room = Room()
    room.play(ann=quiet(1) + [22] * 17 + quiet(2))
    assert [active for _, active in room.switches("ann")] == [True, False]


def test_noises_are_no_speech() -> None:
    random = Random(7)
    room = Room()
    clap = [*quiet(1), 5, 8, 14, 22, 30, 38, *quiet(1)]
    typing = [28 if random.random() < 0.06 else 70 for _ in range(500)]
    fan = [44 + random.randint(-2, 2) for _ in range(500)]
    room.play(clapping=clap * 4, typing=typing, fan=fan, muted=quiet(10))
    assert room.told == []
    assert room.speakers.dominant is None


def test_somebody_at_a_distance_is_heard_though_later() -> None:
    room = Room()
    room.play(far=[33] * 200)
    ((began, active),) = room.switches("far")
    assert active
    assert began <= 1.0


def test_noise_after_speech_does_not_keep_a_speaker() -> None:
    room = Room()
    room.play(ann=speech(5) + [46] * 250)
    assert [active for _, active in room.switches("ann")] == [True, False]


def test_a_conversation_takes_turns() -> None:
    """Ann asks, Bob answers, Ann says "mhm" in between, quietly."""
    room = Room()
    room.play(ann=speech(8, seed=2))
    assert (room.speakers.active, room.speakers.dominant) == (("ann",), "ann")
    room.play(ann=quiet(6) + [27] * 20, bob=speech(10, seed=3))
    assert room.speakers.dominant == "bob"
    room.silence(3)
    assert [active for _, active in room.switches("ann")][:2] == [True, False]
    assert [active for _, active in room.switches("bob")] == [True, False]
    assert room.speakers.dominant is None


def test_the_loudest_come_first_and_the_dominant_one_stays_while_others_are_about_as_loud() -> None:
    room = Room()
    room.play(ann=[24] * 100)
    room.play(ann=[24] * 100, bob=[19] * 100, cid=[32] * 100)
    assert room.speakers.active == ("bob", "ann", "cid")
    assert room.speakers.dominant == "ann"
    room.play(ann=[24] * 100, bob=[15] * 100, cid=[32] * 100)
    assert room.speakers.dominant == "bob"


def test_who_speaks_in_a_pause_becomes_dominant_before_the_other_is_inactive() -> None:
    room = Room()
    room.play(ann=[15] * 100)
    room.play(ann=quiet(0.8), bob=[25] * 40)
    assert set(room.speakers.active) == {"ann", "bob"}
    assert room.speakers.dominant == "bob"


def test_levels_change_seldom_and_by_powers_of_two() -> None:
    room = Room()
    room.play(ann=speech(60))
    changes = [change for _, change in room.told]
    assert {change.level for change in changes} <= {2.0**-exponent for exponent in range(8)}
    assert len(changes) <= 45, "less than one message per second"
    room.play(ann=speech(10, loudness=6))
    assert room.told[-1][1].level >= 4 * changes[-1].level, "but a shout shows"


def test_of_several_tracks_the_loudest_counts() -> None:
    one, both = Speakers[str](), Speakers[str]()
    for window in range(1, 10):
        now = window * WINDOW_SECONDS
        expected = one.handle_levels([("ann", 20, 200)], now)
        assert both.handle_levels([("ann", 50, 200), ("ann", 20, 100), ("ann", 127, 0)], now) == expected
    assert both.active == ("ann",)


def test_who_mutes_is_silent_at_once_and_not_brought_back_by_a_late_report() -> None:
    room = Room()
    room.play(ann=[20] * 50, bob=[20] * 50)
    assert room.speakers.mute("ann") == [SpeakerChange("ann", 0.0, False)]
    assert room.speakers.mute("ann") == []
    assert room.speakers.handle_levels([("ann", 20, 200), ("bob", 20, 200)], room.now + WINDOW_SECONDS) == []
    assert room.speakers.active == ("bob",)
    assert room.speakers.dominant == "bob"


def test_who_is_gone_is_forgotten() -> None:
    room = Room()
    room.play(ann=[20] * 50)
    room.speakers.remove("ann")
    room.speakers.remove("ann")
    assert (room.speakers.active, room.speakers.dominant, room.speakers.next_deadline()) == ((), None, None)


def test_a_newcomer_learns_who_speaks() -> None:
    room = Room()
    room.play(ann=[30] * 100, bob=[10] * 100)
    assert [change.key for change in room.speakers.current()] == ["bob", "ann"]
    last = {change.key: change for _, change in room.told}
    assert {change.key: change for change in room.speakers.current()} == last


def test_workers_report_at_different_moments() -> None:
    speakers = Speakers[str]()
    for window in range(1, 50):
        speakers.handle_levels([("ann", 20, 200)], window * WINDOW_SECONDS)
        speakers.handle_levels([("bob", 22, 200)], window * WINDOW_SECONDS + 0.13)
        if window >= 3:
            assert (set(speakers.active), speakers.dominant) == ({"ann", "bob"}, "ann")


def test_a_stall_of_the_event_loop_ends_nobody() -> None:
    """Reports that waited are handled before the timer, all at one moment."""
    room = Room()
    room.play(ann=[20] * 50)
    late = room.now + 2.0
    for _ in range(10):
        assert room.speakers.handle_levels([("ann", 20, 200)], late) == []
    assert room.speakers.handle_timeout(late) == []
    assert room.speakers.active == ("ann",)


def test_durations_are_not_believed() -> None:
    speakers = Speakers[str]()
    assert speakers.handle_levels([("ann", -5, 10**9)], 0.2) == []
    (change,) = speakers.handle_levels([("ann", -5, 10**9)], 0.4)
    assert change.level <= 1.0
    assert speakers.handle_levels([("bob", 20, -(10**9))], 0.6) == []


def test_a_crowd_is_heard_up_to_a_bound() -> None:
    speakers = Speakers[int]()
    crowd = [(key, 20, 200) for key in range(MAX_HEARD + 100)]
    speakers.handle_levels(crowd, 0.2)
    assert len(speakers.handle_levels(crowd, 0.4)) == MAX_HEARD
    speakers.handle_timeout(2.0)
    assert speakers.active == ()
    late = [(MAX_HEARD + 50, 20, 200)]
    speakers.handle_levels(late, 2.2)
    assert len(speakers.handle_levels(late, 2.4)) == 1


_report = st.tuples(st.sampled_from("abc"), st.integers(0, 127), st.integers(0, 200))
_step = st.one_of(
    st.tuples(st.just("levels"), st.lists(_report, max_size=4), st.sampled_from([0.0, 0.05, 0.2, 0.2, 0.2, 0.21, 0.6])),
    st.tuples(st.just("levels"), st.just([("a", 20, 200)]), st.just(0.2)),
    st.tuples(st.just("mute"), st.lists(_report, min_size=1, max_size=1), st.just(0.0)),
)


@settings(max_examples=300)
@given(st.lists(_step, max_size=80))
def test_nobody_flaps_and_what_is_told_adds_up(steps: list[tuple[str, list[tuple[str, int, int]], float]]) -> None:
    speakers = Speakers[str]()
    shown: dict[str, tuple[float, float]] = {}  # level, and since when
    began: dict[str, float] = {}
    dominant_since, dominant = -10.0, None
    now = 0.0

    def tell(changes: list[SpeakerChange[str]], at: float, *, muted: bool = False) -> None:
        assert len({change.key for change in changes}) == len(changes)
        for change in changes:
            if not change.active:
                assert change.level == 0.0
                assert shown.pop(change.key, None) is not None, "only who spoke can cease"
                assert muted or at - began.pop(change.key) >= HANGOVER_SECONDS - 1e-9
            elif change.key in shown:
                level, since = shown[change.key]
                assert change.level != level, "only changes are told"
                assert at - since >= LEVEL_SECONDS - 1e-9
                shown[change.key] = change.level, at
            else:
                began[change.key] = at
                shown[change.key] = change.level, at
            assert 0.0 <= change.level <= 1.0

    for action, reports, wait in steps:
        now += wait
        while (due := speakers.next_deadline()) is not None and due <= now:
            tell(speakers.handle_timeout(due), due)
        if action == "mute":
            tell(speakers.mute(reports[0][0]), now, muted=True)
            if reports[0][0] == dominant:
                dominant_since, dominant = -10.0, None
            continue
        tell(speakers.handle_levels(reports, now), now)
        assert {change.key: change.level for change in speakers.current()} == {
            k: level for k, (level, _) in shown.items()
        }
        assert list(speakers.active) == sorted(speakers.active, key=lambda key: -shown[key][0])
        assert speakers.dominant in (speakers.active or (None,))
        if speakers.dominant != dominant:
            assert dominant not in speakers.active or now - dominant_since >= DOMINANT_SECONDS - 1e-9
            dominant_since, dominant = now, speakers.dominant
    while (due := speakers.next_deadline()) is not None:
        tell(speakers.handle_timeout(due), due)
        now = max(now, due)
    assert shown == {}
    assert speakers.dominant is None
    speakers.handle_timeout(now + HANGOVER_SECONDS)
    assert speakers._voices == {}, "silence needs no room"
