"""Simulcast: one layer at a time reaches viewers, and they cannot tell where it comes from."""

from tests.net.publisher import Publisher, VideoSpec
from tests.net.story import Story

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
