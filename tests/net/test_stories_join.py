"""Viewers come, early, late and in crowds."""

from tests.net.story import SECOND, Story


def test_a_viewer_who_is_there_first_sees_the_first_frame() -> None:
    story = Story("first")
    alice = story.publisher()
    bob = story.viewer(alice)
    story.run_for(2)
    assert bob.decoded[0].truth.frame <= 8  # joining takes two checks' time
    assert len(bob.decoded) > 50
    assert bob.counts["plis"] == 0


def test_a_late_joiner_has_a_picture_at_once_without_asking() -> None:
    story = Story("late")
    alice = story.publisher()
    story.run_for(5)
    keyframes = alice.layers[0].keyframes
    bob = story.viewer(alice)
    joined_us = story.now_us
    assert story.run_until(joined_us + SECOND, lambda: bool(bob.decoded))
    assert bob.decoded[0].at_us - joined_us < 400_000
    assert bob.decoded[0].truth.keyframe
    assert alice.layers[0].keyframes > keyframes
    assert bob.counts["plis"] == 0


def test_a_hundred_viewers_asking_at_once_cost_the_publisher_a_keyframe_or_two() -> None:
    story = Story("storm")
    alice = story.publisher()
    viewers = [story.viewer(alice) for _ in range(100)]
    story.run_for(3)
    assert all(viewer.decoded for viewer in viewers)
    asked, keyframes = alice.counts["keyframe_requests"], alice.layers[0].keyframes
    for viewer in viewers:
        viewer.ask_for_keyframe()
    story.run_for(1)
    assert 1 <= alice.layers[0].keyframes - keyframes <= 2
    assert 1 <= alice.counts["keyframe_requests"] - asked <= 3


def test_a_viewer_that_keeps_asking_is_throttled() -> None:
    story = Story("nagging")
    alice = story.publisher()
    bob = story.viewer(alice)
    story.run_for(2)
    keyframes = alice.layers[0].keyframes
    for _ in range(100):
        bob.ask_for_keyframe()
        story.run_for(0.05)
    assert alice.layers[0].keyframes - keyframes <= 11  # five seconds at one per half second


def test_every_viewer_gets_every_frame_on_a_clean_network() -> None:
    story = Story("clean")
    alice = story.publisher()
    viewers = [story.viewer(alice) for _ in range(5)]
    story.run_for(5)
    for viewer in viewers:
        frames = [each.truth.frame for each in viewer.decoded]
        assert frames == list(range(frames[0], frames[0] + len(frames)))
        assert frames[-1] >= alice.frames - 2
        assert viewer.counts["nacks"] == viewer.counts["plis"] == 0


def test_dtls_and_media_are_ignored_before_an_authenticated_check() -> None:
    story = Story("unchecked")
    alice = story.publisher()
    story.viewer(alice)
    stranger = ("203.0.113.7", 7777)
    client_hello = bytes.fromhex("16fefd0000000000000000000401000000")
    before = len(story.sent)
    story.inject(client_hello, stranger)
    story.inject(bytes.fromhex("80600001000000010000000a") + bytes(40), stranger)
    assert len(story.sent) == before
    assert not story.events
    assert sum(story.counters().values()) >= 2  # what came is counted
