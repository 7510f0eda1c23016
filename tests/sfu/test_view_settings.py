"""Which layer suits a viewer: LiveKit's rules, and what holds for any announcement."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.view_settings import (
    QUALITIES,
    SIZE_TOLERANCE,
    VideoLayer,
    ViewSettings,
    layer_for,
    wanted_layer,
    wanted_quality,
)

CAMERA = (VideoLayer("low", 320, 180), VideoLayer("medium", 640, 360), VideoLayer("high", 1280, 720))
ALL = {0, 1, 2}


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (160, 90, 0),
        (320, 180, 0),
        (355, 200, 0),  # 180 lines are 90 % of 200
        (358, 201, 1),
        (640, 360, 1),
        (800, 450, 2),
        (1280, 720, 2),
        (3840, 2160, 2),  # there is nothing better
        (360, 640, 1),  # the same picture on its side
        (180, 1000, 0),  # a narrow strip
        (0, 360, 1),  # one side is not said
        (640, 0, 2),
    ],
)
def test_the_smallest_layer_that_fills_the_element(width: int, height: int, expected: int) -> None:
    settings = ViewSettings(width=width, height=height)
    assert wanted_layer(settings, CAMERA) == expected
    assert layer_for(settings, CAMERA, ALL) == expected
    upright = [VideoLayer(layer.quality, layer.height, layer.width) for layer in CAMERA]
    assert wanted_layer(settings, upright) == expected, "a phone held upright"


def test_dimensions_beat_quality() -> None:
    assert layer_for(ViewSettings(quality="low", width=1280, height=720), CAMERA, ALL) == 2
    assert layer_for(ViewSettings(quality="high", width=100, height=100), CAMERA, ALL) == 0


@pytest.mark.parametrize(("quality", "expected"), [("low", 0), ("medium", 1), ("high", 2), (None, 2)])
def test_quality_without_dimensions(quality: str | None, expected: int) -> None:
    settings = ViewSettings(quality=next((known for known in QUALITIES if known == quality), None))
    assert layer_for(settings, CAMERA, ALL) == expected
    assert layer_for(settings, (), ALL) == expected, "nothing is announced: rids count upwards"


def test_layers_of_unknown_size_go_by_quality() -> None:
    sizeless = [VideoLayer(quality) for quality in QUALITIES]
    assert layer_for(ViewSettings(quality="medium", width=10, height=10), sizeless, ALL) == 1
    assert layer_for(ViewSettings(width=10, height=10), sizeless, ALL) == 2


def test_two_layers_and_one() -> None:
    screen = (VideoLayer("low", 960, 540), VideoLayer("high", 1920, 1080))
    assert layer_for(ViewSettings(quality="medium"), screen, {0, 1}) == 0
    assert layer_for(ViewSettings(width=1000, height=600), screen, {0, 1}) == 0
    assert layer_for(ViewSettings(width=1100, height=620), screen, {0, 1}) == 1
    single = (VideoLayer("high", 1280, 720),)
    assert layer_for(ViewSettings(quality="low"), single, {0}) == 0, "the only one is the least one"
    assert wanted_quality(ViewSettings(quality="low"), single) == "high"


def test_of_layers_of_one_size_the_best() -> None:
    screen = (VideoLayer("low", 1920, 1080, 200_000), VideoLayer("high", 1920, 1080, 2_500_000))
    assert layer_for(ViewSettings(width=1920, height=1080), screen, {0, 1}) == 1


def test_what_flows_limits_what_is_sent() -> None:
    large, small = ViewSettings(width=1280, height=720), ViewSettings(width=160, height=90)
    assert layer_for(large, CAMERA, {0, 1}) == 1
    assert layer_for(large, CAMERA, {0}) == 0
    assert layer_for(small, CAMERA, {1, 2}) == 1, "more than was wanted is better than nothing"
    assert layer_for(large, CAMERA, ()) is None


def test_a_disabled_track_is_not_sent() -> None:
    assert layer_for(ViewSettings(enabled=False, width=1280, height=720), CAMERA, ALL) is None
    assert wanted_quality(ViewSettings(enabled=False, quality="high"), CAMERA) is None
    assert wanted_quality(ViewSettings(width=600, height=340), CAMERA) == "medium"
    assert wanted_quality(ViewSettings(quality="low"), ()) == "low"


_sides = st.integers(0, 2**32 - 1) | st.integers(0, 3000)
_layers = st.lists(st.builds(VideoLayer, st.sampled_from(QUALITIES), _sides, _sides, st.just(0)), max_size=4)
_quality = st.none() | st.sampled_from(QUALITIES)
_active = st.sets(st.integers(0, 4))


@given(st.builds(ViewSettings, st.booleans(), _quality, _sides, _sides, st.integers(0, 60)), _layers, _active)
def test_there_is_a_picture_whenever_one_is_wanted_and_flows(
    settings: ViewSettings, layers: list[VideoLayer], active: set[int]
) -> None:
    layer = layer_for(settings, layers, active)
    assert (layer is None) == (not settings.enabled or not active)
    wanted = wanted_layer(settings, layers)
    assert 0 <= wanted < (len(layers) or 3)
    if layer is not None:
        assert layer in active
        assert layer <= wanted or layer == min(active)
        assert not any(layer < other <= wanted for other in active)


@given(_layers, _active, _sides, _sides, _sides, _sides)
def test_who_wants_more_gets_no_less(
    layers: list[VideoLayer], active: set[int], width: int, height: int, more_width: int, more_height: int
) -> None:
    """Whatever the publisher announced."""
    small = ViewSettings(width=max(1, width), height=max(1, height))
    large = ViewSettings(width=small.width + more_width, height=small.height + more_height)
    assert wanted_layer(small, layers) <= wanted_layer(large, layers)
    lesser, greater = layer_for(small, layers, active), layer_for(large, layers, active)
    assert (lesser is None) == (greater is None)
    assert lesser is None or greater is None or lesser <= greater


@given(_layers, _active)
def test_a_higher_quality_is_no_lower_layer(layers: list[VideoLayer], active: set[int]) -> None:
    chosen = [layer_for(ViewSettings(quality=quality), layers, active) for quality in QUALITIES]
    assert chosen == sorted(chosen, key=lambda layer: -1 if layer is None else layer)


@given(st.integers(1, 4000), st.integers(1, 4000))
def test_what_is_sent_fills_the_element_if_anything_can(width: int, height: int) -> None:
    layer = wanted_layer(ViewSettings(width=width, height=height), CAMERA)
    wanted = min(width, height) * SIZE_TOLERANCE
    assert CAMERA[layer].height >= wanted or layer == 2
    assert layer == 0 or CAMERA[layer - 1].height < wanted
