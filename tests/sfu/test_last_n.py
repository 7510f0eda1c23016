"""Whose camera is shown, in virtual time."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.last_n import SWAP_SECONDS, LastN

OUTSIDER = "zoe"  # who watches and publishes nothing


def room(n: int, publishers: str) -> LastN[str]:
    last = LastN[str](n)
    for key in publishers:
        last.add(key, 0.0)
    return last


def test_before_anybody_speaks_those_who_came_first_are_shown() -> None:
    last = room(3, "abcdef")
    assert last.shown_to(OUTSIDER) == last.shown_to("f") == {"a", "b", "c"}
    assert last.shown_to("b") == {"a", "d", "c"}, "not itself"
    assert last.next_deadline() is None


def test_a_small_room_shows_everybody() -> None:
    last = room(5, "abc")
    assert last.places == ("a", "b", "c")
    assert last.shown_to("a") == {"b", "c"}
    assert last.handle_speaking("c", True, 1.0) is False


def test_a_speaker_takes_the_place_of_who_was_silent_for_longest() -> None:
    last = room(3, "abcdef")
    for at, key in enumerate("abc", 1):
        last.handle_speaking(key, True, 10.0 * at)
        last.handle_speaking(key, False, 10.0 * at + 5)
    assert last.handle_speaking("e", True, 50.0) is True
    assert last.places == ("e", "b", "c")
    assert last.shown_to("e") == {"a", "b", "c"}, "who speaks still sees what it saw"
    assert last.shown_to("b") == {"e", "a", "c"}
    assert last.handle_speaking("e", False, 60.0) is False
    assert last.handle_speaking("b", True, 70.0) is False, "it is shown already"


def test_one_change_at_a_time() -> None:
    last = room(2, "abcd")
    assert last.handle_speaking("c", True, 1.0) is True
    assert last.places == ("a", "c")
    assert last.handle_speaking("d", True, 1.5) is False
    assert last.next_deadline() == 1.0 + SWAP_SECONDS
    assert last.handle_timeout(1.9) is False
    assert last.handle_timeout(2.0) is True
    assert last.places == ("d", "c")
    assert last.next_deadline() is None


def test_a_short_remark_while_others_wait_comes_late_and_is_not_lost() -> None:
    last = room(1, "abc")
    last.handle_speaking("b", True, 10.0)
    last.handle_speaking("b", False, 10.4)
    assert last.handle_speaking("c", True, 10.5) is False
    last.handle_speaking("c", False, 10.9)
    assert last.places == ("b",)
    last.handle_timeout(11.0)
    assert last.places == ("c",), "it spoke last"


def test_nobody_who_speaks_is_replaced() -> None:
    last = room(2, "abcd")
    for at, key in enumerate("abc", 1):
        last.handle_speaking(key, True, float(at * 10))
    assert last.places == ("a", "b")
    last.handle_speaking("a", False, 40.0)
    assert last.places == ("c", "b")


def test_who_begins_while_shown_goes_before_who_began_earlier_and_waits() -> None:
    last = room(2, "abcd")
    last.handle_speaking("c", True, 1.0)
    last.handle_speaking("d", True, 1.1)
    last.handle_speaking("a", True, 1.2)
    assert last.handle_timeout(2.0) is True, "for those who have a place, and one more"
    assert last.places == ("a", "c")
    assert last.shown_to("a") == {"c", "d"}


def test_of_two_who_are_replaced_the_one_who_spoke_later_goes_last() -> None:
    last = room(2, "abcd")
    last.handle_speaking("a", True, 1.0)
    last.handle_speaking("a", False, 5.0)
    last.remove("b", 9.5)
    last.add("b", 9.6)
    assert last.places == ("a", "c")
    for key in "bd":
        assert last.handle_speaking(key, True, 9.7) is False
    last.handle_timeout(10.5)
    assert last.places == ("a", "d"), "c never spoke, and d was in reserve"
    last.handle_timeout(11.5)
    assert last.places == ("b", "d")


def test_who_speaks_sees_who_spoke_before_it() -> None:
    last = room(1, "abc")
    last.handle_speaking("a", True, 1.0)
    assert last.shown_to("a") == {"b"}
    assert last.handle_speaking("c", True, 5.0) is True
    last.handle_speaking("c", False, 6.0)
    assert last.places == ("a",)
    assert last.shown_to("a") == {"c"}


def test_who_waits_waits_after_a_departure_too() -> None:
    last = room(1, "abc")
    assert last.remove("a", 10.0) is True
    assert last.handle_speaking("c", True, 10.5) is False
    assert last.next_deadline() == 10.0 + SWAP_SECONDS
    assert last.handle_timeout(11.0) is True
    assert last.places == ("c",)


def test_screens_and_what_is_pinned_always_pass() -> None:
    last = room(1, "abc")
    assert last.passes(OUTSIDER, "a")
    assert not last.passes(OUTSIDER, "b")
    assert last.passes(OUTSIDER, "b", pinned=True)
    assert last.passes(OUTSIDER, "c", screen=True)
    assert not last.passes("a", "a")
    nobody = room(0, "ab")
    assert nobody.shown_to(OUTSIDER) == nobody.shown_to("a") == frozenset()
    assert nobody.handle_speaking("b", True, 1.0) is False
    assert (nobody.next_deadline(), nobody.passes("a", "b"), nobody.passes("a", "b", screen=True)) == (
        None,
        False,
        True,
    )


def test_the_place_of_who_leaves_is_filled_at_once() -> None:
    last = room(2, "abcd")
    last.handle_speaking("d", True, 1.0)
    assert last.shown_to(OUTSIDER) == {"a", "d"}
    assert last.remove("d", 1.1) is True
    assert last.shown_to(OUTSIDER) == {"a", "b"}
    assert last.remove("d", 1.2) is False
    assert last.remove("c", 1.3) is True, "those with a place saw it"
    assert last.remove("b", 1.4) is True
    assert last.shown_to(OUTSIDER) == {"a"}
    assert last.remove("a", 1.5) is True
    assert last.shown_to(OUTSIDER) == frozenset()


def test_a_muted_camera_needs_no_place_and_its_speaker_gets_one_back() -> None:
    last = room(2, "abcd")
    last.handle_speaking("d", True, 1.0)
    last.handle_speaking("d", False, 5.0)
    assert last.handle_mute("d", True, 6.0) is True
    assert last.places == ("a", "b")
    assert last.handle_mute("d", True, 6.0) is False
    assert last.handle_mute("nobody", True, 6.0) is False
    assert last.handle_speaking("d", True, 7.0) is False, "there is nothing to see"
    assert last.handle_speaking("d", False, 8.0) is False
    assert last.handle_mute("d", False, 9.0) is True
    assert set(last.places) == {"d", "a"}
    last.handle_mute("c", True, 10.0)
    assert last.remove("c", 11.0) is False


def test_strangers_speak_too() -> None:
    last = room(2, "ab")
    assert last.handle_speaking("somebody without a camera", True, 1.0) is False
    assert last.add("a", 2.0) is False


_step = st.tuples(
    st.sampled_from(["add", "remove", "mute", "unmute", "speaks", "speaks", "speaks", "ceases", "ceases"]),
    st.sampled_from("abcde"),
    st.sampled_from([0.0, 0.1, 0.5, 1.0, 3.0]),
)


@settings(max_examples=300)
@given(st.integers(0, 3), st.lists(_step, max_size=80))
def test_changes_are_few_and_end_with_the_last_speakers(n: int, steps: list[tuple[str, str, float]]) -> None:
    watched = Watched(n)
    for action, key, wait in steps:
        watched.wait(wait)
        watched.do(action, key)
    for key in sorted(watched.speaking):
        watched.wait(0.1)
        watched.do("ceases", key)
    watched.wait(60.0)
    watched.check_rest()
    for key in sorted(watched.present):
        watched.do("remove", key)
    assert watched.views() == dict.fromkeys(EVERYBODY, frozenset())


EVERYBODY = [*"abcde", OUTSIDER]


class Watched:
    """A room whose every change is checked: nobody's view changes by more than one picture, nor too often."""

    def __init__(self, n: int) -> None:
        self.n, self.last, self.now = n, LastN[str](n), 0.0
        self.present: set[str] = set()
        self.muted: set[str] = set()
        self.speaking: set[str] = set()
        self.spoke: dict[str, float] = {}
        self.replaced_at = -SWAP_SECONDS

    def views(self) -> dict[str, frozenset[str]]:
        return {viewer: self.last.shown_to(viewer) for viewer in EVERYBODY}

    def wait(self, seconds: float) -> None:
        until, rounds = self.now + seconds, 0
        while (due := self.last.next_deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            self.check(lambda: self.last.handle_timeout(self.now))
            rounds += 1
            assert rounds <= 20, "it comes to rest"
        self.now = until

    def do(self, action: str, key: str) -> None:
        if action == "add":
            self.present.add(key)
            self.check(lambda: self.last.add(key, self.now))
        elif action == "remove":
            self.present.discard(key)
            self.muted.discard(key)
            self.speaking.discard(key)
            self.spoke.pop(key, None)
            self.check(lambda: self.last.remove(key, self.now), removed=True)
        elif action in ("mute", "unmute"):
            muted = action == "mute"
            if key in self.present:
                (self.muted.add if muted else self.muted.discard)(key)
            self.check(lambda: self.last.handle_mute(key, muted, self.now), removed=muted)
        elif key in self.present:
            if action == "speaks":
                self.speaking.add(key)
            elif key in self.speaking:
                self.speaking.discard(key)
                self.spoke[key] = self.now
            self.check(lambda: self.last.handle_speaking(key, action == "speaks", self.now))

    def check(self, change: Callable[[], bool], *, removed: bool = False) -> None:
        before, places = self.views(), self.last.places
        changed, after = change(), self.views()
        assert changed == (before != after)
        lost = {viewer: before[viewer] - after[viewer] for viewer in EVERYBODY}
        assert all(len(each) <= 1 for each in lost.values()), "at most one picture is replaced"
        assert all(len(view) <= self.n and viewer not in view for viewer, view in after.items())
        if not removed:
            assert not any(each & self.speaking for each in lost.values()), "nobody who speaks is replaced"
            kept = [key for key in places if key in self.last.places]
            assert [places.index(key) for key in kept] == [self.last.places.index(key) for key in kept]
        if any(lost.values()):
            assert removed or self.now - self.replaced_at >= SWAP_SECONDS - 1e-9
            self.replaced_at = self.now

    def check_rest(self) -> None:
        """With all silent, everybody is shown the last N speakers other than itself, and others for want of such."""
        assert self.last.next_deadline() is None
        for viewer in EVERYBODY:
            others = self.present - self.muted - {viewer}
            shown = self.last.shown_to(viewer)
            assert len(shown) == min(self.n, len(others))
            times = sorted((self.spoke[key] for key in shown & self.spoke.keys()), reverse=True)
            assert times == sorted((self.spoke[key] for key in others & self.spoke.keys()), reverse=True)[: self.n]
