"""Simulcast: one layer at a time reaches a viewer, and it cannot tell where that comes from."""

import statistics
from collections.abc import Iterable
from itertools import pairwise

import pytest

from tests.net.link import LinkSpec
from tests.net.loss import IndependentLoss, bursts
from tests.net.publisher import Publisher, VideoSpec
from tests.net.story import PERFECT, Story
from tests.net.viewer import Decoded, Viewer

LAYERS = [
    VideoSpec(1000, 1001, rid="q", parts=1, first_sequence=10, first_timestamp=10, first_picture_id=1),
    VideoSpec(1002, 1003, rid="h", parts=2, first_sequence=20_000, first_timestamp=2**31, first_picture_id=9_000),
    VideoSpec(1004, 1005, rid="f", parts=4, first_sequence=65_000, first_timestamp=77, first_picture_id=20_000),
]


def simulcast(story: Story) -> tuple[Publisher, int]:
    alice = story.publisher(LAYERS)
    track = story.place(alice).track
    assert track is not None
    return alice, track


def test_the_lowest_layer_comes_first_and_a_switch_goes_unnoticed() -> None:
    story = Story("layers")
    alice, track = simulcast(story)
    bob = story.viewer(alice)
    story.run_for(2)
    assert {each.truth.parts for each in bob.decoded} <= {1, 2}
    for layer, parts in ((2, 4), (1, 2), (2, 4), (0, 1)):
        story.core.forward_layer(track, layer)
        story.run_for(2)
        assert bob.decoded[-1].truth.parts == parts
        assert bob.decoded[-1].truth.frame >= alice.frames - 3
    gaps = [after.at_us - before.at_us for before, after in zip(bob.decoded, bob.decoded[1:], strict=False)]
    assert max(gaps) < 400_000


def test_the_core_tells_which_layers_come_and_go() -> None:
    story = Story("come-and-go")
    alice, track = simulcast(story)
    story.viewer(alice)
    story.run_for(2)
    active = {change.layer: change.active for change in story.layer_changes() if change.track == track}
    assert active == {0: True, 1: True, 2: True}
    rids = {change.layer: change.rid for change in story.layer_changes()}
    assert rids == {0: "q", 1: "h", 2: "f"}
    alice.layers[2].enabled = False
    story.run_for(3)
    assert [(c.layer, c.active) for c in story.layer_changes()][-1] == (2, False)
    alice.layers[2].enabled = True
    story.run_for(1)
    assert [(c.layer, c.active) for c in story.layer_changes()][-1] == (2, True)


LINKS = {
    "perfect": PERFECT,
    "lossy": LinkSpec(delay_us=20_000, loss=IndependentLoss(0.03)),
    "bursts": LinkSpec(delay_us=20_000, loss=bursts(0.03, 4.0)),
    "shuffled": LinkSpec(delay_us=20_000, reorder=0.05),
}


def layers_in(frames: Iterable[Decoded]) -> set[int]:
    """Layers that frames came from: a keyframe has twice as many packets as others."""
    return {each.truth.parts // (2 if each.truth.keyframe else 1) // 2 for each in frames}


def longest_gap(viewer: Viewer) -> float:
    """In seconds, between decoded frames."""
    times = [each.at_us for each in viewer.decoded]
    return max(after - before for before, after in pairwise(times)) / 1e6


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS.keys())
def test_viewers_of_one_track_each_move_among_its_layers(link: LinkSpec) -> None:
    """The viewers themselves object to whatever breaks a stream."""
    shares = []
    for seed in range(2):
        story = Story(f"each-their-own-{seed}")
        alice = story.publisher(LAYERS, up=link, down=link)
        bob = story.viewer(alice, up=link, down=link, layer=0)
        carol = story.viewer(alice, up=link, down=link, layer=2)
        dave = story.viewer(alice, up=link, down=link, rtx=False)
        story.run_for(3)
        assert (layers_in(bob.decoded), layers_in(carol.decoded)) == ({0}, {2})
        for for_bob, for_carol in ((1, 0), (2, 0), (0, 2), (2, 1), (1, 1)):
            story.choose(bob, for_bob)
            story.choose(carol, for_carol)
            story.run_for(2)
            assert layers_in(bob.decoded[-15:]) == {for_bob}
            assert layers_in(carol.decoded[-15:]) == {for_carol}
        assert layers_in(dave.decoded) == {0}, "what others choose is nothing to whoever has no choice"
        shares += [len(viewer.decoded) / alice.frames for viewer in (bob, carol, dave)]
        if link is PERFECT:
            assert max(map(longest_gap, (bob, carol, dave))) < 0.4
    assert statistics.mean(shares) > 0.9


def test_a_layer_that_stops_freezes_those_who_chose_it_and_nobody_else() -> None:
    story = Story("stops")
    alice = story.publisher(LAYERS)
    bob, carol = story.viewer(alice, layer=2), story.viewer(alice, layer=1)
    story.run_for(2)
    alice.layers[2].enabled = False
    story.run_for(3)
    frozen = len(bob.decoded)
    assert [(c.layer, c.active) for c in story.layer_changes()][-1] == (2, False)
    story.run_for(1)
    assert len(bob.decoded) == frozen
    assert longest_gap(carol) < 0.1
    story.choose(bob, 1)
    story.run_for(1)
    assert layers_in(bob.decoded[frozen:]) == {1}
    story.choose(bob, 2)
    story.run_for(2)
    assert layers_in(bob.decoded[frozen:]) == {1}, "it stays where it is as long as the other does not flow"
    alice.layers[2].enabled = True
    story.run_for(1)
    assert layers_in(bob.decoded[-15:]) == {2}


def test_who_is_disabled_gets_nothing_and_comes_back_in_another_layer() -> None:
    story = Story("disabled")
    alice = story.publisher(LAYERS)
    bob, carol = story.viewer(alice, layer=2), story.viewer(alice, layer=0)
    story.run_for(2)
    story.watch(bob, None)
    story.run_for(0.1)
    seen = bob.counts["packets"]
    story.run_for(2)
    assert bob.counts["packets"] == seen
    before = len(bob.decoded)
    story.watch(bob, alice, 1)
    story.run_for(1)
    assert layers_in(bob.decoded[before:]) == {1}
    assert longest_gap(carol) < 0.1
    place = story.place(bob)
    stats = story.core.transport_stats(place.transport)
    assert stats is not None
    assert [(each["source"], each["layer"]) for each in stats["egresses"]] == [(story.place(alice).track, 1)]
